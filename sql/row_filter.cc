// SPDX-License-Identifier: Apache-2.0
#include "sql/row_filter.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace kindred::sql {
namespace {

// Ids that are listed before anything is guessed: fewer cost less than guessing.
constexpr size_t kListedAtOnce = 200;

// What an id in a list costs, and a candidate that is asked, the search for it included; in us.
constexpr double kListCost = 0.2;
constexpr double kProbeCost = 1.5;

// A sample is as large as it takes for so many rows of it to pass, within these bounds. It ends
// early, after 32, 64, ... rows, where fewer pass than would make a list dear.
constexpr size_t kFirstSample = 32;
constexpr size_t kMostSampled = 256;
constexpr size_t kSurePassed = 12;

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

RowFilter::RowFilter(Collection& collection, const Condition& condition)
    : collection_(&collection), condition_(&condition) {}

Statement RowFilter::listing() const {
  Statement list(collection_->db(),
                 "SELECT id FROM " + collection_->tables().rows() + " WHERE " + condition_->sql());
  condition_->bind(list);
  return list;
}

// Appends ids until there are no more (true) or `most` have been read.
bool RowFilter::read(Statement& list, const std::optional<Ids>& only, size_t most, Ids& ids) const {
  for (size_t read = 0; read < most; ++read) {
    if (!list.step()) return true;
    const int64_t id = list.integer(0);
    if (!only || std::binary_search(only->begin(), only->end(), id)) ids.push_back(id);
  }
  return false;
}

RowFilter::Ids RowFilter::list(const std::optional<Ids>& only) {
  Ids ids;
  Statement list = listing();
  read(list, only, std::numeric_limits<size_t>::max(), ids);
  if (!std::is_sorted(ids.begin(), ids.end())) std::sort(ids.begin(), ids.end());
  return ids;
}

// Listing p of n rows costs p list costs, probing until k have passed k n / p probe costs: equal at
// p = sqrt(probe / list * k n).
std::optional<RowFilter::Ids> RowFilter::list_if_few(const std::vector<storage::RowLayer>& layers,
                                                     const std::optional<Ids>& only,
                                                     size_t wanted) {
  for (const storage::RowLayer& layer : layers) rows_ += answering(layer);
  const double few = std::sqrt(kProbeCost / kListCost * static_cast<double>(wanted * rows_));
  Ids ids;
  Statement list = listing();
  if (!read(list, only, kListedAtOnce, ids)) {
    const auto most = std::max<size_t>(static_cast<size_t>(few), 1000);
    if (rows_ > 0) share_ = guess_share(layers, few / static_cast<double>(rows_));
    if (share_ * static_cast<double>(rows_) > few) return std::nullopt;
    if (!read(list, only, most - kListedAtOnce, ids)) {
      share_ = std::max(share_, std::min(few / static_cast<double>(rows_), 1.0));
      return std::nullopt;
    }
  }
  if (!std::is_sorted(ids.begin(), ids.end())) std::sort(ids.begin(), ids.end());
  return ids;
}

// Rows far apart in the order they lie. `few`: the share up to which a list is cheaper.
double RowFilter::guess_share(const std::vector<storage::RowLayer>& layers, double few) {
  size_t sampled = 0;
  size_t passed = 0;
  size_t stop = kFirstSample;
  constexpr double kGolden = 0.6180339887498949;  // steps that cover an interval at any length
  for (double at = 0.5; passed < kSurePassed; at += kGolden) {
    if (sampled == stop) {
      if (sampled == kMostSampled ||
          static_cast<double>(passed) <= few * static_cast<double>(sampled))
        break;
      stop *= 2;
    }
    at -= std::floor(at);
    const auto i = static_cast<size_t>(at * static_cast<double>(rows_));
    if (passes(id_at(layers, std::min(i, rows_ - 1)))) ++passed;
    ++sampled;
  }
  return static_cast<double>(passed) / static_cast<double>(sampled);
}

// A few more than on average: too few are searched for again, with more effort.
size_t RowFilter::candidates(size_t wanted) const {
  const auto passing = static_cast<double>(wanted);
  const double candidates = (passing + 2 * std::sqrt(passing)) / share_ + passing;
  return static_cast<size_t>(std::min(std::ceil(candidates), static_cast<double>(rows_ + 1)));
}

size_t RowFilter::worth_probing(size_t candidates) const {
  const double list = kListCost * share_ * static_cast<double>(rows_);
  return std::max(static_cast<size_t>(list / kProbeCost / 2), 2 * candidates);
}

// The collection may have been renamed since the last row.
bool RowFilter::passes(int64_t id) {
  if (!probe_ || probed_table_ != collection_->tables().rows()) {
    probed_table_ = collection_->tables().rows();
    probe_ = Statement(collection_->db(), "SELECT 1 FROM " + probed_table_ + " WHERE id = ?1 AND " +
                                              condition_->sql());
    condition_->bind(probe_);
  }
  const ResetGuard reset(probe_);
  return probe_.bind(1, id).step();
}

}  // namespace kindred::sql
