// SPDX-License-Identifier: Apache-2.0
#include "tests/crash/worker.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <stdexcept>

#include "tests/support/mirror.h"

namespace kindred::test {

void savepoint(Database& db, const Mirrored& both, Random& random) {
  db.run("SAVEPOINT s");
  change_both(db, both, random, random.below(5) + 1);
  if (random.one_in(5)) db.run("INSERT INTO items(items) VALUES('optimize')");
  db.run(random.one_in(2) ? "ROLLBACK TO s" : "RELEASE s");
}

namespace {

class Worker {
 public:
  explicit Worker(const WorkerOptions& options)
      : options_(options), random_(options.seed), db_(options.path), both_(mirrored("items")) {
    sqlite3_busy_timeout(db_.handle(), 10000);
    db_.run("PRAGMA synchronous=" + options.synchronous);
    db_.run("INSERT INTO items(items) VALUES('seal=" + std::to_string(5 + random_.below(60)) +
            "')");
    next_ = std::stoll(db_.one("SELECT ifnull(max(n), 0) + 1 FROM commits WHERE worker = " +
                               std::to_string(options.number)));
  }

  void transaction() {
    if (!begin()) return;
    change_both(db_, both_, random_, random_.below(8) + 1);
    if (random_.one_in(3)) savepoint(db_, both_, random_);
    if (random_.one_in(15)) db_.run("INSERT INTO items(items) VALUES('optimize')");
    if (options_.fault.empty() && random_.one_in(10))
      require(seen_differ(db_, both_, blob(random_.vector(4, 1000))));
    if (options_.fault == "forget" && random_.one_in(4))
      db_.run("UPDATE items_mirror SET year = year + 1000");
    db_.run("INSERT INTO commits VALUES(" + std::to_string(options_.number) + ", " +
            std::to_string(next_) + ")");
    const bool lies = options_.fault == "lie" && random_.one_in(4);
    if (!lies && random_.one_in(5)) return db_.run("ROLLBACK");
    if (lies) db_.run("ROLLBACK");
    if (!lies && !commit()) return;
    const int64_t number = next_++;
    if (write(kReportDescriptor, &number, sizeof number) != sizeof number) std::exit(1);
  }

 private:
  // Where the machine is busy others may always be quicker.
  bool begin() {
    const std::string error = db_.error("BEGIN IMMEDIATE");
    if (error.find("database is locked") != std::string::npos) return false;
    if (!error.empty()) throw std::runtime_error(error + " in: BEGIN IMMEDIATE");
    return true;
  }
  // In DELETE mode a reader may hold a COMMIT up for longer than anybody waits.
  bool commit() {
    if (db_.error("COMMIT").empty()) return true;
    if (sqlite3_get_autocommit(db_.handle()) == 0) db_.run("ROLLBACK");
    return false;
  }
  static void require(const std::string& difference) {
    if (difference.empty()) return;
    std::fprintf(stderr, "in the worker's transaction: %s\n", difference.c_str());
    std::exit(2);
  }

  WorkerOptions options_;
  Random random_;
  Database db_;
  Mirrored both_;
  int64_t next_ = 1;
};

// Compares in one snapshot after another.
class Reader {
 public:
  Reader(const std::string& path, uint64_t seed)
      : random_(seed), db_(path), both_(mirrored("items")) {
    sqlite3_busy_timeout(db_.handle(), 10000);
  }

  void compare() {
    db_.run("BEGIN");
    const int64_t questions = random_.below(3) + 1;
    for (int64_t i = 0; i < questions; ++i) {
      const std::string difference = answer();
      if (!difference.empty()) {
        std::fprintf(stderr, "in a reader's snapshot: %s\n", difference.c_str());
        std::exit(2);
      }
    }
    db_.run("COMMIT");
    ++compared_;
    if (write(kReportDescriptor, &compared_, sizeof compared_) != sizeof compared_) std::exit(1);
  }

 private:
  // A snapshot whose segments are gone says so and is no difference.
  std::string answer() {
    try {
      return seen_differ(db_, both_, blob(random_.vector(4, 1000)));
    } catch (const std::exception& e) {
      const std::string error = e.what();
      if (error.find("begin a new one") == std::string::npos &&
          error.find("database is locked") == std::string::npos)
        throw;
      return "";
    }
  }

  Random random_;
  Database db_;
  Mirrored both_;
  int64_t compared_ = 0;
};

}  // namespace

void run_worker(const WorkerOptions& options) {
  try {
    Worker worker(options);
    for (;;) worker.transaction();
  } catch (const std::exception& e) {
    std::fprintf(stderr, "worker: %s\n", e.what());
    std::exit(3);
  }
}

void run_reader(const std::string& path, uint64_t seed) {
  try {
    Reader reader(path, seed);
    for (;;) reader.compare();
  } catch (const std::exception& e) {
    std::fprintf(stderr, "reader: %s\n", e.what());
    std::exit(3);
  }
}

void run_server(const std::string& path) {
  Database db(path);
  for (std::string sql; std::getline(std::cin, sql);) {
    std::string answer;
    try {
      for (const std::string& row : db.rows(sql)) answer += row + ";";
    } catch (const std::exception& e) {
      answer = std::string("error: ") + e.what();
    }
    std::cout << answer << std::endl;
  }
}

}  // namespace kindred::test
