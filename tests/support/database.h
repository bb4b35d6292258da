// A small language for tests: real SQLite connections with the built extension loaded.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sqlite3.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/files.h"

namespace kindred::test {

// One connection with kindred loaded. Move-only; closes itself.
class Database {
 public:
  // Opens (and creates) `path`, which may be a URI, ":memory:" by default, with a 5 s busy timeout.
  explicit Database(const std::string& path = ":memory:");

  sqlite3* handle() const { return db_.get(); }

  // Runs one or more statements; throws std::runtime_error with SQLite's message on failure.
  void run(const std::string& sql);
  // The message of the error that `sql` ends in; "" if it succeeds.
  std::string error(const std::string& sql);
  // Rows as "a|b|c" (NULL is "NULL", blobs are x'..'), in order. Throws as run() does.
  std::vector<std::string> rows(const std::string& sql);
  // The first row's text, "" if there is none.
  std::string one(const std::string& sql);

  // As above with blob, text or number parameters bound to ?1, ?2, ...
  struct Parameter {
    enum class Kind { kBlob, kText, kInteger, kReal, kNull } kind;
    std::string bytes;
    int64_t integer = 0;
    double real = 0;
  };
  std::vector<std::string> rows(const std::string& sql, const std::vector<Parameter>& parameters);

 private:
  struct Close {
    void operator()(sqlite3* db) const { sqlite3_close_v2(db); }
  };
  std::unique_ptr<sqlite3, Close> db_;
};

// Copies main by SQLite's backup API: all of it, in one step.
void copy_by_backup_api(Database& from, Database& into);

// A blob parameter of packed float32.
Database::Parameter blob(const std::vector<float>& v);
Database::Parameter text(std::string s);
Database::Parameter integer(int64_t i);
Database::Parameter real(double d);

}  // namespace kindred::test
