// SPDX-License-Identifier: Apache-2.0
#include "tests/crash/points.h"

#include <sys/wait.h>

#include <csignal>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "tests/crash/process.h"
#include "tests/crash/victim.h"
#include "tests/crash/workload.h"

namespace kindred::test {
namespace {

namespace fs = std::filesystem;

// One interruption.
struct Point {
  Mode mode;
  Failure failure = Failure::kNone;
  int64_t at = 0;
  uint64_t seed = 0;
};

constexpr const char* kFailures[] = {"none",  "die before", "die after", "die halfway",
                                     "error", "full",       "short",     "no memory"};

std::string describe(const Point& point) {
  return std::string(point.mode.journal) + ", " + point.mode.synchronous + ", " +
         kFailures[static_cast<int>(point.failure)] + " at call " + std::to_string(point.at) +
         ", seed " + std::to_string(point.seed);
}

// "pwrite app.db-wal" without what differs from run to run.
std::string failed_call(const std::string& database) {
  std::ifstream note(failure_note(database));
  std::string call;
  std::getline(note, call);
  std::string kind;
  for (const char c : call)
    if (c < '0' || c > '9')
      kind += c;
    else if (kind.empty() || kind.back() != '#')
      kind += '#';
  return kind;
}

bool dies(Failure failure) {
  return failure == Failure::kDieBefore || failure == Failure::kDieAfter ||
         failure == Failure::kDieHalfway;
}

// A database, the workload on it and its end.
class Run {
 public:
  Run(const fs::path& folder, const Point& point, bool copies = false)
      : folder_(folder), point_(point) {
    fs::create_directories(folder / "copies");
    fs::create_directories(folder / "database");
    victim_.emplace((folder / "database/app.db").string(), point.mode);
    WorkloadOptions options;
    options.plan = {victim_->path(), point.failure, point.at,
                    copies ? (folder / "copies").string() : ""};
    options.synchronous = point.mode.synchronous;
    options.seed = point.seed;
    WorkerProcess child(options.arguments());
    status_ = child.wait();
    calls_ = child.calls();
    acknowledged_ = child.acknowledged();
    call_ = failed_call(victim_->path());
  }
  ~Run() {
    std::error_code ignored;  // the scratch directory goes as a whole too
    fs::remove_all(folder_, ignored);
  }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  int64_t calls() const { return calls_; }
  int64_t acknowledged() const { return acknowledged_; }
  // The call that failed; "" if the workload did not make as many.
  const std::string& call() const { return call_; }

  // "" or what is wrong with the process's end.
  std::string ended_wrong() const {
    if (dies(point_.failure) && WIFSIGNALED(status_) && WTERMSIG(status_) == SIGKILL) return "";
    if (WIFEXITED(status_) && WEXITSTATUS(status_) == 0) return "";
    return WIFSIGNALED(status_) ? "killed by signal " + std::to_string(WTERMSIG(status_))
                                : "exit code " + std::to_string(WEXITSTATUS(status_));
  }

  // "" or what is wrong with the database afterwards.
  std::string look() {
    victim_->acknowledge(0, acknowledged_);
    return look_at_what_is_there();
  }

  // How many states of SQLite's files there are.
  int copies() const {
    int count = 0;
    while (fs::exists(copy(count) + ".db")) ++count;
    return count;
  }

  // The same once SQLite's files are those of a copy. Later commits are lost, and with them the
  // acknowledgement of them.
  std::string look_after_rewind(int which) {
    for (const char* file : {"", "-wal", "-shm"}) fs::remove(victim_->path() + file);
    for (const std::string file : {"", "-wal"})
      if (fs::exists(copy(which) + ".db" + file))
        fs::copy_file(copy(which) + ".db" + file, victim_->path() + file);
    const std::string missing = victim_->missing_segment();
    return missing.empty() ? look_at_what_is_there() : missing;
  }

 private:
  std::string copy(int which) const {
    return (folder_ / "copies" / std::to_string(which)).string();
  }

  std::string look_at_what_is_there() {
    Random random(point_.seed);
    try {
      const std::string wrong = victim_->look(random);
      return wrong.empty() ? victim_->go_on(random) : wrong;
    } catch (const std::exception& e) {
      return e.what();
    }
  }

  fs::path folder_;
  Point point_;
  std::optional<Victim> victim_;
  int status_ = 0;
  int64_t calls_ = 0;
  int64_t acknowledged_ = 0;
  std::string call_;
};

// What came of all points.
struct Tally {
  std::map<std::string, int64_t> calls;  // that failed, by what they are
  int64_t points = 0;
  int64_t not_reached = 0;
  int64_t commits = 0;
  std::vector<std::string> wrong;

  void add(const Point& point, const Run& run, const std::string& what) {
    ++points;
    commits += run.acknowledged();
    run.call().empty() ? ++not_reached : ++calls[run.call()];
    if (what.empty()) return;
    wrong.push_back(describe(point) + ", " + run.call() + ": " + what);
    std::printf("%s\n", wrong.back().substr(0, 600).c_str());
  }

