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

  // Whether it is the first time.
  bool visit(uint32_t node) noexcept {
    uint64_t& word = bits_[node / 64];
    const uint64_t bit = uint64_t{1} << (node % 64);
    if ((word & bit) != 0) return false;
    word |= bit;
    return true;
  }

 private:
  std::vector<uint64_t> bits_;
};

}  // namespace kindred::storage
