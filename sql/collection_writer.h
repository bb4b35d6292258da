// Changes to a collection: rows into <name>_rows, vectors into <name>_log, in the caller's
// transaction. Everything that can fail by what the user gave is checked before the first nested
// write: a single-row statement inside a transaction has no journal of its own, so what was written
// before an error would stay.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "sql/collection.h"
#include "sql/module.h"
#include "sql/statement.h"

namespace kindred::sql {

class CollectionWriter {
 public:
  explicit CollectionWriter(Collection& collection);

  // `columns` are the values of the collection's columns in order. `id` is an explicit rowid; an
  // INTEGER PRIMARY KEY column names it too. `conflict` is sqlite3_vtab_on_conflict()'s.
  // Returns the row's id. Throws Error: SQLITE_CONSTRAINT_* for a key that is taken, SQLITE_ERROR
  // for a value that is no vector of this collection.
  int64_t insert(std::optional<int64_t> id, Values columns, int conflict);
  void update(int64_t old_id, std::optional<int64_t> new_id, Values columns, int conflict);
  void erase(int64_t id);

  // Makes every row's vector anew from its text, by the model as it is now.
  // Returns the number of rows. Throws Error for a collection that does not embed.
  int64_t rebuild();
  // All vectors into one segment.
  void optimize();

  // SQLite's moments: see sql/sealing.h.
  void sync();
  void commit() noexcept;
  void rollback() noexcept;

  // Drops prepared statements: the shadow tables have another name.
  void forget_statements();

 private:
  // What an UPDATE does to a row's vector.
  struct VectorChange {
    std::optional<int64_t> old_cn;   // of the vector the row has
    bool keep = false;               // it stays where it is
    bool only = false;               // nothing else of the row changes: no index need be touched
    std::optional<std::string> put;  // the new one, or the old one under a new id
  };

  void prepare_row_statements();
  std::optional<int64_t> named_id(Values columns) const;
  void require_text_key(Values columns) const;
  std::optional<std::string> vector_bytes(Values columns) const;
  std::string joined_text(Values columns) const;
  bool vector_changes(Values columns, Statement& row) const;
  bool stored_changes(Values columns, Statement& row) const;
  std::optional<VectorChange> vector_change(int64_t old_id, int64_t id, Values columns) const;
  void bind_row(Statement& statement, std::optional<int64_t> id, std::optional<int64_t> cn,
                Values columns) const;
  std::optional<int64_t> next_id();
  void clear_way(std::optional<int64_t> id, Values columns, std::optional<int64_t> but);
  void write_row(Statement& statement);
  int64_t next_cn();
  void log(int64_t cn, int64_t id, storage::Op op, std::string_view vector);

  Collection& collection_;
  sqlite3* db_;
  Statement insert_;
  Statement update_;
  Statement move_;  // an UPDATE of the vector alone
  Statement erase_;
  Statement find_;
  Statement find_key_;
  Statement greatest_id_;
};

}  // namespace kindred::sql
