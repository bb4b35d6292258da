// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace kindred::storage {

// The nodes that a search has come to, a bit each.
class VisitedNodes {
 public:
  // Forgets them. `nodes`: how many there are in all.
  void reset(size_t nodes) { bits_.assign((nodes + 63) / 64, 0); }

  bool contains(uint32_t node) const noexcept { return (bits_[node / 64] >> (node % 64) & 1) != 0; }
  void add(uint32_t node) noexcept { bits_[node / 64] |= uint64_t{1} << (node % 64); }

 private:
  std::vector<uint64_t> bits_;
};

}  // namespace kindred::storage
