// SPDX-License-Identifier: Apache-2.0
#include "sql/search/passing_rows.h"

#include <algorithm>
#include <cmath>

namespace kindred::sql {
namespace {

// Rows a stream is first asked for when nobody says how many are wanted.
constexpr size_t kUnknownExpected = 20;

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

// Nobody may know how many rows are wanted. Then so many times as many still are as have been
// given: a list is made once asking has cost about as much.
constexpr double kWantedOfGiven = 2;

// As if so many rows had been asked of which as many pass as of all rows.
constexpr double kPriorRows = 14;

// A condition with more values, from a long IN list, is not asked of one row after the other.
constexpr size_t kAskedValues = 64;

}  // namespace

PassingRows::PassingRows(Collection& collection, const SearchRequest& request, uint64_t wanted)
    : collection_(collection), request_(request) {
  std::vector<storage::RowLayer> layers = collection.layers(request.only);
  effort_.ef =
      request.ef > 0 ? request.ef : collection.manifest().known().ef;  // layers() has looked
  effort_.exact = request.exact;
  const size_t expected = request.k ? std::min<uint64_t>(wanted, 1 << 20) : request.expected;
  effort_.expected = expected > 0 ? expected : kUnknownExpected;
  // All rows, all within a distance, or nobody knows how many until enough are left of them: none
  // may be missed.
  if (!request.k &&
      (request.expected == 0 || request.with_others || std::isfinite(request.range.upper)))
    effort_.exact = true;
  // A graph finds rows late where more are taken than it was asked for, behind rows as near with
  // greater rowids.
  if (request.by_rowid && std::isfinite(request.range.lower)) effort_.exact = true;
  if (request.condition.empty())
    search(std::move(layers), effort_);
  else
    begin_asking(std::move(layers));
}

std::optional<storage::Neighbor> PassingRows::next() {
  for (;;) {
    const std::optional<storage::Neighbor> neighbor = next_passing();
    if (!neighbor || request_.range.is_above(neighbor->distance)) return std::nullopt;
    if (request_.range.is_below(neighbor->distance)) continue;
    ++given_;
    return neighbor;
  }
}

void PassingRows::search(std::vector<storage::RowLayer> layers, const storage::Effort& effort) {
  stream_ = std::make_unique<storage::NearestStream>(collection_.vectors(), request_.query->data(),
                                                     std::move(layers), effort);
}

// REQUIRES: nothing has been given yet, and nothing has changed since the beginning.
// kScan: a graph has been searched in vain, and would come by the same rows again.
void PassingRows::search_listed(const std::vector<int64_t>& ids, By by) {
  if (stream_) visited_ += stream_->visited();
  filter_.reset();
  passed_.clear();
  storage::Effort effort = effort_;
  effort.exact = effort.exact || by == By::kScan;
  search(collection_.layers(ids), effort);
}

void PassingRows::begin_asking(std::vector<storage::RowLayer> layers) {
  size_t rows = 0;
  for (const storage::RowLayer& layer : layers) rows += layer.count;
  RowFilter filter(collection_, request_.condition, request_.only, rows);
  storage::Effort effort = effort_;
  effort.chosen_from = true;
  search(std::move(layers), effort);
  if (request_.condition.values() > kAskedValues ||
      filter.list_some(kListOfFirst * stream_->first_cost()))
    return search_listed(filter.take_list(), By::kAny);
  const std::vector<int64_t> near = stream_->peek(kPeeked);
  peeked_ = near.size();
  peeked_passed_ = filter.count_passing(near);
  filter_.emplace(std::move(filter));
  batch_ = request_.k || request_.expected > 0 ? effort_.expected : 1;
}

std::optional<storage::Neighbor> PassingRows::next_passing() {
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
bool PassingRows::is_list_better() {
  const double step = stream_->step_cost();
  const double spent = stream_->cost() + filter_->cost() + step;
  return filter_->list_some(std::min(kListedOfSpent * spent, kListedOfLeft * left_to_ask(step))) &&
         left_to_ask(step) > filter_->compare_cost();
}

// What is still to be spent on asking if rows go on passing as often as those that have been asked,
// next to the query or in turn, and, where it is known, all rows. The stream's next step is the
// least of it.
double PassingRows::left_to_ask(double step) const {
  const size_t passed = std::max(given_ + passed_.size(), peeked_passed_);
  const size_t asked = std::max(asked_, peeked_);
  const std::optional<double> anywhere = filter_->known_share();
  const double share = (static_cast<double>(passed) + (anywhere ? kPriorRows * *anywhere : 0.5)) /
                       (static_cast<double>(asked) + (anywhere ? kPriorRows : 1.0));
  const double wanted = std::max(static_cast<double>(batch_ - passed_.size()),
                                 kWantedOfGiven * static_cast<double>(given_));
  const double rows = wanted / std::max(share, 1e-6);
  const double in_all = std::min(rows + static_cast<double>(asked_), 1e9);
  const double stream = stream_->cost_of(static_cast<size_t>(in_all)) - stream_->cost();
  return filter_->probe_cost() * rows + std::max(stream, step);
}

// Asks rows in ascending distance until a batch of them has passed, or goes over to a list. The
// first batch has all rows that are likely to be wanted, so that what a graph finds late takes its
// place among them; later it is too late for it. false if there are no more.
bool PassingRows::gather() {
  while (passed_.size() < batch_) {
    if (is_list_better()) {
      stop_asking();
      return true;
    }
    const std::optional<storage::Neighbor> neighbor = stream_->next();
    if (!neighbor || request_.range.is_above(neighbor->distance)) break;
    if (request_.range.is_below(neighbor->distance)) continue;
    if (last_ && !storage::is_nearer(*last_, *neighbor)) continue;
    ++asked_;
    if (filter_->passes(neighbor->id)) passed_.push_back(*neighbor);
  }
  std::sort(passed_.begin(), passed_.end(),
            [](const auto& a, const auto& b) { return storage::is_nearer(b, a); });
  batch_ = 1;
  filter_->forget();
  return !passed_.empty();
}

// The rows near the query are not the ones that pass. Once a row has been given, the stream goes on
// over the rows it began with: the collection may have changed since.
void PassingRows::stop_asking() {
  if (!last_) return search_listed(filter_->take_list(), By::kScan);
  stream_->keep_only(filter_->take_list());
  filter_.reset();
}

}  // namespace kindred::sql
