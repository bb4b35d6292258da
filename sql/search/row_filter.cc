// SPDX-License-Identifier: Apache-2.0
#include "sql/search/row_filter.h"

#include <algorithm>
#include <limits>

#include "storage/sort_distinct.h"

namespace kindred::sql {
namespace {

// In us, at 384 dimensions: a row that an index gives, one that has to be looked up to see whether
// the rest of the condition holds, and one that is passed by without either; comparing a row of a
// list, and asking one by its id; and beginning a list.
constexpr double kIndexCost = 0.19;
constexpr double kLookUpCost = 0.7;
constexpr double kScanCost = 0.05;
constexpr double kCompareCost = 0.08;
constexpr double kProbeCost = 2.5;
constexpr double kBeginCost = 5;

constexpr double kFirstCounted = 64;

// Rows of an index are counted up to so many times those that could be looked up in the time that
// may be spent now. A count begins at the first row again: another is made only for so many times
// as many rows.
constexpr double kCountedAhead = 4;
constexpr double kCountedAnew = 1.5;
// And so many times as many where the index itself says of some that they do not pass: a list
// passes them by.
constexpr double kCountedPassedBy = 4;

}  // namespace

RowFilter::RowFilter(Collection& collection, const Condition& condition,
                     const std::optional<Ids>& only, size_t rows)
    : collection_(&collection), condition_(&condition), only_(&only), rows_(rows) {
  for (size_t part = 0; part < condition.parts(); ++part)
    if (const std::optional<int> column = condition.indexed_column(part);
        column && (*column < 0 || collection.options().is_indexed(static_cast<size_t>(*column))))
      indexed_.push_back({part, condition.has_rest(part)});
}

RowFilter::~RowFilter() {
  collection_->return_filter(std::move(list_));
  collection_->return_filter(std::move(probe_));
}

void RowFilter::begin_list() {
  const Indexed* const leading = lead();
  list_ = collection_->take_filter(
      "SELECT id FROM " + collection_->tables().rows() + " WHERE " +
      (leading != nullptr ? condition_->sql_led_by(leading->part) : condition_->sql()));
  condition_->bind(list_);
}

void RowFilter::end_list() {
  collection_->return_filter(std::move(list_));
  list_ = Statement();
}

// Where an index finds the rows that pass, and no others. Else many rows may be passed by before
// one is given, and what has been forgotten would be begun in vain again and again: such a list is
// made at once, or not yet.
bool RowFilter::is_gradual() const noexcept {
  return condition_->parts() == 1 && !indexed_.empty() && !indexed_[0].has_rest && !has_forgotten_;
}

bool RowFilter::list_some(double most) {
  if (is_listed_) return true;
  if (!is_gradual()) {
    count(most);
    const std::optional<double> cost = list_cost();
    if (!cost || *cost > most) return false;
    most = std::numeric_limits<double>::infinity();
  }
  if (!list_) {
    if (most < kBeginCost) return false;
    begin_list();
  }
  for (; static_cast<double>(read_) * kIndexCost < most; ++read_) {
    if (!list_.step()) {
      end_list();
      storage::sort_distinct(listed_);
      is_listed_ = true;
      if (rows_ > 0)
        share_ = std::min(1.0, static_cast<double>(listed_.size()) / static_cast<double>(rows_));
      break;
    }
    const int64_t id = list_.integer(0);
    if (!*only_ || std::binary_search((*only_)->begin(), (*only_)->end(), id))
      listed_.push_back(id);
  }
  return is_listed_;
}

RowFilter::Ids RowFilter::take_list() {
  if (!is_gradual())
    for (double most = kFirstCounted; !list_cost(); most *= 4)
      for (Indexed& indexed : indexed_) count(indexed, most);
  list_some(std::numeric_limits<double>::infinity());
  return std::move(listed_);
}

// Rows that the part's index gives, up to `most`.
size_t RowFilter::count_found(size_t part, size_t most) {
  Statement count = collection_->take_filter(
      "SELECT count(*) FROM (SELECT 1 FROM " + collection_->tables().rows() + " WHERE " +
      condition_->sql_of(part, Condition::Half::kFound) + " LIMIT ?)");
  const int last = condition_->bind_half(part, Condition::Half::kFound, count, 1);
  count.bind(last, static_cast<int64_t>(most)).step();
  const auto rows = static_cast<size_t>(count.integer(0));
  collection_->return_filter(std::move(count));
  return rows;
}

// How many of them fulfil the rest of the part. Reads them all.
size_t RowFilter::count_fulfilling(size_t part) {
  Statement count =
      collection_->take_filter("SELECT count(*) FROM " + collection_->tables().rows() + " WHERE " +
                               condition_->sql_of(part, Condition::Half::kFound) + " AND (" +
                               condition_->sql_of(part, Condition::Half::kRest) + ") IS TRUE");
  const int rest = condition_->bind_half(part, Condition::Half::kFound, count, 1);
  condition_->bind_half(part, Condition::Half::kRest, count, rest);
  count.step();
  const auto rows = static_cast<size_t>(count.integer(0));
  collection_->return_filter(std::move(count));
  return rows;
}

// Counts the rows that indexes give, as far as is worth while for a list that costs up to `most`.
void RowFilter::count(double most) {
  const double rows = kCountedAhead * most / kLookUpCost;
  if (rows >= 1 && rows >= kCountedAnew * counted())
    for (Indexed& indexed : indexed_) count(indexed, rows);
  for (Indexed& indexed : indexed_) {
    const bool is_known = indexed.fulfilling || cost_of(indexed) <= least_cost(indexed);
    if (!indexed.whole || is_known || least_cost(indexed) > most || *list_cost() <= most) continue;
    indexed.fulfilling = count_fulfilling(indexed.part);
  }
}

// No further than it may lead.
void RowFilter::count(Indexed& indexed, double most) {
  if (!may_lead(indexed)) return;
  most = most * (indexed.has_rest ? kCountedPassedBy : 1.0) + 1;
  if (const std::optional<double> known = list_cost())
    most = std::min(most, *known / least_row_cost(indexed) + 1);
  if (static_cast<double>(indexed.rows) >= most) return;
  const auto rows = static_cast<size_t>(most);
  indexed.rows = count_found(indexed.part, rows);
  indexed.whole = indexed.rows < rows;
}

// How far the indexes that may lead have been counted; infinity if there is none.
double RowFilter::counted() const noexcept {
  double least = std::numeric_limits<double>::infinity();
  for (const Indexed& indexed : indexed_)
    if (may_lead(indexed))
      least = std::min(
          least, static_cast<double>(indexed.rows) / (indexed.has_rest ? kCountedPassedBy : 1.0));
  return least;
}

// The index to find rows by that costs least, of those of which it is known.
const RowFilter::Indexed* RowFilter::lead() const noexcept {
  const Indexed* least = nullptr;
  for (const Indexed& indexed : indexed_)
    if (indexed.whole && (least == nullptr || cost_of(indexed) < cost_of(*least))) least = &indexed;
  return least;
}

// Whether a list that the index leads may yet turn out to cost less.
bool RowFilter::may_lead(const Indexed& indexed) const noexcept {
  const std::optional<double> known = list_cost();
  return !indexed.whole && (!known || least_cost(indexed) < *known);
}

// SQLite looks no row up of which the index says that it does not pass.
double RowFilter::least_row_cost(const Indexed& indexed) const noexcept {
  return indexed.has_rest ? kScanCost : condition_->parts() == 1 ? kIndexCost : kLookUpCost;
}

double RowFilter::least_cost(const Indexed& indexed) const noexcept {
  return least_row_cost(indexed) * static_cast<double>(indexed.rows);
}

// Of a list that it leads.
double RowFilter::cost_of(const Indexed& indexed) const noexcept {
  if (condition_->parts() == 1 || !indexed.has_rest) return least_cost(indexed);
  const size_t looked_up = indexed.fulfilling.value_or(indexed.rows);
  return least_cost(indexed) + (kLookUpCost - kScanCost) * static_cast<double>(looked_up);
}

// Of a list that is made at once, if it is known.
std::optional<double> RowFilter::list_cost() const noexcept {
  if (indexed_.empty()) return kScanCost * static_cast<double>(rows_);
  const Indexed* const leading = lead();
  if (leading == nullptr) return std::nullopt;
  return cost_of(*leading);
}

double RowFilter::compare_cost() const noexcept {
  return static_cast<double>(listed_.size()) * kCompareCost;
}

double RowFilter::probe_cost() noexcept {
  return kProbeCost;
}

double RowFilter::cost() const noexcept {
  return static_cast<double>(probed_) * kProbeCost;
}

size_t RowFilter::count_passing(const Ids& ids) {
  known_.clear();
  known_passes_.clear();
  for (const int64_t id : ids) {
    known_passes_.push_back(probe(id) ? 1 : 0);
    known_.push_back(id);
  }
  return static_cast<size_t>(std::count(known_passes_.begin(), known_passes_.end(), 1));
}

void RowFilter::forget() {
  end_list();
  listed_.clear();
  read_ = 0;
  is_listed_ = false;
  has_forgotten_ = true;
  known_.clear();
}

bool RowFilter::passes(int64_t id) {
  const auto known = std::find(known_.begin(), known_.end(), id);
  return known != known_.end() ? known_passes_[static_cast<size_t>(known - known_.begin())] != 0
                               : probe(id);
}

// The collection may have been renamed since the last row.
bool RowFilter::probe(int64_t id) {
  if (!probe_ || probed_name_ != collection_->name()) {
    probed_name_ = collection_->name();
    probe_ = collection_->take_filter("SELECT 1 FROM " + collection_->tables().rows() +
                                      " WHERE id = ? AND " + condition_->sql());
    condition_->bind(probe_, 2);
  }
  ++probed_;
  const ResetGuard reset(probe_);
  return probe_.bind(1, id).step();
}

}  // namespace kindred::sql
