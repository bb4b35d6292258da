// A connection that kindred opens for itself to a database's file: to see what is committed, or to
// write a backup. Never the one at hand.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "sql/sqlite.h"

namespace kindred::sql {

class OwnConnection {
 public:
  // `flags` are SQLite's. A cache shared with the connection at hand would have no other committed
  // state than that one, and is locked by the statement that asks.
  OwnConnection(const std::string& file, int flags)
      : code_(sqlite3_open_v2(file.c_str(), &db_, flags | SQLITE_OPEN_PRIVATECACHE, nullptr)) {}
  ~OwnConnection() { sqlite3_close(db_); }  // no statement of it is left
  OwnConnection(const OwnConnection&) = delete;
  OwnConnection& operator=(const OwnConnection&) = delete;

  // SQLITE_OK, or why it could not be opened: then there is nothing to do with it.
  int code() const noexcept { return code_; }
  sqlite3* get() const noexcept { return db_; }

 private:
  sqlite3* db_ = nullptr;
  int code_;
};

}  // namespace kindred::sql
