// Many threads, each with a connection of its own, on one file: every answer is compared within its
// own read transaction. Run it under the thread sanitizer too (docs/testing.md).
// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/catch.h"
#include "tests/support/mirror.h"

using namespace kindred::test;

namespace {

constexpr int kBusyMilliseconds = 60000;

// What went wrong in any thread: Catch2's own macros are for one thread.
class Report {
 public:
  void add(const std::string& what) {
    if (what.empty()) return;
    const std::lock_guard lock(mutex_);
    if (first_.empty()) first_ = what;
  }
  // Runs body() and adds what it throws.
  template <class Body>
  void watch(Body&& body) {
    try {
      body();
    } catch (const std::exception& e) {
      add(e.what());
    }
  }
  std::string first() const { return first_; }

 private:
  std::mutex mutex_;
  std::string first_;
};

Database::Parameter any_query(Random& random) {
  return blob(random.vector(4, 1000));
}

void write(Database& db, const Mirrored& both, Random& random, Report& report) {
  db.run("BEGIN IMMEDIATE");
  change_both(db, both, random, random.below(6) + 1);
  if (random.one_in(12)) db.run("INSERT INTO items(items) VALUES('optimize')");
  if (random.one_in(3)) report.add(seen_differ(db, both, any_query(random)));
  if (random.one_in(4)) {
    db.run("SAVEPOINT s");
    change_both(db, both, random, 3);
    report.add(seen_differ(db, both, any_query(random)));
    db.run("ROLLBACK TO s");
    report.add(seen_differ(db, both, any_query(random)));
  }
  db.run(random.one_in(4) ? "ROLLBACK" : "COMMIT");
}

void read(Database& db, const Mirrored& both, Random& random, Report& report) {
  db.run("BEGIN");
  for (int64_t n = random.below(3) + 1; n > 0; --n)
    report.add(seen_differ(db, both, any_query(random)));
  report.add(knn_differs(db, both, any_query(random), {5, ""}));
  report.add(match_differs(db, both, any_query(random), {5, "year = 3"}));
  db.run("COMMIT");
}

}  // namespace

TEST_CASE("four writing and four reading threads never see a wrong answer", "[sql][threads]") {
  const ScratchDirectory scratch;
  const std::string path = scratch.file("app.db");
  Mirrored both;
  {
    Database db(path);
    db.run("PRAGMA journal_mode=WAL");
    both = make_mirrored(db, "items");
    db.run("INSERT INTO items(items) VALUES('seal=40')");
  }
  const int64_t transactions = steps(60);
  Report report;
  std::atomic<int> writing{4};
  std::atomic<int64_t> comparisons{0};
  std::vector<std::thread> threads;
  const auto start = [&](uint64_t usual, auto body) {
    threads.emplace_back([&, usual, body] {
      report.watch([&] {
        Database db(path);
        sqlite3_busy_timeout(db.handle(), kBusyMilliseconds);
        db.run("PRAGMA synchronous=OFF");
        Random random(seed(usual));
        body(db, random);
      });
    });
  };
  for (uint64_t writer = 1; writer <= 4; ++writer)
    start(writer, [&](Database& db, Random& random) {
      for (int64_t i = 0; i < transactions; ++i)
        report.watch([&] { write(db, both, random, report); });
      --writing;
    });
  for (uint64_t reader = 11; reader <= 14; ++reader)
    start(reader, [&](Database& db, Random& random) {
      for (int64_t i = 0; i < 10 || writing > 0; ++i) {
        read(db, both, random, report);
        ++comparisons;
      }
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(report.first() == "");
  CHECK(comparisons >= 40);
  Database db(path);
  CHECK(all_differ(db, both, blob({1, 2, 3, 4})) == "");
}
