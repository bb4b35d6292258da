// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace kindred::storage {

// The nodes that a search has come to, a bit each.
class VisitedNodes {
 public:
  // Makes room for so many nodes.
  void make_room(size_t nodes) { bits_.resize(std::max(bits_.size(), (nodes + 63) / 64)); }

  bool contains(uint32_t node) const noexcept { return (bits_[node / 64] >> (node % 64) & 1) != 0; }
  void add(uint32_t node) noexcept { bits_[node / 64] |= uint64_t{1} << (node % 64); }
  // REQUIRES: all that have been marked are among these, for which there is room.
  void forget(std::span<const uint32_t> nodes) noexcept {
    if (nodes.size() * kFilled > bits_.size()) return std::fill(bits_.begin(), bits_.end(), 0);
    for (const uint32_t node : nodes) bits_[node / 64] = 0;
  }

 private:
  static constexpr size_t kFilled = 8;  // words that are filled by the instructions of one node's

  std::vector<uint64_t> bits_;
};

}  // namespace kindred::storage
