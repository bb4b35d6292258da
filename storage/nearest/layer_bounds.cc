// SPDX-License-Identifier: Apache-2.0
#include "storage/nearest/layer_bounds.h"

#include <cmath>

#include "storage/prefetch.h"

namespace kindred::storage {
namespace {

// In ns: of a row whose int8 codes are looked at.
constexpr double kSharpenCost = 80;

// Rows that are read in order in the time of one elsewhere.
constexpr size_t kScannedOfListed = 4;
// Coarse codes are worth reading where one of so many rows is wanted at most.
constexpr size_t kCoarseOfWanted = 128;
// What a scan of int8 codes costs, of one of coarse codes.
constexpr double kFineOfCoarse = 2;
// Where more than one of so many is looked at for its int8 codes, and more than these, those of all
// are: in order they are read twenty times as fast. (A stream of 1,000 among 100,000 rows takes 5.1
// ms, with 8 instead of 32 it was 9.4; one of 30 takes 2.0 either way.)
constexpr size_t kSharpenedOfAll = 32;
constexpr size_t kSharpenedApart = 512;

}  // namespace

float bound_of(double distance) noexcept {
  constexpr float kMost = std::numeric_limits<float>::max();
  if (distance < -kMost) return -LayerBounds::kInfinity;
  return static_cast<float>(std::min<double>(distance, kMost));
}

// Eight minima, since the compiler may not reorder one to vectorise it.
float LayerBounds::smallest(const float* v, size_t n) noexcept {
  float least[8];
  std::fill_n(least, 8, kInfinity);
  size_t i = 0;
  for (; i + 8 <= n; i += 8)
    for (size_t j = 0; j < 8; ++j) least[j] = v[i + j] < least[j] ? v[i + j] : least[j];
  for (; i < n; ++i) least[0] = std::min(least[0], v[i]);
  return *std::min_element(least, least + 8);
}

bool LayerBounds::has_coarse() const noexcept {
  return rows_.count > 0 && rows_.block_of(0).coarse != nullptr;
}

// Whether only listed rows are read: where they are many, reading all in order is quicker.
bool LayerBounds::reads_apart() const noexcept {
  return rows_.only && rows_.only->size() <= rows_.count / kScannedOfListed;
}

void LayerBounds::verify(size_t first, size_t count, bool coarse) const {
  if (rows_.verifier == nullptr) return;
  if (coarse)
    rows_.verifier->verify_coarse(first, count);
  else
    rows_.verifier->verify_rows(first, count);
}

// Not by coarse codes where many rows are wanted, nor where rows lie apart, which costs more than
// their bytes.
void LayerBounds::scan(size_t wanted) {
  const bool coarse = has_coarse() && !reads_apart() && wanted * kCoarseOfWanted <= rows_.count;
  if (rows_.only)
    scan_only(coarse);
  else
    scan_whole(coarse);
  const size_t read = reads_apart() ? bounds_.size() : rows_.count;
  sharp_.assign(coarse ? bounds_.size() : 0, false);
  const double each = counted_.costs.scan * (has_coarse() && !coarse ? kFineOfCoarse : 1.0);
  counted_.visited += read;
  counted_.cost += each * 1e-3 * static_cast<double>(read);
}

// Bounds of a block's rows, by coarse codes or by those that a row has anyway; hidden rows are not
// left out.
void LayerBounds::scan_block(size_t first, bool coarse, float* out) {
  const RowBlock& block = rows_.block_of(first);
  const size_t count = std::min(rows_.block_rows, rows_.count - first);
  verify(first, count, coarse);
  if (coarse)
    counted_.scorer.rough_bounds(block, 0, count, out);
  else
    counted_.scorer.lower_bounds(block, count, out);
  if (block.dead == nullptr || block.dead->load(std::memory_order_relaxed) == 0) return;
  for (size_t i = 0; i < count; ++i)
    if (!rows_.alive(first + i)) out[i] = kInfinity;
}

void LayerBounds::scan_whole(bool coarse) {
  bounds_.resize(rows_.count);
  for (size_t first = 0; first < rows_.count; first += rows_.block_rows)
    scan_block(first, coarse, bounds_.data() + first);
  if (rows_.hidden == nullptr) return;
  for (const uint32_t row : *rows_.hidden) bounds_[row] = kInfinity;
}

void LayerBounds::scan_only(bool coarse) {
  if (reads_apart()) return scan_listed();
  bounds_.assign(rows_.only->size(), -kInfinity);
  raise(coarse);
  if (rows_.hidden == nullptr) return;
  for (const uint32_t row : *rows_.hidden) {
    const size_t place = rows_.place_of(row);
    if (place < bounds_.size() && (*rows_.only)[place] == row) bounds_[place] = kInfinity;
  }
}

void LayerBounds::scan_listed() {
  const std::vector<uint32_t>& listed = *rows_.only;
  bounds_.resize(listed.size());
  size_t verified = 0;  // rows before this one need not be asked for
  for (size_t i = 0; i < bounds_.size(); ++i) {
    const uint32_t row = listed[i];
    if (i + kCodesAhead < bounds_.size()) prefetch(static_cast<uint32_t>(i + kCodesAhead));
    if (row >= verified) {
      verified = std::min<size_t>(rows_.count, (row / kBlock + 1) * kBlock);
      verify(row, verified - row, false);
    }
    bounds_[i] = rows_.is_hidden(row)
                     ? kInfinity
                     : counted_.scorer.lower_bound(rows_.block_of(row), row % rows_.block_rows);
  }
}

// Raises each bound to the one by codes where that is higher. All rows are read in order, block by
// block.
void LayerBounds::raise(bool coarse) {
  std::vector<float> scanned(std::min(rows_.block_rows, rows_.count));
  uint32_t place = 0;
  for (size_t first = 0; first < rows_.count; first += rows_.block_rows) {
    scan_block(first, coarse, scanned.data());
    const size_t end = std::min(first + rows_.block_rows, rows_.count);
    for (; place < bounds_.size() && row_at(place) < end; ++place)
      bounds_[place] = std::max(bounds_[place], scanned[row_at(place) - first]);
  }
}

size_t LayerBounds::count_below_or_at(float limit) const noexcept {
  return static_cast<size_t>(std::count_if(bounds_.begin(), bounds_.end(),
                                           [limit](float bound) { return bound <= limit; }));
}

void LayerBounds::sharpen(uint32_t place) {
  if (sharp_.empty() || sharp_[place]) return;
  sharp_[place] = true;
  const uint32_t row = row_at(place);
  ++counted_.sharpened;
  counted_.cost += kSharpenCost * 1e-3;
  verify(row, 1, false);
  const float sharper = counted_.scorer.lower_bound(rows_.block_of(row), row % rows_.block_rows);
  bounds_[place] = std::max(bounds_[place], sharper);
}

void LayerBounds::sharpen_up_to(float limit) {
  if (sharp_.empty()) return;
  std::vector<uint32_t> places;
  for_each_below(std::nextafter(limit, kInfinity), [&](uint32_t place) {
    if (!sharp_[place]) places.push_back(place);
  });
  if (places.size() > std::max(bounds_.size() / kSharpenedOfAll, kSharpenedApart))
    return sharpen_all();
  for (size_t i = 0; i < places.size(); ++i) {
    if (i + kCodesAhead < places.size()) prefetch(places[i + kCodesAhead]);
    sharpen(places[i]);
  }
}

// In the order in which they lie.
void LayerBounds::sharpen_all() {
  raise(false);
  const double each = kFineOfCoarse * counted_.costs.scan;
  counted_.cost += each * 1e-3 * static_cast<double>(rows_.count);
  counted_.sharpened += bounds_.size();
  sharp_.clear();
}

void LayerBounds::look_at_all() {
  sharp_.clear();
  for (uint32_t place = 0; place < bounds_.size(); ++place) {
    float& bound = bounds_[place];
    if (bound == kInfinity) continue;
    const uint32_t row = row_at(place);
    if (rows_.verifier != nullptr) rows_.verifier->verify_exact(row);
    const std::optional<double> distance =
        counted_.scorer.exact(rows_.block_of(row), row % rows_.block_rows);
    counted_.count_look_in_order();
    bound = distance ? bound_of(*distance) : kInfinity;
  }
}

// Rows apart lie anywhere, and what a bound is made of in six places or seven.
void LayerBounds::prefetch(uint32_t place) const {
  const uint32_t row = row_at(place);
  const RowBlock& block = rows_.block_of(row);
  const size_t i = row % rows_.block_rows;
  for (const float* numbers : {block.scale, block.code_norm, block.residual_norm, block.suffix_norm,
                               block.norm_squared, block.bias})
    if (numbers != nullptr) storage::prefetch(numbers + i, sizeof(float));
  const bool coded = block.code_stride > 0;
  const auto* at = coded ? reinterpret_cast<const std::byte*>(block.code(i)) : block.row(i);
  storage::prefetch(at, std::min(coded ? block.code_stride : block.exact_stride, kPrefetchBytes));
}

}  // namespace kindred::storage
