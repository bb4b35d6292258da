// Kills processes that write (kill -9) and looks at what they left: an ordinary table and a
// collection written together must agree, and no acknowledged commit may be missing.
//   kindred_crash rounds [number [seed]]   200 rounds by default
//   kindred_crash points [number [seed]]   killed at one system call after the other, 100 of them
//   kindred_crash faults [number [seed]]   the same with calls that fail
//   kindred_crash memory [number [seed]]   the same with allocations that fail
//   kindred_crash point failure mode call seed   one of these alone, as they print it:
//                                          "no memory" "WAL NORMAL" 186 7
//   kindred_crash rewinds [number [seed]]  SQLite's files as before, as after a power loss
//   kindred_crash processes                two processes see each other's commits at once
//   kindred_crash crowd [number [seed]]    two writing and two comparing ones, 200 comparisons
//   kindred_crash control                  proof that the rounds find what is wrong
// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <exception>
#include <memory>
#include <string>
#include <vector>

#include "tests/crash/points.h"
#include "tests/crash/process.h"
#include "tests/crash/victim.h"
#include "tests/crash/worker.h"
#include "tests/crash/workload.h"
#include "tests/support/mirror.h"

using namespace kindred::test;

namespace {

// A crash of `workers` processes at once. "" or what is wrong after it.
std::string crash(Victim& victim, int workers, Random& random, const std::string& fault) {
  if (random.one_in(2)) age_segments(victim.path());
  std::vector<std::unique_ptr<WorkerProcess>> running;
  for (int64_t number = 0; number < workers; ++number)
    running.push_back(std::make_unique<WorkerProcess>(
        WorkerOptions{victim.path(), victim.mode().synchronous, random.bits(), number, fault}));
  if (random.one_in(5))
    running.front()->listen(static_cast<int>(random.below(40)));  // perhaps before its first
  else  // of two, the other one may hold it up
    running.front()->listen(workers == 1 ? 10000 : 150, true);
  running.front()->listen(static_cast<int>(random.below(15)));
  std::string wrong;
  for (int number = 0; number < workers; ++number) {
    WorkerProcess& worker = *running[static_cast<size_t>(number)];
    if (!worker.kill()) wrong = "a worker ended on its own";
    victim.acknowledge(number, worker.acknowledged());
  }
  return wrong.empty() ? victim.look(random) : wrong;
}

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
    const std::string wrong = crash(victim, workers, random, fault);
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

// What the readers compare while the writers write.
std::string crowd_differs(Victim& victim, int64_t comparisons, uint64_t seed) {
  Random random(seed);
  std::vector<std::unique_ptr<WorkerProcess>> all;
  for (int64_t number = 0; number < 2; ++number)
    all.push_back(std::make_unique<WorkerProcess>(
        WorkerOptions{victim.path(), victim.mode().synchronous, random.bits(), number, ""}));
  for (int number = 0; number < 2; ++number)
    all.push_back(std::make_unique<WorkerProcess>(
        std::vector<std::string>{"reader", victim.path(), std::to_string(random.bits())}));
  int64_t compared = 0;
  for (int64_t before = -1; compared < comparisons && compared != before;) {
    before = compared;
    compared = 0;
    for (const auto& process : all) process->listen(20000, true);
    for (size_t i = 2; i < all.size(); ++i) compared += all[i]->acknowledged();
  }
  std::string wrong = compared < comparisons ? "too few comparisons" : "";
  for (size_t i = 0; i < all.size(); ++i) {
    if (!all[i]->kill()) wrong = "a process ended on its own";
    if (i < 2) victim.acknowledge(static_cast<int64_t>(i), all[i]->acknowledged());
  }
  std::printf("%s, %s: %lld comparisons, %lld commits\n", victim.mode().journal,
              victim.mode().synchronous, static_cast<long long>(compared),
              static_cast<long long>(victim.acknowledged()));
  return wrong.empty() ? victim.look(random) : wrong;
}

int check_crowd(int64_t comparisons, uint64_t seed) {
  const ScratchDirectory scratch;
  for (const Mode& mode : kModes) {
    Victim victim(scratch.file(std::string(mode.journal) + mode.synchronous), mode);
    const std::string wrong = crowd_differs(victim, comparisons, seed);
    std::printf("%s\n", wrong.empty() ? "no difference" : wrong.c_str());
    if (!wrong.empty()) return 1;
  }
  return 0;
}

// This program as a child of its own.
int run_child(const std::vector<std::string>& arguments) {
  if (arguments[0] == "workload") run_workload(WorkloadOptions::from(arguments));
  if (arguments[0] == "reader") run_reader(arguments.at(1), std::stoull(arguments.at(2)));
  if (arguments[0] == "worker")
    run_worker({arguments.at(1), arguments.at(2), std::stoull(arguments.at(3)),
                std::stoll(arguments.at(4)), arguments.at(5)});
  if (arguments[0] == "server") run_server(arguments.at(1));
  return 0;
}

int run(const std::vector<std::string>& arguments) {
  const std::string mode = arguments.empty() ? "" : arguments[0];
  const auto number = [&](size_t i, int64_t otherwise) {
    return i < arguments.size() ? std::stoll(arguments[i]) : otherwise;
  };
  const auto seed = [&] { return static_cast<uint64_t>(number(2, 1)); };
  if (mode == "rounds") return check_rounds(number(1, 200), seed());
  if (mode == "point" && arguments.size() == 5)
    return check_point(arguments[1], arguments[2], number(3, 0),
                       static_cast<uint64_t>(number(4, 0)));
  if (mode == "points") return check_points(number(1, 100), seed());
  if (mode == "faults") return check_faults(number(1, 100), seed());
  if (mode == "memory") return check_memory(number(1, 100), seed());
  if (mode == "rewinds") return check_rewinds(number(1, 60), seed());
  if (mode == "processes") return check_processes();
  if (mode == "crowd") return check_crowd(number(1, 200), seed());
  if (mode == "control") return check_control();
  for (const char* child : {"worker", "reader", "workload", "server"})
    if (mode == child) return run_child(arguments);
  std::fprintf(stderr,
               "usage: kindred_crash rounds|points|faults|memory|rewinds|crowd [number [seed]] | "
               "point failure mode call seed | processes | control\n");
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
