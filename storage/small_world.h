// hnswlib's graph over coded rows: the one place that knows hnswlib.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <span>
#include <vector>

#include "math/metric.h"
#include "storage/graph_format.h"

namespace kindred::storage {

// Rows as their int8 codes. Borrowed.
struct CodedRows {
  math::Metric metric = math::Metric::kCosine;
  size_t count = 0;
  const int8_t* codes = nullptr;
  size_t stride = 0;                 // from row to row, zeros behind the dimensions
  std::vector<NodeNumbers> numbers;  // by row

  const int8_t* code(size_t row) const noexcept { return codes + row * stride; }
  // Orders as the distance of two rows, by the dot product of their codes. Never NaN, which does
  // not sort: what overflows is farthest.
  float distance(uint32_t a, uint32_t b, int32_t dot) const noexcept {
    const float product = numbers[a].scale * numbers[b].scale * static_cast<float>(dot);
    const float key =
        metric == math::Metric::kL2 ? numbers[a].bias + numbers[b].bias - 2 * product : -product;
    return key == key ? key : std::numeric_limits<float>::infinity();
  }
};

class SmallWorld {
 public:
  // Empty, with room for all rows. REQUIRES: `rows` outlives it.
  SmallWorld(const CodedRows& rows, size_t m, size_t ef_construction);
  ~SmallWorld();

  // Begins with these rows, that of the highest level first, linked as `links(i, level)` says:
  // rows among them, at most m, 2m on level 0. `levels` by row.
  // REQUIRES: nothing has been added; `rows` has one.
  void restore(std::span<const uint32_t> rows, std::span<const uint8_t> levels,
               const std::function<std::vector<uint32_t>(size_t i, size_t level)>& links);
  // Adds a row on levels 0 to `level`. Thread-safe.
  void add(uint32_t row, size_t level);
  // The rows that a row is linked to. REQUIRES: no add() is going on; the row is on that level.
  std::vector<uint32_t> links(uint32_t row, size_t level) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kindred::storage
