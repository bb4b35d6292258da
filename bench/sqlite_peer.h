// One extension under measurement: a SQLite connection with it loaded, and what an operation costs.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sqlite3.h>

#include <chrono>
#include <cstdint>
#include <ctime>
#include <filesystem>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

namespace kindred::bench {

// CPU time of all threads of this process, and time on the wall; in seconds.
struct Cost {
  double cpu = 0;
  double wall = 0;
};

template <class Body>
Cost cost_of(Body&& body) {
  const auto cpu_now = [] {
    timespec t{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
  };
  const auto wall = std::chrono::steady_clock::now();
  const double cpu = cpu_now();
  body();
  return {cpu_now() - cpu,
          std::chrono::duration<double>(std::chrono::steady_clock::now() - wall).count()};
}

class Statement {
 public:
  Statement(sqlite3* db, const std::string& sql) : db_(db) {
    sqlite3_stmt* stmt = nullptr;
    check(sqlite3_prepare_v2(db, sql.c_str(), -1, &stmt, nullptr));
    stmt_.reset(stmt);
  }
  Statement& bind(int index, int64_t value) {
    check(sqlite3_bind_int64(stmt_.get(), index, value));
    return *this;
  }
  // Borrowed until the statement is reset.
  Statement& bind(int index, std::span<const float> vector) {
    check(sqlite3_bind_blob(stmt_.get(), index, vector.data(),
                            static_cast<int>(vector.size_bytes()), SQLITE_STATIC));
    return *this;
  }
  bool step() {
    const int rc = sqlite3_step(stmt_.get());
    if (rc != SQLITE_ROW && rc != SQLITE_DONE) check(rc);
    return rc == SQLITE_ROW;
  }
  void reset() { check(sqlite3_reset(stmt_.get())); }
  void run() {
    while (step()) {
    }
    reset();
  }
  int64_t integer() { return sqlite3_column_int64(stmt_.get(), 0); }
  std::string text() {
    const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(stmt_.get(), 0));
    return text != nullptr ? text : "";
  }
  // The first column of all rows.
  std::vector<int64_t> ids() {
    std::vector<int64_t> all;
    while (step()) all.push_back(sqlite3_column_int64(stmt_.get(), 0));
    reset();
    return all;
  }

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* stmt) const noexcept { sqlite3_finalize(stmt); }
  };
  void check(int rc) {
    if (rc != SQLITE_OK) throw std::runtime_error(sqlite3_errmsg(db_));
  }
  sqlite3* db_;
  std::unique_ptr<sqlite3_stmt, Finalize> stmt_;
};

// The extensions define functions of the same names: each has its own connection and file.
class Database {
 public:
  // An existing file is opened, with the settings all measurements share.
  Database(const std::string& path, const std::string& extension) : path_(path) {
    sqlite3* db = nullptr;
    const int rc = sqlite3_open(path.c_str(), &db);
    db_.reset(db);
    if (rc != SQLITE_OK) throw std::runtime_error(path + ": " + sqlite3_errmsg(db));
    sqlite3_enable_load_extension(db, 1);
    char* message = nullptr;
    if (sqlite3_load_extension(db, extension.c_str(), nullptr, &message) != SQLITE_OK)
      throw std::runtime_error(extension + ": " + (message != nullptr ? message : "not loaded"));
    execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-200000");
  }
  void execute(const std::string& sql) {
    char* message = nullptr;
    if (sqlite3_exec(db_.get(), sql.c_str(), nullptr, nullptr, &message) == SQLITE_OK) return;
    const std::string text = sql + ": " + (message != nullptr ? message : "");
    sqlite3_free(message);
    throw std::runtime_error(text);
  }
  sqlite3* handle() const noexcept { return db_.get(); }
  Statement prepare(const std::string& sql) { return Statement(db_.get(), sql); }
  // The first column of the first row.
  std::string text(const std::string& sql) {
    Statement statement = prepare(sql);
    return statement.step() ? statement.text() : "";
  }
  // MB of the file with its log folded in.
  double megabytes() {
    execute("PRAGMA wal_checkpoint(TRUNCATE)");
    return static_cast<double>(std::filesystem::file_size(path_)) / 1e6;
  }

 private:
  struct Close {
    void operator()(sqlite3* db) const noexcept { sqlite3_close(db); }
  };
  std::string path_;
  std::unique_ptr<sqlite3, Close> db_;
};

}  // namespace kindred::bench
