// Conditions on a collection's stored columns that SQLite handed over, as SQL on <name>_rows with
// the values they compare with, kept beyond the callback that brought them.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "sql/query_plan.h"
#include "sql/sqlite.h"
#include "sql/statement.h"
#include "sql/value.h"

namespace kindred::sql {

class Condition {
 public:
  // Adds a term of role kFilter or kIn (a list of values for a column).
  // Throws Error, opening with `who`, for a list longer than SQLite's limit on parameters.
  void add(sqlite3* db, const PlanTerm& term, sqlite3_value* value, const std::string& who);

  bool empty() const noexcept { return sql_.empty(); }
  // Values it compares with: a statement looks at all of a list's whenever it runs.
  size_t values() const noexcept { return values_.size(); }
  // "c1 = ?2 COLLATE "BINARY" AND id > ?3": ?1 is left to the user of the condition.
  const std::string& sql() const noexcept { return sql_; }
  // Binds the values to a statement that contains sql().
  void bind(Statement& statement) const;

 private:
  void add_filter(const PlanTerm& term, sqlite3_value* value);
  void add_list(sqlite3* db, const PlanTerm& term, sqlite3_value* list, const std::string& who);
  std::string place(sqlite3_value* value);

  std::string sql_;
  std::vector<KeptValue> values_;
};

}  // namespace kindred::sql
