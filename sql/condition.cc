// SPDX-License-Identifier: Apache-2.0
#include "sql/condition.h"

#include <algorithm>
#include <iterator>

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

// Whether an index of a column, whose order is BINARY's, finds the rows that compare so.
bool finds_rows(const PlanTerm& term) {
  switch (term.op) {
    case SQLITE_INDEX_CONSTRAINT_ISNULL:
      return true;
    case SQLITE_INDEX_CONSTRAINT_EQ:
    case SQLITE_INDEX_CONSTRAINT_IS:
    case SQLITE_INDEX_CONSTRAINT_GT:
    case SQLITE_INDEX_CONSTRAINT_GE:
    case SQLITE_INDEX_CONSTRAINT_LT:
    case SQLITE_INDEX_CONSTRAINT_LE:
      return sqlite3_stricmp(term.collation.c_str(), "BINARY") == 0;
    default:
      return false;
  }
}

std::string all_of(const std::vector<std::string>& conditions) {
  std::string all;
  for (const std::string& condition : conditions) all += (all.empty() ? "" : " AND ") + condition;
  return all;
}

}  // namespace

Condition::Part& Condition::part_of(int column) {
  const auto part = std::find_if(parts_.begin(), parts_.end(),
                                 [column](const Part& p) { return p.column == column; });
  if (part == parts_.end()) return parts_.emplace_back(Part{column, {}, {}});
  part->sql += " AND ";
  return *part;
}

size_t Condition::values() const noexcept {
  size_t n = 0;
  for (const Part& part : parts_) n += part.values.size();
  return n;
}

bool Condition::has_room(sqlite3* db, size_t more) const {
  const auto most = static_cast<size_t>(sqlite3_limit(db, SQLITE_LIMIT_VARIABLE_NUMBER, -1));
  return values() + more < most;
}

std::string Condition::sql() const {
  std::vector<std::string> all;
  for (const Part& part : parts_) all.push_back(part.sql);
  return all_of(all);
}

// SQLite uses no index to find out what IS TRUE.
std::string Condition::sql_led_by(size_t part) const {
  std::vector<std::string> all;
  for (size_t i = 0; i < parts_.size(); ++i)
    all.push_back(i == part ? parts_[i].sql : "(" + parts_[i].sql + ") IS TRUE");
  return all_of(all);
}

std::optional<int> Condition::indexed_column(size_t part) const noexcept {
  if (!parts_[part].finds_rows) return std::nullopt;
  return parts_[part].column;
}

void Condition::add(const PlanTerm& term, sqlite3_value* value) {
  Part& part = part_of(term.column);
  part.finds_rows = part.finds_rows || finds_rows(term);
  part.sql += column_name(term.column) + " " + filter_operator(term.op);
  if (!has_operand(term.op)) return;
  part.sql += " ?";
  part.values.push_back(keep(value));
  if (is_comparison(term.op)) part.sql += " COLLATE " + quote_identifier(term.collation);
}

// SQLite has applied the affinity of the comparison to the list already: a number that is still one
// beside a column of text is compared as a number.
void Condition::add_list(const PlanTerm& term, std::vector<KeptValue> list) {
  const auto numbers_begin =
      std::stable_partition(list.begin(), list.end(), [&](const KeptValue& value) {
        return term.affinity != Affinity::kText || !is_number(value.get());
      });
  std::string same;
  for (auto it = list.begin(); it != numbers_begin; ++it) same += same.empty() ? "?" : ",?";
  std::string numbers;
  for (auto it = numbers_begin; it != list.end(); ++it) numbers += numbers.empty() ? "(?)" : ",(?)";
  const std::string column = column_name(term.column);
  Part& part = part_of(term.column);
  part.finds_rows = part.finds_rows || (finds_rows(term) && numbers.empty());
  part.sql += "(" + column + " COLLATE " + quote_identifier(term.collation) + " IN (" + same + ")";
  if (!numbers.empty())
    part.sql +=
        " OR " + column + " IN (SELECT CAST(column1 AS NUMERIC) FROM (VALUES " + numbers + "))";
  part.sql += ")";
  std::move(list.begin(), list.end(), std::back_inserter(part.values));
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

void Condition::bind(Statement& statement, int first) const {
  for (size_t i = 0; i < parts_.size(); ++i) {
    bind_part(i, statement, first);
    first += static_cast<int>(parts_[i].values.size());
  }
}

void Condition::bind_part(size_t part, Statement& statement, int first) const {
  for (const KeptValue& value : parts_[part].values) statement.bind(first++, value.get());
}

}  // namespace kindred::sql
