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
    const uint64_t before = word;
    word = before | uint64_t{1} << (node % 64);
    return (before >> (node % 64) & 1) == 0;
  }

 private:
  std::vector<uint64_t> bits_;
};

}  // namespace kindred::storage
