// SPDX-License-Identifier: Apache-2.0
#include "sql/search/search_request.h"

#include <algorithm>
#include <limits>

#include "sql/boundary.h"

namespace kindred::sql {
namespace {

bool is_number(sqlite3_value* value) {
  const int type = sqlite3_value_numeric_type(value);
  return type == SQLITE_INTEGER || type == SQLITE_FLOAT;
}

// Reads one argument after the other.
class RequestReader {
 public:
  RequestReader(Collection& collection, const std::string& who, SearchRequest& to)
      : collection_(collection), who_(who), to_(to) {}

  void read(const PlanTerm& term, sqlite3_value* value, size_t left);
  // Behind the last of them.
  void finish();

 private:
  void read_k(sqlite3_value* value);
  void read_ef(sqlite3_value* value);
  void read_exact(sqlite3_value* value);
  void read_diversity(sqlite3_value* value);
  void read_filter(const PlanTerm& term, sqlite3_value* value);
  void read_list(const PlanTerm& term, sqlite3_value* list, size_t left);
  void add_ids(sqlite3_value* list);

  Collection& collection_;
  const std::string& who_;
  SearchRequest& to_;
  int64_t limit_ = -1;
  int64_t offset_ = 0;
};

void RequestReader::read(const PlanTerm& term, sqlite3_value* value, size_t left) {
  switch (term.role) {
    case Role::kQuery:
      if (const std::optional<Vector> v = collection_.query_of(value, who_ + ": query"))
        to_.query.emplace(static_cast<const char*>(v->data()), v->bytes());
      to_.by_rowid = term.by_rowid;
      to_.with_others |= term.with_others;
      break;
    case Role::kK:
      read_k(value);
      break;
    case Role::kEf:
      read_ef(value);
      break;
    case Role::kExact:
      read_exact(value);
      break;
    case Role::kDiversity:
      read_diversity(value);
      break;
    case Role::kLimit:
      limit_ = whole_number(value).value_or(-1);
      break;
    case Role::kOffset:
      offset_ = whole_number(value).value_or(0);
      break;
    case Role::kDistance:
      if (is_null(value)) to_.nothing = true;
      to_.range.add(term.op, value);
      break;
    case Role::kFilter:
      read_filter(term, value);
      break;
    case Role::kIn:
      read_list(term, value, left);
      break;
    case Role::kCollection:  // read by knn() before there is a search
    case Role::kIgnored:
      break;
  }
}

void RequestReader::read_k(sqlite3_value* value) {
  if (is_null(value)) {
    to_.nothing = true;
    return;
  }
  const std::optional<int64_t> k = whole_number(value);
  if (!k || *k < 0)
    throw Error(SQLITE_ERROR,
                who_ + ": k: an integer of at least 0 is wanted, got " + describe(value));
  to_.k = static_cast<uint64_t>(*k);
}

// NULL stands for what the collection says, here and below.
void RequestReader::read_ef(sqlite3_value* value) {
  if (is_null(value)) return;
  const std::optional<int64_t> ef = whole_number(value);
  if (!ef || *ef < 1)
    throw Error(SQLITE_ERROR,
                who_ + ": ef: an integer of at least 1 is wanted, got " + describe(value));
  to_.ef = static_cast<size_t>(std::min<int64_t>(*ef, 1 << 20));
}

void RequestReader::read_exact(sqlite3_value* value) {
  if (is_null(value)) return;
  const std::optional<int64_t> exact = whole_number(value);
  if (exact != 0 && exact != 1)
    throw Error(SQLITE_ERROR, who_ + ": exact: 0 or 1 is wanted, got " + describe(value));
  to_.exact = exact == 1;
}

void RequestReader::read_diversity(sqlite3_value* value) {
  if (is_null(value)) return;
  const double diversity = is_number(value) ? sqlite3_value_double(value) : -1;
  if (!(diversity >= 0 && diversity <= 1))
    throw Error(SQLITE_ERROR,
                who_ + ": diversity: a number from 0 to 1 is wanted, got " + describe(value));
  to_.diversity = diversity;
}

// A LIMIT below 0 is none, whatever the OFFSET.
void RequestReader::finish() {
  constexpr int64_t kMost = 1 << 20;
  if (limit_ < 0) return;
  const int64_t passed_over = std::clamp<int64_t>(offset_, 0, kMost);
  to_.expected = static_cast<size_t>(std::min(limit_, kMost) + passed_over);
}

// What is not taken SQLite checks itself. With k that would be too late: a value that the user
// wrote and text are then compared as what has no affinity is.
void RequestReader::read_filter(const PlanTerm& term, sqlite3_value* value) {
  const bool fixed = is_fixed(term, value);
  const bool likely = fixed || sqlite3_value_type(value) == SQLITE_TEXT;
  if ((fixed || !term.fixed_only) && (is_certain(term, value) || (to_.k && likely)))
    to_.condition.add(term, value);
  else
    to_.with_others = true;
}

// The same for a list.
void RequestReader::read_list(const PlanTerm& term, sqlite3_value* list, size_t left) {
  if (term.column < 0) return add_ids(list);
  std::vector<KeptValue> values = values_of_list(collection_.db(), list);
  if (!to_.k && !is_certain_list(term, values)) {
    to_.with_others = true;
    return;
  }
  if (to_.condition.has_room(collection_.db(), values.size() + left))
    to_.condition.add_list(term, std::move(values));
  else if (!to_.k)
    to_.with_others = true;
  else
    throw Error(SQLITE_ERROR, who_ + ": with k a list for a column may not have " +
                                  std::to_string(values.size()) +
                                  " values, more than SQLite binds to a statement: rowid IN "
                                  "(SELECT ...) takes any number");
}

// Ids that are no integers are no row's.
void RequestReader::add_ids(sqlite3_value* list) {
  std::vector<int64_t> ids;
  for_each_in_list(collection_.db(), list, [&](sqlite3_value* value) {
    if (const std::optional<int64_t> id = whole_number(value)) ids.push_back(*id);
  });
  if (!std::is_sorted(ids.begin(), ids.end())) std::sort(ids.begin(), ids.end());
  if (!to_.only) {
    to_.only = std::move(ids);
    return;
  }
  std::vector<int64_t> both;
  std::set_intersection(to_.only->begin(), to_.only->end(), ids.begin(), ids.end(),
                        std::back_inserter(both));
  to_.only = std::move(both);
}

}  // namespace

DistanceRange::DistanceRange() noexcept
    : lower(-std::numeric_limits<double>::infinity()),
      upper(std::numeric_limits<double>::infinity()) {}

bool DistanceRange::is_below(double distance) const noexcept {
  return with_lower ? distance < lower : distance <= lower;
}

bool DistanceRange::is_above(double distance) const noexcept {
  return with_upper ? distance > upper : distance >= upper;
}

// A bound is text where SQLite leaves it to the column's affinity to make a number of it. One that
// is no number sorts behind all numbers, as anywhere in SQL.
void DistanceRange::add(int op, sqlite3_value* bound) {
  const bool number = is_number(bound);
  const double value =
      number ? sqlite3_value_double(bound) : std::numeric_limits<double>::infinity();
  const bool inclusive = op == SQLITE_INDEX_CONSTRAINT_LE || op == SQLITE_INDEX_CONSTRAINT_GE;
  if (op == SQLITE_INDEX_CONSTRAINT_LT || op == SQLITE_INDEX_CONSTRAINT_LE) {
    if (value < upper || (value == upper && !inclusive && number)) {
      upper = value;
      with_upper = inclusive;
    }
  } else if (value > lower || (value == lower && !inclusive)) {
    lower = value;
    with_lower = inclusive && number;
  }
}

SearchRequest read_request(Collection& collection, const std::vector<PlanTerm>& plan,
                           Values arguments, const std::string& who) {
  collection.require_readable();
  SearchRequest request;
  RequestReader reader(collection, who, request);
  for (size_t i = 0; i < plan.size(); ++i) reader.read(plan[i], arguments[i], plan.size() - i - 1);
  reader.finish();
  if (!request.query) request.nothing = true;
  if (request.diversity > 0 && !request.k && !request.nothing)
    throw Error(SQLITE_ERROR, who + ": diversity: k is wanted beside it, got none");
  return request;
}

}  // namespace kindred::sql
