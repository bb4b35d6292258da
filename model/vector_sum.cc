// SPDX-License-Identifier: Apache-2.0
#include "model/vector_sum.h"

#include <cmath>

namespace kindred::model {
namespace {

double length_of(std::span<const double> values) noexcept {
  double squares = 0;
  for (const double value : values) squares += value * value;
  return std::sqrt(squares);
}

}  // namespace

void VectorSum::add(std::span<const float> row, double weight, size_t first) noexcept {
  for (size_t i = 0; i < row.size(); ++i) sum_[first + i] += weight * static_cast<double>(row[i]);
}

double VectorSum::length() const noexcept {
  return length_of(sum_);
}

bool VectorSum::write_unit(std::span<float> out) const noexcept {
  const double length = length_of(std::span(sum_).first(out.size()));
  if (!(length > 0) || !std::isfinite(length)) return false;
  for (size_t i = 0; i < out.size(); ++i) out[i] = static_cast<float>(sum_[i] / length);
  return true;
}

}  // namespace kindred::model
