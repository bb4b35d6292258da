// Kills processes that write (kill -9) and looks at what they left: an ordinary table and a
// collection written together must agree, and no acknowledged commit may be missing.
//   kindred_crash rounds [number [seed]]   200 rounds by default
//   kindred_crash processes                two processes see each other's commits at once
//   kindred_crash control                  proof that the rounds find what is wrong
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/crash/process.h"
#include "tests/crash/worker.h"
#include "tests/support/mirror.h"

using namespace kindred::test;

namespace {

struct Mode {
  const char* journal;
  const char* synchronous;
};
constexpr Mode kModes[] = {{"WAL", "NORMAL"}, {"WAL", "FULL"}, {"DELETE", "FULL"}};

// One database file that is written to and crashed again and again.
class Victim {
 public:
  Victim(const std::string& path, const Mode& mode) : path_(path), mode_(mode) {
    Database db(path);
    db.run("PRAGMA journal_mode=" + std::string(mode.journal));
    both_ = make_mirrored(db, "items");
    db.run("CREATE TABLE commits(worker, n, PRIMARY KEY(worker, n))");
  }

  // A crash of `workers` processes at once. "" or what is wrong after it.
  std::string crash(int workers, Random& random, const std::string& fault) {
    if (random.one_in(2)) age_files();
    std::vector<std::unique_ptr<WorkerProcess>> running;
    for (int64_t number = 0; number < workers; ++number)
      running.push_back(std::make_unique<WorkerProcess>(
          WorkerOptions{path_, mode_.synchronous, random.bits(), number, fault}));
    if (random.one_in(5))
      running.front()->listen(static_cast<int>(random.below(40)));  // perhaps before its first
    else  // of two, the other one may hold it up
      running.front()->listen(workers == 1 ? 10000 : 150, true);
    running.front()->listen(static_cast<int>(random.below(15)));
    std::string wrong;
    for (int number = 0; number < workers; ++number) {
      if (!running[static_cast<size_t>(number)]->kill()) wrong = "a worker ended on its own";
      int64_t& acknowledged = acknowledged_[number];
      acknowledged = std::max(acknowledged, running[static_cast<size_t>(number)]->acknowledged());
    }
    return wrong.empty() ? look(random) : wrong;
  }

  // Whether a connection, and with it the cache of what it has read, outlives the next crashes.
  void keep_open(bool open) {
    if (!open) watching_.reset();
    if (open && !watching_) watching_ = std::make_unique<Database>(path_);
  }

  int64_t acknowledged() const {
    int64_t all = 0;
    for (const auto& [number, commits] : acknowledged_) all += commits;
    return all;
  }

 private:
  // Makes files of segments old enough to be swept.
  void age_files() const {
    const std::filesystem::path folder = path_ + "-kindred/segments";
    if (!std::filesystem::exists(folder)) return;
    const auto old = std::filesystem::file_time_type::clock::now() - std::chrono::minutes(5);
    for (const auto& file : std::filesystem::directory_iterator(folder))
      std::filesystem::last_write_time(file.path(), old);
  }

  std::string look(Random& random) {
    Database fresh(path_);
    const Database::Parameter query = blob(random.vector(4, 1000));
    std::string wrong = all_differ(fresh, both_, query);
    if (wrong.empty() && watching_) wrong = seen_differ(*watching_, both_, query);
    if (wrong.empty()) wrong = lost_rows(fresh);
    if (wrong.empty()) wrong = lost_commits(fresh);
    if (wrong.empty()) wrong = fresh.error("INSERT INTO items(items) VALUES('integrity-check')");
    const std::string integrity = fresh.one("PRAGMA integrity_check");
    return wrong.empty() && integrity != "ok" ? integrity : wrong;
  }

  // Rows that knn() does not find by their own vector, at distance 0.
  std::string lost_rows(Database& db) const {
    const std::string lost = db.one(
        "SELECT id FROM items_mirror AS m WHERE NOT EXISTS (SELECT 1 FROM "
        "knn('items', m.v) AS n WHERE n.rowid = m.id AND n.distance = 0)");
    return lost.empty() ? "" : "row " + lost + " is not found at distance 0";
  }
  std::string lost_commits(Database& db) const {
    for (const auto& [number, acknowledged] : acknowledged_) {
      const std::string where = " FROM commits WHERE worker = " + std::to_string(number);
      const int64_t count = std::stoll(db.one("SELECT count(*)" + where));
      const int64_t newest = std::stoll(db.one("SELECT ifnull(max(n), 0)" + where));
      if (count != newest || newest < acknowledged)
        return "worker " + std::to_string(number) + ": " + std::to_string(acknowledged) +
               " commits acknowledged, " + std::to_string(count) + " there, the last " +
               std::to_string(newest);
    }
    return "";
  }

