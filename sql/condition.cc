// SPDX-License-Identifier: Apache-2.0
#include "sql/condition.h"

#include "sql/boundary.h"
#include "sql/shadow_tables.h"

namespace kindred::sql {
namespace {

std::string column_name(int column) {
  return column < 0 ? "id" : stored_column(static_cast<size_t>(column));
}

}  // namespace

void Condition::add(sqlite3* db, const PlanTerm& term, sqlite3_value* value,
                    const std::string& who) {
  sql_ += sql_.empty() ? "" : " AND ";
  term.role == Role::kIn ? add_list(db, term, value, who) : add_filter(term, value);
}

// The next value's place; ?1 is the user's.
std::string Condition::place(sqlite3_value* value) {
  values_.push_back(keep(value));
  return "?" + std::to_string(values_.size() + 1);
}

void Condition::add_filter(const PlanTerm& term, sqlite3_value* value) {
  sql_ += column_name(term.column) + " " + filter_operator(term.op);
  if (!has_operand(term.op)) return;
  sql_ += " " + place(value);
  const bool pattern =
      term.op == SQLITE_INDEX_CONSTRAINT_LIKE || term.op == SQLITE_INDEX_CONSTRAINT_GLOB;
  if (!pattern) sql_ += " COLLATE " + quote_identifier(term.collation);
}

void Condition::add_list(sqlite3* db, const PlanTerm& term, sqlite3_value* list,
                         const std::string& who) {
  const auto most = static_cast<size_t>(sqlite3_limit(db, SQLITE_LIMIT_VARIABLE_NUMBER, -1));
  std::string places;
  sqlite3_value* value = nullptr;
  int rc = sqlite3_vtab_in_first(list, &value);
  for (; rc == SQLITE_OK && value != nullptr; rc = sqlite3_vtab_in_next(list, &value)) {
    places += (places.empty() ? "" : ",") + place(value);
    if (values_.size() == most)
      throw Error(SQLITE_ERROR, who + ": a list of values for a column may have fewer than " +
                                    std::to_string(most) +
                                    ", got more: rowid IN (SELECT ...) takes any number");
  }
  if (rc != SQLITE_OK && rc != SQLITE_DONE) check(db, rc);
  sql_ += column_name(term.column) + " COLLATE " + quote_identifier(term.collation) + " IN (" +
          places + ")";
}

void Condition::bind(Statement& statement) const {
  int place = 2;
  for (const KeptValue& value : values_) statement.bind(place++, value.get());
}

}  // namespace kindred::sql
