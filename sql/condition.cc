// SPDX-License-Identifier: Apache-2.0
#include "sql/condition.h"

#include <algorithm>

#include "sql/shadow_tables.h"

namespace kindred::sql {
namespace {

std::string column_name(int column) {
  return column < 0 ? "id" : stored_column(static_cast<size_t>(column));
}

bool is_number(sqlite3_value* value) noexcept {
  const int type = sqlite3_value_type(value);
  return type == SQLITE_INTEGER || type == SQLITE_FLOAT;
}

}  // namespace

// The next value's place, in the order in which places stand in the text; ?1 is the user's. Only
// the first has a number, for SQLite looks each number up in a list of all: 40,000 would take 2 s.
std::string Condition::place(KeptValue value) {
  values_.push_back(std::move(value));
  return values_.size() == 1 ? "?2" : "?";
}

bool Condition::has_room(sqlite3* db, size_t more) const {
  const auto most = static_cast<size_t>(sqlite3_limit(db, SQLITE_LIMIT_VARIABLE_NUMBER, -1));
  return values_.size() + more < most;
}

void Condition::add(const PlanTerm& term, sqlite3_value* value) {
  sql_ += sql_.empty() ? "" : " AND ";
  sql_ += column_name(term.column) + " " + filter_operator(term.op);
  if (!has_operand(term.op)) return;
  sql_ += " " + place(keep(value));
  if (is_comparison(term.op)) sql_ += " COLLATE " + quote_identifier(term.collation);
}

// SQLite has applied the affinity of the comparison to the list already: a number that is still one
// beside a column of text is compared as a number.
void Condition::add_list(const PlanTerm& term, std::vector<KeptValue> list) {
  const auto numbers_begin =
      std::stable_partition(list.begin(), list.end(), [&](const KeptValue& value) {
        return term.affinity != Affinity::kText || !is_number(value.get());
      });
  std::string same;
  for (auto it = list.begin(); it != numbers_begin; ++it)
    same += (same.empty() ? "" : ",") + place(std::move(*it));
  std::string numbers;
  for (auto it = numbers_begin; it != list.end(); ++it)
    numbers += (numbers.empty() ? "(" : ",(") + place(std::move(*it)) + ")";
  sql_ += sql_.empty() ? "(" : " AND (";
  sql_ += column_name(term.column) + " COLLATE " + quote_identifier(term.collation) + " IN (" +
          same + ")";
  if (!numbers.empty())
    sql_ += " OR " + column_name(term.column) +
            " IN (SELECT CAST(column1 AS NUMERIC) FROM (VALUES " + numbers + "))";
  sql_ += ")";
}

bool is_certain_list(const PlanTerm& term, const std::vector<KeptValue>& list) noexcept {
  return term.affinity == Affinity::kNumeric ||
         std::none_of(list.begin(), list.end(),
                      [](const KeptValue& value) { return is_number(value.get()); });
}

std::vector<KeptValue> values_of_list(sqlite3* db, sqlite3_value* list) {
  std::vector<KeptValue> values;
  for_each_in_list(db, list, [&](sqlite3_value* value) { values.push_back(keep(value)); });
  return values;
}

void Condition::bind(Statement& statement) const {
  int place = 2;
  for (const KeptValue& value : values_) statement.bind(place++, value.get());
}

}  // namespace kindred::sql
