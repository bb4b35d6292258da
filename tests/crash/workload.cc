// SPDX-License-Identifier: Apache-2.0
#include "tests/crash/workload.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <stdexcept>
#include <utility>

#include "tests/crash/victim.h"
#include "tests/crash/worker.h"

namespace kindred::test {
namespace {

constexpr int kSteps = 24;
constexpr int kStepsAfterwards = 4;
// Steps that a full disk lasts, and that an error may show itself in: it may be the background's.
constexpr int kFailing = 3;

void require(const std::string& difference) {
  if (!difference.empty()) throw std::runtime_error(difference);
}

class Workload {
 public:
  explicit Workload(const WorkloadOptions& options)
      : random_(options.seed), path_(options.plan.database), db_(path_), both_(mirrored("items")) {
    tolerant_ = options.plan.failure >= Failure::kError && options.plan.failure != Failure::kShort;
    db_.run("PRAGMA synchronous=" + options.synchronous);
    db_.run("PRAGMA wal_autocheckpoint=40");
    db_.run("INSERT INTO items(items) VALUES('seal=40')");
  }

  void run() {
    for (int step = 0; step < kSteps; ++step) try_step(step);
    const int64_t calls = calls_seen();
    lift();
    require(all_differ(db_, both_, blob(random_.vector(4, 1000))));
    for (int step = 0; step < kStepsAfterwards; ++step) try_step(step);
    require(all_differ(db_, both_, blob(random_.vector(4, 1000))));
    report(-calls);
  }

 private:
  static void report(int64_t number) {
    if (write(kReportDescriptor, &number, sizeof number) != sizeof number) std::exit(1);
  }

  void lift() {
    lift_failure();
    tolerant_ = false;
    is_just_lifted_ = true;
  }

  // What the background met before the failure was lifted shows itself in the next step.
  void try_step(int step) {
    if (has_failed() && ++steps_failing_ == kFailing) lift();
    const bool tolerates = tolerant_ || std::exchange(is_just_lifted_, false);
    try {
      if (step % 3 == 1) age_segments(path_);
      if (step % 6 == 4) other_collection();
      transaction(step);
    } catch (const std::exception& e) {
      if (!tolerates || !has_failed()) throw;
      after_error(e.what());
    }
    if (random_.one_in(3)) let_background_work();
  }

  // What a failed statement leaves of its transaction counts as much as any other: unless it was
  // the mirror's, which leaves them different.
  void after_error(const std::string& error) {
    if (sqlite3_get_autocommit(db_.handle()) != 0) return;
    const bool mirror = error.find("items_mirror") != std::string::npos;
    if (mirror || error.find("VALUES(") == std::string::npos || random_.one_in(2) || !commit())
      roll_back();
  }

  void roll_back() {
    db_.error("ROLLBACK");  // fails where SQLite has done so itself
  }

  void transaction(int step) {
    db_.run("BEGIN IMMEDIATE");
    change_both(db_, both_, random_, step % 5 == 3 ? 40 : random_.below(8) + 1);
    if (random_.one_in(3)) savepoint(db_, both_, random_);
    if (step % 7 == 6) db_.run("INSERT INTO items(items) VALUES('optimize')");
    if (random_.one_in(6)) require(seen_differ(db_, both_, blob(random_.vector(4, 1000))));
    db_.run("INSERT INTO commits VALUES(0, " + std::to_string(next_) + ")");
    if (random_.one_in(6)) return roll_back();
    if (step % 4 == 2) commit_beside_reader();
    if (sqlite3_get_autocommit(db_.handle()) == 0) db_.run("COMMIT");
    report(next_++);
  }

  bool commit() { return db_.error("COMMIT").empty(); }

  // In DELETE mode it is busy until the reader has gone; more follows before the next try.
  void commit_beside_reader() {
    Database reader(path_);
    reader.run("BEGIN");
    reader.one("SELECT count(*) FROM items_mirror");
    sqlite3_busy_timeout(db_.handle(), 0);
    const bool committed = commit();
    sqlite3_busy_timeout(db_.handle(), 5000);
    reader.run("COMMIT");
    if (!committed && sqlite3_get_autocommit(db_.handle()) == 0) savepoint(db_, both_, random_);
    if (!committed && sqlite3_get_autocommit(db_.handle()) != 0)
      throw std::runtime_error("COMMIT failed and took the transaction along");
  }

  // Of bits, those of the same bytes. Its segments are swept once it is dropped.
  void other_collection() {
    if (db_.one("SELECT 1 FROM sqlite_schema WHERE name = 'others'").empty()) {
      db_.run("CREATE VIRTUAL TABLE others USING kindred(v bit[128])");
      db_.run("INSERT INTO others(rowid, v) SELECT id, vec_bit(v) FROM items_mirror");
      db_.run("INSERT INTO others(others) VALUES('optimize')");
    } else {
      db_.run("DROP TABLE others");
    }
  }

  // Until no call has been made for a while.
  static void let_background_work() {
    int64_t before = -1;
    for (int i = 0; i < 40 && before != calls_seen(); ++i) {
      before = calls_seen();
      usleep(1000);
    }
  }

  Random random_;
  std::string path_;
  Database db_;
  Mirrored both_;
  bool tolerant_ = false;
  bool is_just_lifted_ = false;
  int steps_failing_ = 0;
  int64_t next_ = 1;
};

}  // namespace

std::vector<std::string> WorkloadOptions::arguments() const {
  return {"workload",
          plan.database,
          std::to_string(static_cast<int>(plan.failure)),
          std::to_string(plan.at),
          synchronous,
          std::to_string(seed),
          plan.copies};
}

WorkloadOptions WorkloadOptions::from(const std::vector<std::string>& arguments) {
  return {{arguments.at(1), static_cast<Failure>(std::stoi(arguments.at(2))),
           std::stoll(arguments.at(3)), arguments.size() > 6 ? arguments.at(6) : ""},
          arguments.at(4),
          std::stoull(arguments.at(5))};
}

void run_workload(const WorkloadOptions& options) {
  try {
    Workload workload(options);
    watch_calls(options.plan);
    workload.run();
  } catch (const std::exception& e) {
    std::fprintf(stderr, "workload: %s\n", e.what());
    std::exit(2);
  }
  std::exit(0);
}

}  // namespace kindred::test
