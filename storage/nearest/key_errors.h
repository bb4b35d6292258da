// How far the keys of a graph's codes are off, learnt from the rows that are looked at: it tells
// when the others need not be, and whether the search that found them was wide enough. No bound
// would: the codes' own bounds hold for the worst direction a residual can have, and rows are ten
// times nearer to what their codes say.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <utility>
#include <vector>

namespace kindred::storage {

// What a row's distance adds to its key is taken to be spread alike for all rows that a search has
// found.
class KeyErrors {
 public:
  // Distances grow as keys do; with `squares` their squares do.
  explicit KeyErrors(bool squares) : squares_(squares) {}

  // Takes in a row that has been looked at.
  void add(float key, double distance) {
    const double value = squares_ ? distance * distance : distance;
    // Welford 1962, "Note on a Method for Calculating Corrected Sums of Squares and Products".
    const double error = value - key;
    const double before = error - mean_;
    values_.reserve(2 * kLeastRows);  // most searches look at no more
    values_.push_back(value);
    mean_ += before / static_cast<double>(values_.size());
    sum_of_squares_ += before * (error - mean_);
    if (wanted_ == 0 || !(value < values_.front())) return;
    std::pop_heap(values_.begin(), end_of_nearest());
    std::swap(*(end_of_nearest() - 1), values_.back());
    std::push_heap(values_.begin(), end_of_nearest());
  }

  // Whether a row with that key, or a greater one, is almost certainly not among the `wanted`
  // nearest.
  bool rules_out(float key, size_t wanted) {
    if (!is_enough_for(wanted)) return false;
    const double beyond = key + mean_ - last_of(wanted);
    return beyond > 0 && beyond * beyond > kDeviations * kDeviations * variance();
  }

  // How many of the `wanted` nearest are to be expected among rows with that key or a greater one,
  // of which so many lie in a unit of keys; 0 while too little is known.
  double expected_beyond(float key, double density, size_t wanted) {
    const double deviation = is_enough_for(wanted) ? std::sqrt(variance()) : 0;
    if (!(deviation > 0)) return 0;
    // Of normally distributed errors: the share of rows at a key that are nearer than the last,
    // summed up from here on.
    const double z = (last_of(wanted) - mean_ - key) / deviation;
    const double share = std::erfc(-z / std::numbers::sqrt2) / 2;
    const double slope = std::exp(-z * z / 2) / std::sqrt(2 * std::numbers::pi);
    return density * deviation * (slope + z * share);
  }

 private:
  bool is_enough_for(size_t wanted) const noexcept {
    return wanted > 0 && values_.size() >= std::max(kLeastRows, wanted);
  }
  double variance() const noexcept {
    return sum_of_squares_ / static_cast<double>(values_.size() - 1);
  }

  // The greatest of the `wanted` smallest values. REQUIRES: there are as many, one at least.
  double last_of(size_t wanted) {
    if (wanted != wanted_) {
      wanted_ = wanted;
      std::nth_element(values_.begin(), end_of_nearest() - 1, values_.end());
      std::make_heap(values_.begin(), end_of_nearest());
    }
    return values_.front();
  }
  std::vector<double>::iterator end_of_nearest() noexcept {
    return values_.begin() + static_cast<ptrdiff_t>(wanted_);
  }

  // Below them a deviation is not known well enough.
  static constexpr size_t kLeastRows = 12;
  // At 3.5 a search for ten of 100,000 rows misses 0.0002 more of them and looks at 20 instead of
  // 30; at 3, 0.0007 and 18.
  static constexpr double kDeviations = 3.5;

  bool squares_;
  double mean_ = 0;
  double sum_of_squares_ = 0;
  size_t wanted_ = 0;           // as asked for the last time
  std::vector<double> values_;  // of the rows looked at: a heap of the wanted_ smallest, the others
};

}  // namespace kindred::storage