  std::string path_;
  Mode mode_;
  Mirrored both_;
  std::unique_ptr<Database> watching_;
  std::map<int64_t, int64_t> acknowledged_;  // by worker
};

struct Outcome {
  std::string wrong;
  int64_t commits = 0;
};

Outcome run_rounds(int64_t rounds, uint64_t seed, const std::string& fault) {
  const ScratchDirectory scratch;
  Random random(seed);
  std::vector<std::unique_ptr<Victim>> victims;
  for (const Mode& mode : kModes)
    victims.push_back(std::make_unique<Victim>(
        scratch.file("app" + std::to_string(victims.size()) + ".db"), mode));
  Outcome outcome;
  for (int64_t round = 0; round < rounds && outcome.wrong.empty(); ++round) {
    const auto at = static_cast<size_t>(round) % victims.size();
    Victim& victim = *victims[at];
    victim.keep_open(random.one_in(2));
    const int workers = random.one_in(4) ? 2 : 1;
    const std::string wrong = victim.crash(workers, random, fault);
    if (!wrong.empty())
      outcome.wrong = "round " + std::to_string(round) + ", seed " + std::to_string(seed) + ", " +
                      kModes[at].journal + ", " + std::to_string(workers) + " workers: " + wrong;
  }
  for (const auto& victim : victims) outcome.commits += victim->acknowledged();
  return outcome;
}

int check_rounds(int64_t rounds, uint64_t seed) {
  const Outcome outcome = run_rounds(rounds, seed, "");
  std::printf("%lld rounds, %lld acknowledged commits\n", static_cast<long long>(rounds),
              static_cast<long long>(outcome.commits));
  if (outcome.commits < rounds / 2) std::printf("too few commits to prove anything\n");
  std::printf("%s\n", outcome.wrong.empty() ? "no difference" : outcome.wrong.c_str());
  return outcome.wrong.empty() && outcome.commits >= rounds / 2 ? 0 : 1;
}

int check_control() {
  int status = 0;
  for (const std::string fault : {"forget", "lie"}) {
    const Outcome outcome = run_rounds(20, 5, fault);
    std::printf("%s: %s\n", fault.c_str(),
                outcome.wrong.empty() ? "NOT FOUND" : outcome.wrong.substr(0, 200).c_str());
    if (outcome.wrong.empty()) status = 1;
  }
  return status;
}

// What this process commits the other finds in its next question, and the other way round.
std::string processes_differ(const std::string& path, const std::string& journal) {
  Database here(path);
  here.run("PRAGMA journal_mode=" + journal);
  const Mirrored both = make_mirrored(here, "items");
  ServerProcess there(path);
  Random random(3);
  for (int i = 1; i <= 40; ++i) {
    const std::string id = std::to_string(i % 7 + 1);
    const std::string vector = random_vector(random);
    const std::string find = "SELECT rowid FROM knn('items', " + vector + ") WHERE distance <= 0";
    const std::string change =
        "INSERT OR REPLACE INTO @(rowid, key, v) VALUES(" + id + ", 'k" + id + "', " + vector + ")";
    if (i % 2 == 0) {
      run_on_both(here, both, change);
      const std::string found = there.ask(find);
      if (found != id + ";") return "the other process finds " + found + ", wanted " + id;
    } else {
      for (const std::string& table : {both.collection, both.mirror})
        there.ask(std::string(change).replace(change.find('@'), 1, table));
      if (here.one(find) != id) return "this process finds " + here.one(find) + ", wanted " + id;
    }
    if (i % 10 == 9) there.ask("INSERT INTO items(items) VALUES('optimize')");
    if (i % 5 == 4) {
      run_on_both(here, both, "DELETE FROM @ WHERE rowid = " + id);
      const std::string found = there.ask(find);
      if (!found.empty()) return "the other process still finds " + found;
    }
    const std::string difference = all_differ(here, both, blob(random.vector(4, 1000)));
    if (!difference.empty()) return difference;
  }
  return "";
}

int check_processes() {
  const ScratchDirectory scratch;
  int status = 0;
  for (const std::string journal : {"WAL", "DELETE"}) {
    const std::string difference = processes_differ(scratch.file(journal + ".db"), journal);
    std::printf("%s: %s\n", journal.c_str(), difference.empty() ? "ok" : difference.c_str());
    if (!difference.empty()) status = 1;
  }
  return status;
}

int run(const std::vector<std::string>& arguments) {
  const auto at = [&](size_t i) { return i < arguments.size() ? arguments[i] : std::string(); };
  const auto number = [&](size_t i, int64_t otherwise) {
    return i < arguments.size() ? std::stoll(arguments[i]) : otherwise;
  };
  if (at(0) == "rounds") return check_rounds(number(1, 200), static_cast<uint64_t>(number(2, 1)));
  if (at(0) == "processes") return check_processes();
  if (at(0) == "control") return check_control();
  if (at(0) == "server") {
    run_server(at(1));
    return 0;
  }
  if (at(0) == "worker") run_worker({at(1), at(2), std::stoull(at(3)), number(4, 0), at(5)});
  std::fprintf(stderr, "usage: kindred_crash rounds [number [seed]] | processes | control\n");
  return 2;
}

}  // namespace

int main(int argc, char* argv[]) {
  try {
    return run(std::vector<std::string>(argv + 1, argv + argc));
  } catch (const std::exception& e) {
    std::fprintf(stderr, "kindred_crash: %s\n", e.what());
    return 1;
  }
}
