// SPDX-License-Identifier: Apache-2.0
#include "sql/search/condition.h"

#include <algorithm>

#include "sql/collections/shadow_tables.h"

namespace kindred::sql {
namespace {

std::string column_name(int column) {
  return column < 0 ? "id" : stored_column(static_cast<size_t>(column));
}

bool is_number(sqlite3_value* value) noexcept {
  const int type = sqlite3_value_type(value);
  return type == SQLITE_INTEGER || type == SQLITE_FLOAT;
}

std::string all_of(const std::vector<std::string>& conditions) {
  std::string all;
  for (const std::string& condition : conditions) all += (all.empty() ? "" : " AND ") + condition;
  return all;
}

// The parameter behind the last.
int bind_values(const std::vector<KeptValue>& values, Statement& statement, int first) {
  for (const KeptValue& value : values) statement.bind(first++, value.get());
  return first;
}

}  // namespace

// An index of a column has BINARY's order.
Condition::Sought Condition::sought_by(const PlanTerm& term) {
  if (term.op == SQLITE_INDEX_CONSTRAINT_ISNULL) return Sought::kEqual;
  if (sqlite3_stricmp(term.collation.c_str(), "BINARY") != 0) return Sought::kNothing;
  switch (term.op) {
    case SQLITE_INDEX_CONSTRAINT_EQ:
    case SQLITE_INDEX_CONSTRAINT_IS:
      return Sought::kEqual;
    case SQLITE_INDEX_CONSTRAINT_GT:
    case SQLITE_INDEX_CONSTRAINT_GE:
      return Sought::kAbove;
    case SQLITE_INDEX_CONSTRAINT_LT:
    case SQLITE_INDEX_CONSTRAINT_LE:
      return Sought::kBelow;
    default:
      return Sought::kNothing;
  }
}

size_t Condition::Part::first(Sought sought) const noexcept {
  const auto found = std::find_if(comparisons.begin(), comparisons.end(),
                                  [sought](const Comparison& c) { return c.sought == sought; });
  return static_cast<size_t>(found - comparisons.begin());
}

Condition::Half Condition::Part::half_of(size_t comparison) const noexcept {
  const Sought sought = comparisons[comparison].sought;
  const auto has = [this](Sought s) { return first(s) < comparisons.size(); };
  const bool is_best = sought == Sought::kEqual ||
                       (!has(Sought::kEqual) && (sought == Sought::kList || !has(Sought::kList)));
  return sought != Sought::kNothing && is_best && first(sought) == comparison ? Half::kFound
                                                                              : Half::kRest;
}

void Condition::add(int column, Comparison comparison) {
  auto part = std::find_if(parts_.begin(), parts_.end(),
                           [column](const Part& p) { return p.column == column; });
  if (part == parts_.end()) part = parts_.insert(part, Part{column, {}});
  part->comparisons.push_back(std::move(comparison));
}

size_t Condition::values() const noexcept {
  size_t n = 0;
  for (const Part& part : parts_)
    for (const Comparison& comparison : part.comparisons) n += comparison.values.size();
  return n;
}

bool Condition::has_room(sqlite3* db, size_t more) const {
  const auto most = static_cast<size_t>(sqlite3_limit(db, SQLITE_LIMIT_VARIABLE_NUMBER, -1));
  return values() + more < most;
}

std::string Condition::sql() const {
  std::vector<std::string> all;
  for (const Part& part : parts_)
    for (const Comparison& comparison : part.comparisons) all.push_back(comparison.sql);
  return all_of(all);
}

std::string Condition::sql_of(size_t part, Half half) const {
  std::vector<std::string> all;
  const std::vector<Comparison>& comparisons = parts_[part].comparisons;
  for (size_t i = 0; i < comparisons.size(); ++i)
    if (parts_[part].half_of(i) == half) all.push_back(comparisons[i].sql);
  return all_of(all);
}

// SQLite uses no index to find out what IS TRUE.
std::string Condition::sql_led_by(size_t part) const {
  std::vector<std::string> all;
  for (const Part& other : parts_)
    for (size_t i = 0; i < other.comparisons.size(); ++i) {
      const std::string& sql = other.comparisons[i].sql;
      const bool leads = &other == &parts_[part] && other.half_of(i) == Half::kFound;
      all.push_back(leads ? sql : "(" + sql + ") IS TRUE");
    }
  return all_of(all);
}

std::optional<int> Condition::indexed_column(size_t part) const noexcept {
  const std::vector<Comparison>& comparisons = parts_[part].comparisons;
  if (std::all_of(comparisons.begin(), comparisons.end(),
                  [](const Comparison& c) { return c.sought == Sought::kNothing; }))
    return std::nullopt;
  return parts_[part].column;
}

bool Condition::has_rest(size_t part) const noexcept {
  for (size_t i = 0; i < parts_[part].comparisons.size(); ++i)
    if (parts_[part].half_of(i) == Half::kRest) return true;
  return false;
}

void Condition::add(const PlanTerm& term, sqlite3_value* value) {
  Comparison comparison{
      column_name(term.column) + " " + filter_operator(term.op), {}, sought_by(term)};
  if (has_operand(term.op)) {
    comparison.sql += " ?";
    comparison.values.push_back(keep(value));
    if (is_comparison(term.op)) comparison.sql += " COLLATE " + quote_identifier(term.collation);
  }
  add(term.column, std::move(comparison));
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
  std::string sql =
      "(" + column + " COLLATE " + quote_identifier(term.collation) + " IN (" + same + ")";
  if (!numbers.empty())
    sql += " OR " + column + " IN (SELECT CAST(column1 AS NUMERIC) FROM (VALUES " + numbers + "))";
  sql += ")";
  const bool sought = numbers.empty() && sought_by(term) == Sought::kEqual;
  add(term.column, {std::move(sql), std::move(list), sought ? Sought::kList : Sought::kNothing});
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
  for (const Part& part : parts_)
    for (const Comparison& comparison : part.comparisons)
      first = bind_values(comparison.values, statement, first);
}

int Condition::bind_half(size_t part, Half half, Statement& statement, int first) const {
  const std::vector<Comparison>& comparisons = parts_[part].comparisons;
  for (size_t i = 0; i < comparisons.size(); ++i)
    if (parts_[part].half_of(i) == half)
      first = bind_values(comparisons[i].values, statement, first);
  return first;
}

}  // namespace kindred::sql
