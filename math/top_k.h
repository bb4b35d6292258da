// The k nearest of a stream of (distance, id), kept in a binary heap with the worst on top.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

namespace kindred::math {

template <class Id>
struct Neighbor {
  float distance;
  Id id;

  // Nearer first; of equal distances the smaller id, so that the order of offers does not matter.
  friend bool operator<(const Neighbor& a, const Neighbor& b) noexcept {
    return a.distance < b.distance || (a.distance == b.distance && a.id < b.id);
  }
};

// Allocates in the constructor only. Not thread-safe.
template <class Id>
class TopK {
 public:
  explicit TopK(size_t k) : k_(k) { heap_.reserve(k); }

  // Keeps the candidate if it is among the k nearest so far; says whether it is. NaN never is.
  bool offer(float distance, Id id) noexcept {
    const Neighbor<Id> candidate{distance, id};
    if (!(distance <= threshold())) return false;
    if (heap_.size() == k_) {
      if (!(candidate < heap_.front())) return false;
      std::pop_heap(heap_.begin(), heap_.end());
      heap_.back() = candidate;
    } else {
      heap_.push_back(candidate);
    }
    std::push_heap(heap_.begin(), heap_.end());
    return true;
  }

  // No candidate beyond this distance can enter: the worst kept once k are, infinity before, NaN
  // (which nothing passes) for k = 0.
  float threshold() const noexcept {
    if (heap_.size() < k_) return std::numeric_limits<float>::infinity();
    return k_ == 0 ? std::numeric_limits<float>::quiet_NaN() : heap_.front().distance;
  }

  size_t size() const noexcept { return heap_.size(); }

  // Ends the collection: the neighbours kept, nearest first. The view lives as long as the
  // collector, until clear(). REQUIRES: no offer() or threshold() before the next clear().
  std::span<const Neighbor<Id>> finish() noexcept {
    std::sort_heap(heap_.begin(), heap_.end());
    return heap_;
  }

  // Starts afresh, with the same k.
  void clear() noexcept { heap_.clear(); }

 private:
  size_t k_;
  std::vector<Neighbor<Id>> heap_;  // a max-heap under operator<
};

}  // namespace kindred::math
