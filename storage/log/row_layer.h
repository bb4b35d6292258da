// Vectors as a search reads them, wherever they lie: in the tail's memory or a segment's mapping.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "storage/log/changed_ids.h"

namespace kindred::storage {

class Graph;
struct CoarseNumbers;

// Rows that lie end to end; row_codes.h says what the numbers mean. Borrowed from its layer's
// owner.
struct RowBlock {
  const std::byte* exact = nullptr;
  const int8_t* codes = nullptr;
  size_t exact_stride = 0;       // bytes from row to row, a multiple of 64
  size_t code_stride = 0;        // the same for codes; 0 where there are none
  const int64_t* ids = nullptr;  // nullptr: one after the other from first_id on
  int64_t first_id = 0;
  const float* scale = nullptr;
  const float* code_norm = nullptr;
  const float* residual_norm = nullptr;
  const float* suffix_norm = nullptr;  // nullptr where codes cover all elements
  const float* norm_squared = nullptr;
  // Where codes are of rows less a centre, all of a layer less the same; nullptr else.
  const float* bias = nullptr;
  const float* code_centre = nullptr;
  // Where there are coarse codes (coarse_codes.h); nullptr else.
  const int8_t* coarse = nullptr;
  const CoarseNumbers* coarse_numbers = nullptr;
  const float* centre = nullptr;  // of coarse codes, of all rows of a layer
  // Of rows that may end while they are read: the change number of the row that ended each, and how
  // many have ended. nullptr where no row ends.
  const std::atomic<int64_t>* died = nullptr;
  const std::atomic<size_t>* dead = nullptr;

  int64_t id(size_t i) const noexcept {
    return ids != nullptr ? ids[i] : first_id + static_cast<int64_t>(i);
  }
  const std::byte* row(size_t i) const noexcept { return exact + i * exact_stride; }
  const int8_t* code(size_t i) const noexcept { return codes + i * code_stride; }
  size_t coarse_stride() const noexcept { return code_stride / 2; }
  const int8_t* coarse_code(size_t i) const noexcept { return coarse + i * coarse_stride(); }
};

// Rows that may have been damaged where they lie: to be asked for before they are read. Throws
// StorageError (kCorrupt). Thread-safe.
class RowVerifier {
 public:
  virtual ~RowVerifier() = default;
  // Codes, numbers and ids of rows that lie end to end.
  virtual void verify_rows(size_t first, size_t count) const = 0;
  // The same with coarse codes and their numbers in the place of codes.
  virtual void verify_coarse(size_t first, size_t count) const = 0;
  // A row's vector and id.
  virtual void verify_exact(size_t row) const = 0;
  // The same for who reads few rows here and there. The vector is where it lies, or in `room`
  // until that is next used.
  virtual const std::byte* exact_row(size_t row, std::vector<std::byte>& room) const = 0;
};

// The rows of one place as one snapshot sees them. Keeps them in memory.
struct RowLayer {
  std::shared_ptr<const std::vector<RowBlock>> blocks;  // a million rows have hundreds
  std::vector<std::shared_ptr<const void>> owners;      // of the blocks' memory
  const RowVerifier* verifier = nullptr;                // one of the owners, or none
  size_t block_rows = 1;                                // of each block but the last
  size_t count = 0;                                     // rows, dead ones included
  int64_t cn = 0;                                       // rows ended after it are alive
  // Rows that answer nothing although alive, ascending; nullptr for none.
  std::shared_ptr<const std::vector<uint32_t>> hidden;
  // Newer layers: rows of ids that they are about answer nothing either.
  std::vector<Changes> newer;
  // If set, only these rows answer. Sorted.
  std::optional<std::vector<uint32_t>> only;
  // Of all rows, where there is one.
  std::shared_ptr<const Graph> graph;

  // Of a row that answers: its place in `only`, if that is set.
  size_t place_of(uint32_t row) const noexcept {
    if (!only) return row;
    return static_cast<size_t>(std::lower_bound(only->begin(), only->end(), row) - only->begin());
  }
  const RowBlock& block_of(size_t row) const noexcept { return (*blocks)[row / block_rows]; }
  bool alive(size_t row) const noexcept {
    const RowBlock& block = block_of(row);
    return block.died == nullptr ||
           block.died[row % block_rows].load(std::memory_order_relaxed) > cn;
  }
  bool is_hidden(size_t row) const noexcept {
    return hidden != nullptr && std::binary_search(hidden->begin(), hidden->end(), row);
  }
  // Whether a newer layer decides about the id.
  bool is_changed(int64_t id) const noexcept {
    return std::any_of(newer.begin(), newer.end(),
                       [id](const Changes& changes) { return changes.contains(id); });
  }
};

}  // namespace kindred::storage
