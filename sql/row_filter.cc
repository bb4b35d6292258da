// SPDX-License-Identifier: Apache-2.0
#include "sql/row_filter.h"

#include <algorithm>
#include <limits>

#include "storage/sort_distinct.h"

namespace kindred::sql {
namespace {

// In us, at 384 dimensions: a row that an index gives, one that has to be looked up to see whether
// the rest of the condition holds, and one that is passed by where there is no index; comparing a
// row of a list, and asking one by its id; and beginning a list.
constexpr double kIndexCost = 0.19;
constexpr double kLookUpCost = 0.7;
constexpr double kScanCost = 0.05;
constexpr double kCompareCost = 0.08;
constexpr double kProbeCost = 2.5;
constexpr double kBeginCost = 5;

constexpr size_t kFirstCounted = 64;

// Rows of an index are counted up to so many times those that could be looked up in the time that
// may be spent now. A count begins at the first row again: another is made only for so many times
// as many rows.
constexpr double kCountedAhead = 4;
constexpr double kCountedAnew = 1.5;

}  // namespace

RowFilter::RowFilter(Collection& collection, const Condition& condition,
                     const std::optional<Ids>& only, size_t rows)
    : collection_(&collection), condition_(&condition), only_(&only), rows_(rows) {
  for (size_t part = 0; part < condition.parts(); ++part)
    if (const std::optional<int> column = condition.indexed_column(part);
        column && (*column < 0 || collection.options().is_indexed(static_cast<size_t>(*column))))
      indexed_.push_back({part});
}

RowFilter::~RowFilter() {
  collection_->return_filter(std::move(list_));
  collection_->return_filter(std::move(probe_));
}

// Whether one part of the condition, of which an index gives rows, is all there is.
bool RowFilter::is_simple() const noexcept {
  return condition_->parts() == 1 && !indexed_.empty();
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

// One that is not simple may pass by many rows before it gives one: it is made at once, or not yet.
bool RowFilter::list_some(double most) {
  if (is_listed_) return true;
  if (!is_simple()) {
    const double counts = kCountedAhead * most / entry_cost();
    if (!entries() && counts >= 1 && counts >= kCountedAnew * static_cast<double>(counted()))
      count(static_cast<size_t>(counts) + 1);
    const std::optional<double> seen = entries();
    if (!seen || *seen * entry_cost() > most) return false;
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
      break;
    }
    const int64_t id = list_.integer(0);
    if (!*only_ || std::binary_search((*only_)->begin(), (*only_)->end(), id))
      listed_.push_back(id);
  }
  return is_listed_;
}

RowFilter::Ids RowFilter::take_list() {
  if (!is_simple())
    for (size_t most = kFirstCounted; !entries(); most *= 4) count(most);
  list_some(std::numeric_limits<double>::infinity());
  return std::move(listed_);
}

size_t RowFilter::count(size_t part, size_t most) {
  Statement count = collection_->take_filter("SELECT count(*) FROM (SELECT 1 FROM " +
                                             collection_->tables().rows() + " WHERE " +
                                             condition_->sql_of(part) + " LIMIT ?)");
  condition_->bind_part(part, count);
  count.bind(sqlite3_bind_parameter_count(count.get()), static_cast<int64_t>(most)).step();
  const auto rows = static_cast<size_t>(count.integer(0));
  collection_->return_filter(std::move(count));
  return rows;
}

// Counts the rows that indexes give, until it is known which gives fewest or each gives `most`.
void RowFilter::count(size_t most) {
  for (Indexed& indexed : indexed_) {
    if (!indexed.whole && indexed.rows < most) {
      indexed.rows = count(indexed.part, most);
      indexed.whole = indexed.rows < most;
    }
    if (indexed.whole) most = std::min(most, indexed.rows);
  }
}

const RowFilter::Indexed* RowFilter::lead() const noexcept {
  const Indexed* least = nullptr;
  for (const Indexed& indexed : indexed_)
    if (indexed.whole && (least == nullptr || indexed.rows < least->rows)) least = &indexed;
  return least;
}

// No index gives fewer.
size_t RowFilter::counted() const noexcept {
  size_t least = rows_;
  for (const Indexed& indexed : indexed_) least = std::min(least, indexed.rows);
  return least;
}

double RowFilter::entry_cost() const noexcept {
  return indexed_.empty() ? kScanCost : is_simple() ? kIndexCost : kLookUpCost;
}

// Rows that have to be seen for a list, if it is known.
std::optional<double> RowFilter::entries() const noexcept {
  if (indexed_.empty()) return static_cast<double>(rows_);
  if (is_simple() && is_listed_) return static_cast<double>(read_);
  const Indexed* const leading = lead();
  if (leading == nullptr) return std::nullopt;
  return static_cast<double>(leading->rows);
}

std::optional<double> RowFilter::known_share() const noexcept {
  if (!is_listed_ || rows_ == 0) return std::nullopt;
  return std::min(1.0, static_cast<double>(listed_.size()) / static_cast<double>(rows_));
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
  for (Indexed& indexed : indexed_) indexed = {indexed.part};
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
