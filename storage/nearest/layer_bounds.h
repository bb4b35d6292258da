// Lower bounds of the distances of a layer's rows from a query: by one scan of their codes, coarse
// ones where these may do, and sharper bounds for the rows that are worth it.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "storage/log/row_layer.h"
#include "storage/nearest/counted_scorer.h"

namespace kindred::storage {

// How much of a row is fetched ahead: the processor fetches the rest of a long one by itself.
inline constexpr size_t kPrefetchBytes = 2048;
// Rows whose codes, which are shorter, are on the way.
inline constexpr size_t kCodesAhead = 8;

// A distance as a bound: itself, unless it is beyond float32's range.
float bound_of(double distance) noexcept;

class LayerBounds {
 public:
  static constexpr float kInfinity = std::numeric_limits<float>::infinity();

  // Scans nothing yet. REQUIRES: `counted` outlives it.
  LayerBounds(RowLayer rows, CountedScorer& counted) : rows_(std::move(rows)), counted_(counted) {}

  const RowLayer& rows() const noexcept { return rows_; }
  // Bounds have places: of each row, or of each in the layer's `only`.
  uint32_t row_at(uint32_t place) const { return rows_.only ? (*rows_.only)[place] : place; }
  size_t size() const noexcept { return bounds_.size(); }  // 0 until they are scanned

  // Scans the layer. Rows that do not answer get infinity. Bounds are by coarse codes where that
  // saves reading most of the int8 ones for the `wanted` nearest rows.
  void scan(size_t wanted);
  bool is_rough() const noexcept { return !sharp_.empty(); }

  // A bound; infinity for a row that is not to be met any more.
  float operator[](uint32_t place) const noexcept { return bounds_[place]; }
  void set(uint32_t place, float bound) noexcept { bounds_[place] = bound; }
  void remove(uint32_t place) noexcept { bounds_[place] = kInfinity; }
  // Calls visit(place) for each bound below the limit, which may become less meanwhile.
  template <class Visit>
  void for_each_below(const float& limit, const Visit& visit) const;
  size_t count_below_or_at(float limit) const noexcept;

  // Of a rough bound, those up to a limit, or all: by int8 codes.
  void sharpen(uint32_t place);
  void sharpen_up_to(float limit);
  // Puts the distances themselves in the place of all that are left.
  void look_at_all();

  // Fetches what a sharper bound is made of.
  void prefetch(uint32_t place) const;

 private:
  // Rows compared with a limit at once: most blocks hold nothing near enough.
  static constexpr size_t kBlock = 32;
  static float smallest(const float* v, size_t n) noexcept;

  bool has_coarse() const noexcept;
  bool reads_apart() const noexcept;
  void verify(size_t first, size_t count, bool coarse) const;
  void scan_block(size_t first, bool coarse, float* out);
  void scan_whole(bool coarse);
  void scan_only(bool coarse);
  void scan_listed();
  void raise(bool coarse);
  void sharpen_all();

  RowLayer rows_;
  CountedScorer& counted_;
  std::vector<float> bounds_;
  std::vector<bool> sharp_;  // which of them are not by coarse codes any more; empty: all
};

template <class Visit>
void LayerBounds::for_each_below(const float& limit, const Visit& visit) const {
  for (size_t first = 0; first < bounds_.size(); first += kBlock) {
    const size_t count = std::min(kBlock, bounds_.size() - first);
    if (smallest(bounds_.data() + first, count) >= limit) continue;
    for (size_t i = first; i < first + count; ++i)
      if (bounds_[i] < limit) visit(static_cast<uint32_t>(i));
  }
}

}  // namespace kindred::storage
