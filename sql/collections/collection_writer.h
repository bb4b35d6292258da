// Changes to a collection: rows into <name>_rows, vectors into <name>_log, in the caller's
// transaction. A single-row statement inside a transaction has no journal of its own: what was
// written before an error would stay. So everything that can fail by what the user gave is checked
// before the first nested write, and a change is written as its log rows first and then one
// statement on <name>_rows; where one of these fails, the log rows are taken back.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sql/collections/collection.h"
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
  // The same for the row `old_id`, which gets another id by `new_id` or by its key.
  void update(int64_t old_id, int64_t new_id, Values columns, int conflict);
  void erase(int64_t id);

  // Mends the store (sql/collections/mending.h); then, where the collection embeds, makes every
  // row's vector anew from its text, by the model as it is now. Returns the number of rows made
  // anew.
  int64_t rebuild();
  // All vectors into one segment.
  void optimize();

  // SQLite's moments: see sql/collections/sealing.h.
  void sync();
  void commit() noexcept;
  void rollback() noexcept;

  // Drops prepared statements: the shadow tables have another name.
  void forget_statements();

 private:
  void mend();
  // What an UPDATE does to a row's vector.
  struct VectorChange {
    std::optional<int64_t> old_cn;   // of the vector the row has
    bool keep = false;               // it stays where it is
    bool only = false;               // nothing else of the row changes: no index need be touched
    std::optional<std::string> put;  // the new one, or the old one under a new id
  };

  // What a change says in the log; vectors are borrowed.
  using LogRows = std::vector<storage::LogRow>;

  void prepare_row_statements();
  std::optional<int64_t> named_id(Values columns) const;
  void require_one_id(int64_t named, int64_t id) const;
  void require_text_key(Values columns) const;
  std::optional<std::string> vector_bytes(Values columns) const;
  std::string joined_text(Values columns) const;
  bool vector_changes(Values columns, Statement& row) const;
  bool stored_changes(Values columns, Statement& row) const;
  std::optional<VectorChange> vector_change(int64_t old_id, int64_t id, Values columns) const;
  void bind_row(Statement& statement, int64_t id, std::optional<int64_t> cn, Values columns) const;
  int64_t next_id();
  std::vector<int64_t> in_the_way(int64_t id, Values columns, std::optional<int64_t> but);
  std::optional<bool> has_vector(int64_t id);
  storage::LogRow put(int64_t id, std::string_view vector);
  void end_vector(LogRows& log, int64_t id);
  void end_replaced(LogRows& log, const std::vector<int64_t>& ids);
  void write(const LogRows& log, Statement& row);
  std::optional<Error> write_log(const storage::LogRow& row);
  void take_back(std::span<const storage::LogRow> written, const Error& error);
  Error named(const Error& error) const;

  Collection& collection_;
  sqlite3* db_;
  Statement insert_;
  Statement replace_;  // INSERT OR REPLACE
  Statement update_;
  Statement update_replace_;  // UPDATE OR REPLACE
  Statement move_;            // an UPDATE of the vector alone
  Statement erase_;
  Statement find_;
  Statement find_key_;
  Statement greatest_id_;
};

}  // namespace kindred::sql
