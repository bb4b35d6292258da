// Conditions on a collection's stored columns that SQLite handed over, as SQL on <name>_rows with
// the values they compare with, kept beyond the callback that brought them.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "sql/boundary.h"
#include "sql/query_plan.h"
#include "sql/sqlite.h"
#include "sql/statement.h"
#include "sql/value.h"

namespace kindred::sql {

class Condition {
 public:
  // Adds a term of role kFilter.
  void add(const PlanTerm& term, sqlite3_value* value);
  // Adds one of role kIn, a list of values for a column.
  void add_list(const PlanTerm& term, std::vector<KeptValue> list);

  bool empty() const noexcept { return sql_.empty(); }
  // Values it compares with: a statement looks at all of a list's whenever it runs.
  size_t values() const noexcept { return values_.size(); }
  // Whether a statement can have so many more.
  bool has_room(sqlite3* db, size_t more) const;
  // "c1 = ?2 COLLATE "BINARY" AND id > ?3": ?1 is left to the user of the condition.
  const std::string& sql() const noexcept { return sql_; }
  // Binds the values to a statement that contains sql().
  void bind(Statement& statement) const;

 private:
  std::string place(KeptValue value);

  std::string sql_;
  std::vector<KeptValue> values_;
};

// Whether a list of values for a column is compared as SQLite does: see is_certain().
bool is_certain_list(const PlanTerm& term, const std::vector<KeptValue>& list) noexcept;
// Calls visit(value) for the values of a list that SQLite hands over whole.
template <class Visit>
void for_each_in_list(sqlite3* db, sqlite3_value* list, Visit&& visit) {
  sqlite3_value* value = nullptr;
  int rc = sqlite3_vtab_in_first(list, &value);
  for (; rc == SQLITE_OK && value != nullptr; rc = sqlite3_vtab_in_next(list, &value)) visit(value);
  if (rc != SQLITE_OK && rc != SQLITE_DONE) check(db, rc);
}
// The same, kept.
std::vector<KeptValue> values_of_list(sqlite3* db, sqlite3_value* list);

}  // namespace kindred::sql
