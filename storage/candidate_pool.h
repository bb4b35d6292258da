// The nearest nodes that a best-first search has met (Malkov & Yashunin 2018, algorithm 2: its two
// heaps in one).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

namespace kindred::storage {

// A node that has been met. Ordered by key, then number, so that a search has one outcome.
struct Candidate {
  float key;
  uint32_t node;
  bool operator<(const Candidate& other) const noexcept {
    return key != other.key ? key < other.key : node < other.node;
  }
};

// The nearest candidates, sorted, of which some have been expanded. A binary search and a memmove
// for each entry: faster than two heaps up to several hundred.
class CandidatePool {
 public:
  void reset(size_t capacity) {
    capacity_ = capacity;
    size_ = 0;
    next_ = 0;
    if (entries_.size() < capacity + 1) {
      entries_.resize(capacity + 1);
      expanded_.resize(capacity + 1);
    }
  }
  size_t size() const noexcept { return size_; }
  size_t capacity() const noexcept { return capacity_; }
  const Candidate& operator[](size_t i) const noexcept { return entries_[i]; }
  bool is_full() const noexcept { return size_ == capacity_; }
  // Keys from here on are not taken.
  float limit() const noexcept {
    return is_full() ? entries_[size_ - 1].key : std::numeric_limits<float>::infinity();
  }
  bool is_last_expanded() const noexcept { return expanded_[size_ - 1] != 0; }

  // Room for more, behind what is there. REQUIRES: all have been expanded.
  void grow(size_t capacity) {
    capacity_ = capacity;
    entries_.resize(capacity + 1);
    expanded_.resize(capacity + 1);
  }
  // REQUIRES: it is not full and the candidate is no nearer than any in it.
  void append(const Candidate& candidate, bool expanded) noexcept {
    entries_[size_] = candidate;
    expanded_[size_++] = expanded ? 1 : 0;
  }

  void insert(const Candidate& candidate) noexcept {
    const auto end = entries_.begin() + static_cast<ptrdiff_t>(size_);
    const auto at =
        static_cast<size_t>(std::lower_bound(entries_.begin(), end, candidate) - entries_.begin());
    if (at == capacity_) return;
    const size_t moved = std::min(size_, capacity_ - 1) - at;
    std::memmove(&entries_[at + 1], &entries_[at], moved * sizeof(Candidate));
    std::memmove(&expanded_[at + 1], &expanded_[at], moved);
    entries_[at] = candidate;
    expanded_[at] = 0;
    size_ = std::min(size_ + 1, capacity_);
    next_ = std::min(next_, at);
  }

  // The next that has not been expanded, which it is from now on; nullptr if all have been.
  const Candidate* take() noexcept {
    while (next_ < size_ && expanded_[next_] != 0) ++next_;
    if (next_ == size_) return nullptr;
    expanded_[next_] = 1;
    return &entries_[next_++];
  }

 private:
  std::vector<Candidate> entries_;
  std::vector<uint8_t> expanded_;
  size_t capacity_ = 0;
  size_t size_ = 0;
  size_t next_ = 0;  // all before have been expanded
};

}  // namespace kindred::storage
