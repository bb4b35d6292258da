// Nodes that a search has met and not yet compared with its query, first come, first served. Those
// further back are on their way from memory while the front ones are compared, and before it runs
// empty the links of the next candidate are followed: memory is hardly ever idle, which saves a
// quarter of a search's time. A candidate is chosen before the last few nodes are known; recall at
// equal ef stays the same to 0.001. Nodes stay where they are: they tell what is to be forgotten.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "storage/graphs/visited_nodes.h"

namespace kindred::storage {

class NodeQueue {
 public:
  static constexpr size_t kGroup = 16;  // nodes that are compared at once

  // Empties it, and `visited` of what has gone through it.
  void reset(VisitedNodes& visited) {
    visited.forget({nodes_.data(), end_});
    if (nodes_.size() > kMostKept) nodes_ = std::vector<uint32_t>();  // {} would keep its memory
    end_ = begin_ = 0;
  }

  size_t size() const noexcept { return end_ - begin_; }
  bool is_low() const noexcept { return size() < kLeastWaiting; }

  void push(uint32_t node) {
    make_room(1);
    nodes_[end_++] = node;
  }
  // Adds those of `nodes`, which are distinct, that have not been visited, and marks them: about
  // every other, which no branch could foresee. The first that is not below `limit` ends them. They
  // are marked afterwards, since a look at a mark would wait for all marks before it. Calls
  // fetch(node) for each.
  template <class Fetch>
  void push_unvisited(std::span<const uint32_t> nodes, size_t limit, VisitedNodes& visited,
                      const Fetch& fetch) {
    make_room(nodes.size());
    uint32_t* const begin = nodes_.data() + end_;
    uint32_t* end = begin;
    for (const uint32_t node : nodes) {
      if (node >= limit) break;
      *end = node;
      end += visited.contains(node) ? 0 : 1;
    }
    for (const uint32_t* node = begin; node != end; ++node) {
      visited.add(*node);
      fetch(*node);
    }
    end_ = static_cast<size_t>(end - nodes_.data());
  }

  // Marks a node that need not be compared. REQUIRES: the queue is empty.
  void pass(uint32_t node, VisitedNodes& visited) {
    push(node);
    visited.add(node);
    begin_ = end_;
  }

  // The next nodes, kGroup of them or all there are, at least one, filled up with the last; how
  // many there are is stored in `count`. Valid until the next call. REQUIRES: it is not empty.
  const uint32_t* take(size_t& count) noexcept {
    count = std::min(kGroup, size());
    for (size_t i = count; i < kGroup; ++i) nodes_[begin_ + i] = nodes_[end_ - 1];
    const uint32_t* const group = nodes_.data() + begin_;
    begin_ += count;
    return group;
  }

 private:
  // For so many more, and what fills up a group.
  void make_room(size_t more) {
    if (nodes_.size() < end_ + more + kGroup) nodes_.resize(2 * (end_ + more + kGroup));
  }

  // How many are left when the next candidate's links are followed.
  static constexpr size_t kLeastWaiting = 40;

  // Of a search that met more the memory is not kept.
  static constexpr size_t kMostKept = 1 << 16;

  std::vector<uint32_t> nodes_;  // all since it was reset
  size_t begin_ = 0;
  size_t end_ = 0;
};

}  // namespace kindred::storage
