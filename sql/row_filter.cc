// SPDX-License-Identifier: Apache-2.0
#include "sql/row_filter.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "storage/sort_distinct.h"

namespace kindred::sql {
namespace {

// What an id in a list costs, what it costs to search among the listed, and what a row costs that
// is asked by its id; in us, at 384 dimensions.
constexpr double kListCost = 0.2;
constexpr double kSearchCost = 0.12;
constexpr double kProbeCost = 2.5;

constexpr size_t kMostSampled = 256;

size_t answering(const storage::RowLayer& layer) {
  return layer.only ? layer.only->size() : layer.count;
}

// The id of the i-th of all rows that may answer. It is not compared with its checksum: a wrong one
// makes a guess worse, no answer.
int64_t id_at(const std::vector<storage::RowLayer>& layers, size_t i) {
  size_t layer = 0;
  for (; i >= answering(layers[layer]); ++layer) i -= answering(layers[layer]);
  const size_t row = layers[layer].only ? (*layers[layer].only)[i] : i;
  return layers[layer].block_of(row).id[row % layers[layer].block_rows];
}

}  // namespace

RowFilter::RowFilter(Collection& collection, const Condition& condition,
                     const std::optional<Ids>& only)
    : collection_(&collection), condition_(&condition), only_(&only) {}

RowFilter::~RowFilter() {
  collection_->return_filter(std::move(list_));
  collection_->return_filter(std::move(probe_));
}

RowFilter::Ids RowFilter::list() {
  return *list(std::numeric_limits<double>::infinity());
}

void RowFilter::end_list() {
  collection_->return_filter(std::move(list_));
  list_ = Statement();
  listed_.clear();
  read_ = 0;
}

std::optional<RowFilter::Ids> RowFilter::list(double most) {
  if (!list_) {
    list_ = collection_->take_filter("SELECT id FROM " + collection_->tables().rows() + " WHERE " +
                                     condition_->sql());
    condition_->bind(list_);
  }
  for (; static_cast<double>(read_) * kListCost < most; ++read_) {
    if (!list_.step()) {
      Ids ids = std::move(listed_);
      end_list();
      storage::sort_distinct(ids);
      return ids;
    }
    const int64_t id = list_.integer(0);
    if (!*only_ || std::binary_search((*only_)->begin(), (*only_)->end(), id))
      listed_.push_back(id);
  }
  return std::nullopt;
}

// Rows far apart in the order they lie, by steps that cover an interval at any length.
void RowFilter::sample(const std::vector<storage::RowLayer>& layers, size_t rows) {
  constexpr double kGolden = 0.6180339887498949;
  size_t all = 0;
  for (const storage::RowLayer& layer : layers) all += answering(layer);
  for (; all > 0 && sampled_ < rows; ++sampled_) {
    const auto i = static_cast<size_t>(at_ * static_cast<double>(all));
    if (probe(id_at(layers, std::min(i, all - 1)))) ++passed_;
    at_ += kGolden;
    at_ -= std::floor(at_);
  }
}

// Half a row more is counted: of a small sample of a small share mostly none passes.
double RowFilter::list_cost(const std::vector<storage::RowLayer>& layers, double most) {
  sample(layers, std::min(static_cast<size_t>(most / kProbeCost), kMostSampled));
  size_t rows = 0;
  for (const storage::RowLayer& layer : layers) rows += layer.count;
  const double share = (static_cast<double>(passed_) + 0.5) / (static_cast<double>(sampled_) + 1.0);
  const double listed = std::max(share * static_cast<double>(rows), static_cast<double>(read_));
  return listed * (kListCost + kSearchCost);
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
  known_.clear();
}

bool RowFilter::passes(int64_t id) {
  const auto known = std::find(known_.begin(), known_.end(), id);
  return known != known_.end() ? known_passes_[static_cast<size_t>(known - known_.begin())] != 0
                               : probe(id);
}

// The collection may have been renamed since the last row.
bool RowFilter::probe(int64_t id) {
  if (!probe_ || probed_table_ != collection_->tables().rows()) {
    probed_table_ = collection_->tables().rows();
    probe_ = collection_->take_filter("SELECT 1 FROM " + probed_table_ + " WHERE id = ?1 AND " +
                                      condition_->sql());
    condition_->bind(probe_);
  }
  ++probed_;
  const ResetGuard reset(probe_);
  return probe_.bind(1, id).step();
}

}  // namespace kindred::sql
