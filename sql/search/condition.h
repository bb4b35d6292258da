// Conditions on a collection's stored columns that SQLite handed over, as SQL on <name>_rows with
// the values they compare with, kept beyond the callback that brought them.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sql/boundary.h"
#include "sql/search/query_plan.h"
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

  bool empty() const noexcept { return parts_.empty(); }
  // Values it compares with: a statement looks at all of a list's whenever it runs.
  size_t values() const noexcept;
  // Whether a statement can have so many more, and an id.
  bool has_room(sqlite3* db, size_t more) const;
  // "c1 = ? COLLATE "BINARY" AND id > ?".
  std::string sql() const;
  // Binds the values to a statement that contains sql(), the first to parameter `first`.
  void bind(Statement& statement, int first = 1) const;

  // What it says about one column is a part. An index of the column finds rows by some of that: by
  // one equality or list, else by a bound on either side. The rest is checked of each of them.
  enum class Half { kFound, kRest };
  size_t parts() const noexcept { return parts_.size(); }
  // The column; -1 is the rowid. Nullopt if an index of the column does not find its rows.
  std::optional<int> indexed_column(size_t part) const noexcept;
  bool has_rest(size_t part) const noexcept;
  // As sql() and bind(), of half a part; bind_half() returns the parameter behind its last.
  std::string sql_of(size_t part, Half half) const;
  int bind_half(size_t part, Half half, Statement& statement, int first) const;
  // sql(), but for SQLite to find rows by what the part's index finds alone.
  std::string sql_led_by(size_t part) const;

 private:
  // What an index of a column looks for to find the rows of a comparison.
  enum class Sought { kNothing, kAbove, kBelow, kList, kEqual };
  // Places in the text have no numbers: SQLite looks each number up in a list of all, and 40,000
  // would take 2 s.
  struct Comparison {
    std::string sql;
    std::vector<KeptValue> values;  // in the order of their places
    Sought sought;
  };
  struct Part {
    int column;
    std::vector<Comparison> comparisons;

    // The place of the first of the kind; how many there are in all for none.
    size_t first(Sought sought) const noexcept;
    Half half_of(size_t comparison) const noexcept;
  };
  static Sought sought_by(const PlanTerm& term);
  void add(int column, Comparison comparison);

  std::vector<Part> parts_;
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
