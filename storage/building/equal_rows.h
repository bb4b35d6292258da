// Rows that nothing tells apart for a graph, neither codes nor numbers, share one node. As nodes of
// their own they would be each other's nearest neighbours, and a graph whose links lead to nothing
// but twins falls apart: bit vectors and categories have them by the thousand.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "storage/building/coded_rows.h"
#include "storage/log/row_layer.h"

namespace kindred::storage {

class EqualRows {
 public:
  // `block`: the same rows with their ids.
  EqualRows(const CodedRows& rows, const RowBlock& block);

  // The first row of each group of equal ones, ascending.
  const std::vector<uint32_t>& firsts() const noexcept { return firsts_; }
  uint32_t first_of(uint32_t row) const noexcept { return first_of_[row]; }
  // All rows of a group, by ascending id. REQUIRES: first_of(first) == first.
  std::span<const uint32_t> group(uint32_t first) const noexcept {
    return {grouped_.data() + begin_[first], grouped_.data() + begin_[size_t{first} + 1]};
  }

 private:
  std::vector<uint32_t> first_of_;  // by row
  std::vector<uint32_t> firsts_;
  std::vector<uint32_t> begin_;    // by row, and the end: of its group in grouped_; empty but for
                                   // first rows
  std::vector<uint32_t> grouped_;  // rows by group
};

}  // namespace kindred::storage
