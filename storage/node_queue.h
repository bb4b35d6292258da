// Nodes that a search has met and not yet compared with its query, first come, first served. Those
// further back are on their way from memory while the front ones are compared, and before it runs
// empty the links of the next candidate are followed: memory is hardly ever idle, which saves a
// quarter of a search's time. A candidate is chosen before the last few nodes are known; recall at
// equal ef stays the same to 0.001 (bench/README.md).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

namespace kindred::storage {

class NodeQueue {
 public:
  static constexpr size_t kGroup = 4;  // nodes that are compared at once

  // Empties it. `most_links`: nodes that are pushed between two calls of compact(), at most.
  void reset(size_t most_links) {
    nodes_.resize(kLeastWaiting + most_links + kGroup);
    end_ = fetched_ = begin_ = 0;
  }

  size_t size() const noexcept { return end_ - begin_; }
  bool is_low() const noexcept { return size() < kLeastWaiting; }

  // Makes room for `most_links` nodes. REQUIRES: is_low().
  void compact() noexcept {
    std::memmove(nodes_.data(), nodes_.data() + begin_, size() * sizeof(uint32_t));
    end_ -= begin_;
    fetched_ -= begin_;
    begin_ = 0;
  }
  void push(uint32_t node) noexcept { nodes_[end_++] = node; }

  // Takes the next nodes out, kGroup of them or all there are, at least one; `group` is filled up
  // with the last. Calls fetch(node) for those whose turn comes soon. REQUIRES: it is not empty.
  template <class Fetch>
  size_t take(uint32_t (&group)[kGroup], const Fetch& fetch) noexcept {
    const size_t soon = std::min(end_, begin_ + kGroup + kAhead);
    for (; fetched_ < soon; ++fetched_) fetch(nodes_[fetched_]);
    const size_t count = std::min(kGroup, size());
    for (size_t i = 0; i < kGroup; ++i) group[i] = nodes_[begin_ + std::min(i, count - 1)];
    begin_ += count;
    return count;
  }

 private:
  // Nodes on their way from memory: fewer leave it idle, more leave the cache again.
  static constexpr size_t kAhead = 8;
  // How many are left when the next candidate's links are followed.
  static constexpr size_t kLeastWaiting = 24;

  std::vector<uint32_t> nodes_;
  size_t begin_ = 0;
  size_t fetched_ = 0;  // all before have been
  size_t end_ = 0;
};

}  // namespace kindred::storage