  int print() const {
    std::printf("%lld points, %lld of them not reached, %lld acknowledged commits; at\n",
                static_cast<long long>(points), static_cast<long long>(not_reached),
                static_cast<long long>(commits));
    for (const auto& [call, count] : calls)
      std::printf("  %6lld %s\n", static_cast<long long>(count), call.c_str());
    const bool enough = not_reached * 4 <= points && commits >= points;
    if (!enough) std::printf("too little to prove anything\n");
    std::printf("%zu differences\n", wrong.size());
    return wrong.empty() && enough ? 0 : 1;
  }
};

// `number` points, evenly spaced over the calls that each mode's workload makes.
template <class Visit>
void for_each_point(const std::vector<Mode>& modes, const std::vector<Failure>& failures,
                    int64_t number, uint64_t seed, Visit&& visit) {
  const ScratchDirectory scratch;
  const Failure counted =
      failures.front() == Failure::kNoMemory ? Failure::kNoMemory : Failure::kNone;
  std::vector<int64_t> calls;
  for (const Mode& mode : modes) {
    const Run whole(scratch.file("calibration"), {mode, counted, 0, seed});
    if (!whole.ended_wrong().empty()) throw std::runtime_error(whole.ended_wrong());
    calls.push_back(whole.calls());
    std::printf("%s, %s: %lld calls\n", mode.journal, mode.synchronous,
                static_cast<long long>(whole.calls()));
  }
  Random random(seed);
  const auto kinds = static_cast<int64_t>(modes.size());
  for (int64_t i = 0; i < number; ++i) {
    const auto mode = static_cast<size_t>(i % kinds);
    const int64_t at = (i / kinds) * calls[mode] / (number / kinds + 1) + 1;
    const auto failure = static_cast<size_t>(random.below(static_cast<int64_t>(failures.size())));
    visit(scratch.file(std::to_string(i)), Point{modes[mode], failures[failure], at, seed});
  }
}

int check(const std::vector<Failure>& failures, int64_t number, uint64_t seed) {
  Tally tally;
  for_each_point({std::begin(kModes), std::end(kModes)}, failures, number, seed,
                 [&](const fs::path& folder, const Point& point) {
                   Run run(folder, point);
                   const std::string ended = run.ended_wrong();
                   tally.add(point, run, ended.empty() ? run.look() : ended);
                 });
  return tally.print();
}

// The place of `name` in a list of them; throws with the list if it is not there.
template <class Names>
size_t find_name(const Names& names, const std::string& name) {
  std::string known;
  size_t place = 0;
  for (const std::string_view other : names) {
    if (other == name) return place;
    known.append(place++ == 0 ? "" : ", ").append(other);
  }
  throw std::runtime_error("\"" + name + "\" is none of: " + known);
}

Point parse_point(const std::string& failure, const std::string& mode, int64_t at, uint64_t seed) {
  std::vector<std::string> modes;
  for (const Mode& each : kModes)
    modes.push_back(std::string(each.journal) + " " + each.synchronous);
  return {kModes[find_name(modes, mode)], static_cast<Failure>(find_name(kFailures, failure)), at,
          seed};
}

}  // namespace

int check_point(const std::string& failure, const std::string& mode, int64_t at, uint64_t seed) {
  const ScratchDirectory scratch;
  const Point point = parse_point(failure, mode, at, seed);
  Run run(scratch.file("0"), point);
  const std::string ended = run.ended_wrong();
  const std::string wrong = ended.empty() ? run.look() : ended;
  std::printf("%s, %s: %s\n", describe(point).c_str(),
              run.call().empty() ? "not reached" : run.call().c_str(),
              wrong.empty() ? "no difference" : wrong.c_str());
  return wrong.empty() ? 0 : 1;
}

int check_points(int64_t number, uint64_t seed) {
  return check({Failure::kDieBefore, Failure::kDieAfter, Failure::kDieHalfway}, number, seed);
}

int check_faults(int64_t number, uint64_t seed) {
  return check({Failure::kError, Failure::kFull, Failure::kShort}, number, seed);
}

int check_memory(int64_t number, uint64_t seed) {
  return check({Failure::kNoMemory}, number, seed);
}

int check_rewinds(int64_t number, uint64_t seed) {
  Tally tally;
  int64_t controls = 0;
  int64_t found = 0;
  for_each_point({kModes[0]}, {Failure::kDieBefore, Failure::kDieAfter}, number, seed,
                 [&](const fs::path& folder, const Point& point) {
                   Run run(folder, point, /*copies=*/true);
                   const std::string ended = run.ended_wrong();
                   const int copies = run.copies();
                   const bool control = tally.points % 5 == 4 && copies > 8;
                   if (control) {
                     ++controls;
                     if (!run.look_after_rewind(copies / 2).empty()) ++found;
                   }
                   if (ended.empty() && control) return tally.add(point, run, "");
                   tally.add(point, run, ended.empty() ? run.look_after_rewind(copies - 1) : ended);
                 });
  std::printf("rewound too far: %lld, of them noticed: %lld\n", static_cast<long long>(controls),
              static_cast<long long>(found));
  return tally.print() == 0 && found > 0 ? 0 : 1;
}

}  // namespace kindred::test
