// A prepared statement that finalises itself, and SQL text built with SQLite's own quoting.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "sql/boundary.h"
#include "sql/sqlite.h"

namespace kindred::sql {

// Throws Error{code, sqlite3_errmsg} unless rc is SQLITE_OK.
void check(sqlite3* db, int rc);

// Runs statements that return no rows. The second hands an error back instead of throwing it.
void execute(sqlite3* db, const std::string& sql);
std::optional<Error> try_execute(sqlite3* db, const std::string& sql);

// "name" as an SQL identifier, quotes doubled: for names in SQL text.
std::string quote_identifier(std::string_view name);

class Statement {
 public:
  Statement() = default;
  // Prepared to be used many times. Throws Error if the SQL does not compile.
  Statement(sqlite3* db, const std::string& sql);

  explicit operator bool() const noexcept { return stmt_ != nullptr; }
  sqlite3_stmt* get() const noexcept { return stmt_.get(); }

  // Parameters count from 1. Text and blobs are borrowed until the statement is reset.
  Statement& bind(int index, int64_t value);
  Statement& bind(int index, double value);
  Statement& bind(int index, std::string_view text);
  Statement& bind(int index, sqlite3_value* value);
  Statement& bind_blob(int index, const void* data, size_t bytes);
  Statement& bind_null(int index);

  // true for a row, false at the end. Throws Error with the extended code on failure; where
  // this or run() throws, for want of memory too, the statement is reset and can be bound again.
  bool step();
  // Steps to the end and resets: for statements that return no rows.
  void run();
  // The same, but hands an error back instead of throwing it.
  std::optional<Error> try_run();
  void reset() noexcept;

  int64_t integer(int column) const noexcept;
  double real(int column) const noexcept;
  bool is_null(int column) const noexcept;
  std::string_view text(int column) const noexcept;  // lives until step() or reset()
  std::string_view blob(int column) const noexcept;  // the same
  sqlite3_value* value(int column) const noexcept;   // the same; unprotected

 private:
  Error last_error() const;

  struct Finalize {
    void operator()(sqlite3_stmt* stmt) const noexcept;
  };
  std::unique_ptr<sqlite3_stmt, Finalize> stmt_;
};

// Resets a statement when the scope ends, whichever way it does.
class ResetGuard {
 public:
  explicit ResetGuard(Statement& statement) noexcept : statement_(statement) {}
  ~ResetGuard() { statement_.reset(); }
  ResetGuard(const ResetGuard&) = delete;
  ResetGuard& operator=(const ResetGuard&) = delete;

 private:
  Statement& statement_;
};

// Restores last_insert_rowid(), which nested statements change, when the scope ends.
class KeepLastRowid {
 public:
  explicit KeepLastRowid(sqlite3* db) noexcept : db_(db), rowid_(sqlite3_last_insert_rowid(db)) {}
  ~KeepLastRowid() { sqlite3_set_last_insert_rowid(db_, rowid_); }
  KeepLastRowid(const KeepLastRowid&) = delete;
  KeepLastRowid& operator=(const KeepLastRowid&) = delete;

 private:
  sqlite3* db_;
  sqlite3_int64 rowid_;
};

// Whether sqlite3_interrupt() has been called, for work that runs no statements: SQLite has a
// function that tells only since 3.41.
class InterruptCheck {
 public:
  explicit InterruptCheck(sqlite3* db) : statement_(db, "SELECT 1") {}
  // Throws Error (SQLITE_INTERRUPT). REQUIRES: another statement of the connection is running, as
  // in every callback of a virtual table.
  void operator()() {
    statement_.step();  // an interrupted connection refuses it
    statement_.reset();
  }

 private:
  Statement statement_;
};

}  // namespace kindred::sql
