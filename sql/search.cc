// SPDX-License-Identifier: Apache-2.0
#include "sql/search.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "sql/boundary.h"
#include "sql/diversity.h"

namespace kindred::sql {
namespace {

// Rows a stream is first asked for when nobody says how many are wanted.
constexpr size_t kUnknownExpected = 20;

// Diverse answers are chosen among so many times as many, at most so many in all or k.
constexpr uint64_t kDiverseOf = 5;
constexpr uint64_t kMostDiverse = 1000;

// Rows next to the query that are asked before anything is decided.
constexpr size_t kPeeked = 10;

// A list is made at once if it costs no more than so much of the first search, which it spares.
constexpr double kListOfFirst = 0.35;
// Nobody knows whether listing or asking ends first, so they take turns: rows are listed for so
// many times as long as others have been asked. What listing ends first costs half as much again,
// at most. Where asking is going to, it is listed in vain: no longer than for so much of what is
// left to ask.
constexpr double kListedOfSpent = 2;
constexpr double kListedOfLeft = 0.4;

// As if so many rows had been asked of which as many pass as of all rows.
constexpr double kPriorRows = 14;

// A condition with more values, from a long IN list, is not asked of one row after the other.
constexpr size_t kProbedValues = 64;

bool is_number(sqlite3_value* value) {
  const int type = sqlite3_value_numeric_type(value);
  return type == SQLITE_INTEGER || type == SQLITE_FLOAT;
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

Search::Search(Collection& collection, const std::vector<PlanTerm>& plan, Values arguments,
               const std::string& who)
    : collection_(collection) {
  collection.require_readable();
  for (size_t i = 0; i < plan.size(); ++i) read(plan[i], arguments[i], who);
  if (!query_) nothing_ = true;
  if (diversity_ > 0 && !k_ && !nothing_)
    throw Error(SQLITE_ERROR, who + ": diversity: k is wanted beside it, got none");
  limit_ = k_.value_or(0);
  if (diversity_ > 0) limit_ = std::max(*k_, std::min(*k_ * kDiverseOf, kMostDiverse));
}

void Search::read(const PlanTerm& term, sqlite3_value* value, const std::string& who) {
  switch (term.role) {
    case Role::kQuery:
      if (const std::optional<Vector> v = collection_.query_of(value, who + ": query"))
        query_.emplace(static_cast<const char*>(v->data()), v->bytes());
      by_rowid_ = term.by_rowid;
      with_others_ |= term.with_others;
      break;
    case Role::kK:
      read_k(value, who);
      break;
    case Role::kEf:
      read_ef(value, who);
      break;
    case Role::kExact:
      read_exact(value, who);
      break;
    case Role::kDiversity:
      read_diversity(value, who);
      break;
    case Role::kLimit:
    case Role::kOffset:
      read_hint(value);
      break;
    case Role::kDistance:
      if (is_null(value)) nothing_ = true;
      range_.add(term.op, value);
      break;
    case Role::kFilter:
      read_filter(term, value);
      break;
    case Role::kIn:
      read_list(term, value, who);
      break;
    case Role::kCollection:
      break;  // read by knn() before there is a search
  }
}

void Search::read_k(sqlite3_value* value, const std::string& who) {
  if (is_null(value)) {
    nothing_ = true;
    return;
  }
  if (sqlite3_value_numeric_type(value) != SQLITE_INTEGER || sqlite3_value_int64(value) < 0)
    throw Error(SQLITE_ERROR,
                who + ": k: an integer of at least 0 is wanted, got " + describe(value));
  k_ = static_cast<uint64_t>(sqlite3_value_int64(value));
}

// NULL stands for what the collection says, here and below.
void Search::read_ef(sqlite3_value* value, const std::string& who) {
  if (is_null(value)) return;
  if (sqlite3_value_numeric_type(value) != SQLITE_INTEGER || sqlite3_value_int64(value) < 1)
    throw Error(SQLITE_ERROR,
                who + ": ef: an integer of at least 1 is wanted, got " + describe(value));
  effort_.ef = static_cast<size_t>(std::min<int64_t>(sqlite3_value_int64(value), 1 << 20));
}

void Search::read_exact(sqlite3_value* value, const std::string& who) {
  if (is_null(value)) return;
  const bool number = sqlite3_value_numeric_type(value) == SQLITE_INTEGER;
  const int64_t exact = number ? sqlite3_value_int64(value) : -1;
  if (exact != 0 && exact != 1)
    throw Error(SQLITE_ERROR, who + ": exact: 0 or 1 is wanted, got " + describe(value));
  effort_.exact = exact == 1;
}

void Search::read_diversity(sqlite3_value* value, const std::string& who) {
  if (is_null(value)) return;
  const double diversity = is_number(value) ? sqlite3_value_double(value) : -1;
  if (!(diversity >= 0 && diversity <= 1))
    throw Error(SQLITE_ERROR,
                who + ": diversity: a number from 0 to 1 is wanted, got " + describe(value));
  diversity_ = diversity;
}

// A LIMIT below 0 is none.
void Search::read_hint(sqlite3_value* value) {
  if (sqlite3_value_type(value) != SQLITE_INTEGER) return;
  const int64_t rows = std::min<int64_t>(sqlite3_value_int64(value), 1 << 20);
  if (rows > 0) expected_ += static_cast<size_t>(rows);
}

// What is not taken SQLite checks itself. With k that would be too late: a value that the user
// wrote and text are then compared as what has no affinity is.
void Search::read_filter(const PlanTerm& term, sqlite3_value* value) {
  const bool fixed = is_fixed(term, value);
  const bool likely = fixed || sqlite3_value_type(value) == SQLITE_TEXT;
  if ((fixed || !term.fixed_only) && (is_certain(term, value) || (k_ && likely)))
    condition_.add(term, value);
  else
    with_others_ = true;
}

// The same for a list.
void Search::read_list(const PlanTerm& term, sqlite3_value* list, const std::string& who) {
  if (term.column < 0) return add_ids(list);
  std::vector<KeptValue> values = values_of_list(collection_.db(), list);
  if (!k_ && !is_certain_list(term, values)) {
    with_others_ = true;
    return;
  }
  if (condition_.has_room(collection_.db(), values.size()))
    condition_.add_list(term, std::move(values));
  else if (!k_)
    with_others_ = true;
  else
    throw Error(SQLITE_ERROR, who + ": with k a list for a column may not have " +
                                  std::to_string(values.size()) +
                                  " values, more than SQLite binds to a statement: rowid IN "
                                  "(SELECT ...) takes any number");
}

// Ids that are no integers are no row's.
void Search::add_ids(sqlite3_value* list) {
  std::vector<int64_t> ids;
  for_each_in_list(collection_.db(), list, [&](sqlite3_value* value) {
    if (const std::optional<int64_t> id = whole_number(value)) ids.push_back(*id);
  });
  if (!std::is_sorted(ids.begin(), ids.end())) std::sort(ids.begin(), ids.end());
  if (!only_) {
    only_ = std::move(ids);
    return;
  }
  std::vector<int64_t> both;
  std::set_intersection(only_->begin(), only_->end(), ids.begin(), ids.end(),
                        std::back_inserter(both));
  only_ = std::move(both);
}

// Chosen among several times as many.
std::optional<storage::Neighbor> Search::next_diverse() {
  if (!diverse_) {
    std::vector<storage::Neighbor> candidates;
    while (const std::optional<storage::Neighbor> row = next_near()) candidates.push_back(*row);
    diverse_ = diversify(collection_, std::move(candidates), *k_, diversity_);
    std::reverse(diverse_->begin(), diverse_->end());
  }
  if (diverse_->empty()) return std::nullopt;
  const storage::Neighbor row = diverse_->back();
  diverse_->pop_back();
  return row;
}

std::optional<storage::Neighbor> Search::next_near() {
  if (nothing_ || (k_ && given_ >= limit_)) return std::nullopt;
  if (!stream_) start();
  for (;;) {
    const std::optional<storage::Neighbor> neighbor = next_passing();
    if (!neighbor || range_.is_above(neighbor->distance)) {
      nothing_ = true;
      return std::nullopt;
    }
    if (range_.is_below(neighbor->distance)) continue;
    ++given_;
    return neighbor;
  }
}

void Search::start() {
  std::vector<storage::RowLayer> layers = collection_.layers(only_);
  if (effort_.ef == 0) effort_.ef = collection_.manifest().known().ef;  // layers() has looked
  const size_t wanted = k_ ? std::min<uint64_t>(limit_, 1 << 20) : expected_;
  effort_.expected = wanted > 0 ? wanted : kUnknownExpected;
  // All rows, or all within a distance: none may be missed.
  if (!k_ && (expected_ == 0 || std::isfinite(range_.upper))) effort_.exact = true;
  // A graph finds rows late where more are taken than it was asked for, behind rows as near with
  // greater rowids.
  const bool takes_more = std::isfinite(range_.lower) || (with_others_ && !k_);
  if (by_rowid_ && takes_more) effort_.exact = true;
  if (condition_.empty())
    search(std::move(layers), effort_);
  else
    start_filtered(std::move(layers));
}

void Search::search(std::vector<storage::RowLayer> layers, const storage::Effort& effort) {
  stream_ = std::make_unique<storage::NearestStream>(collection_.vectors(), query_->data(),
                                                     std::move(layers), effort);
}

// REQUIRES: nothing has been given yet, and nothing has changed since start().
// kScan: a graph has been searched in vain, and would come by the same rows again.
void Search::search_listed(const std::vector<int64_t>& ids, By by) {
  if (stream_) visited_ += stream_->visited();
  filter_.reset();
  passed_.clear();
  storage::Effort effort = effort_;
  effort.exact = effort.exact || by == By::kScan;
  search(collection_.layers(ids), effort);
}

// Either SQLite lists the rows that pass and these are searched, or rows are asked one by one in
// ascending distance. Which costs less depends on how many pass, near the query and anywhere; what
// is begun here to find out is gone on with.
void Search::start_filtered(std::vector<storage::RowLayer> layers) {
  size_t rows = 0;
  for (const storage::RowLayer& layer : layers) rows += layer.count;
  RowFilter filter(collection_, condition_, only_, rows);
  const size_t wanted = effort_.expected;
  storage::Effort effort = effort_;
  effort.chosen_from = true;
  search(std::move(layers), effort);
  if (condition_.values() > kProbedValues || filter.list_some(kListOfFirst * stream_->first_cost()))
    return search_listed(filter.take_list(), By::kAny);
  const std::vector<int64_t> near = stream_->peek(kPeeked);
  peeked_ = near.size();
  peeked_passed_ = filter.count_passing(near);
  filter_.emplace(std::move(filter));
  batch_ = k_ || expected_ > 0 ? wanted : 1;
}

std::optional<storage::Neighbor> Search::next_passing() {
  while (filter_ && passed_.empty())
    if (!gather()) return std::nullopt;
  if (passed_.empty()) {
    for (;;) {
      const std::optional<storage::Neighbor> neighbor = stream_->next();
      if (!neighbor || !last_ || storage::is_nearer(*last_, *neighbor)) return neighbor;
    }
  }
  last_ = passed_.back();
  passed_.pop_back();
  return last_;
}

// Whether a list is worth more than to go on asking. One that is not whole is gone on with to find
// out.
bool Search::is_list_better() {
  const double step = stream_->step_cost();
  const double spent = stream_->cost() + filter_->cost() + step - cost_before_;
  return filter_->list_some(std::min(kListedOfSpent * spent, kListedOfLeft * left_to_ask(step))) &&
         left_to_ask(step) > filter_->compare_cost();
}

// What is still to be spent on asking if rows go on passing as often as those that have been asked,
// next to the query or in turn, and, where it is known, all rows. The stream's next step is the
// least of it.
double Search::left_to_ask(double step) const {
  const size_t passed = std::max(given_ + passed_.size(), peeked_passed_);
  const size_t asked = std::max(asked_, peeked_);
  const std::optional<double> anywhere = filter_->known_share();
  const double share = (static_cast<double>(passed) + (anywhere ? kPriorRows * *anywhere : 0.5)) /
                       (static_cast<double>(asked) + (anywhere ? kPriorRows : 1.0));
  const double rows = static_cast<double>(batch_ - passed_.size()) / std::max(share, 1e-6);
  const double in_all = std::min(rows + static_cast<double>(asked_), 1e9);
  const double stream = stream_->cost_of(static_cast<size_t>(in_all)) - stream_->cost();
  return filter_->probe_cost() * rows + std::max(stream, step);
}

// Asks rows in ascending distance until a batch of them has passed, or goes over to a list. The
// first batch has all rows that are likely to be wanted, so that what a graph finds late takes its
// place among them; later it is too late for it. false if there are no more.
bool Search::gather() {
  while (passed_.size() < batch_) {
    if (is_list_better()) {
      stop_probing();
      return true;
    }
    const std::optional<storage::Neighbor> neighbor = stream_->next();
    if (!neighbor || range_.is_above(neighbor->distance)) break;
    if (range_.is_below(neighbor->distance)) continue;
    if (last_ && !storage::is_nearer(*last_, *neighbor)) continue;
    ++asked_;
    if (filter_->passes(neighbor->id)) passed_.push_back(*neighbor);
  }
  std::sort(passed_.begin(), passed_.end(),
            [](const auto& a, const auto& b) { return storage::is_nearer(b, a); });
  batch_ = 1;
  filter_->forget();
  cost_before_ = stream_->cost() + filter_->cost();
  return !passed_.empty();
}

// The rows near the query are not the ones that pass. Once a row has been given, the stream goes on
// over the rows it began with: the collection may have changed since.
void Search::stop_probing() {
  if (!last_) return search_listed(filter_->take_list(), By::kScan);
  stream_->keep_only(filter_->take_list());
  filter_.reset();
}

}  // namespace kindred::sql
