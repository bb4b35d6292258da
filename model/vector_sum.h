// A sum of rows that becomes a text's vector. Doubles, added in the order given: the same result on
// every machine.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

namespace kindred::model {

class VectorSum {
 public:
  explicit VectorSum(size_t dim) : sum_(dim) {}
  // Adds weight * row to the dimensions from `first` on.
  // REQUIRES: first + row.size() <= the sum's dim.
  void add(std::span<const float> row, double weight = 1, size_t first = 0) noexcept;
  void clear() noexcept { std::fill(sum_.begin(), sum_.end(), 0.0); }
  // The length of the whole sum.
  double length() const noexcept;
  std::span<const double> values() const noexcept { return sum_; }
  // Writes the beginning of the sum as a vector of length 1; false, and `out` as it was, if that
  // beginning has no direction: it is zero or not finite.
  // REQUIRES: out.size() <= the sum's dim.
  bool write_unit(std::span<float> out) const noexcept;

 private:
  std::vector<double> sum_;
};

}  // namespace kindred::model
