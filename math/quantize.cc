// SPDX-License-Identifier: Apache-2.0
#include "math/quantize.h"

#include <cassert>
#include <cfloat>
#include <cmath>
#include <cstring>
#include <limits>

#include "math/kernels.h"

namespace kindred::math {
namespace {

constexpr float kMaxCode = 127;

// The smallest float not below `x`, which carries a relative error of at most 1e-9.
float rounded_up(double x) {
  const double bound = x * (1 + 1e-9);
  if (bound > std::numeric_limits<float>::max()) return std::numeric_limits<float>::infinity();
  const auto nearest = static_cast<float>(bound);
  return nearest >= bound ? nearest
                          : std::nextafter(nearest, std::numeric_limits<float>::infinity());
}

double squared_norm(const float* v, size_t dim) {
  double sum = 0;
  for (size_t i = 0; i < dim; ++i) sum += static_cast<double>(v[i]) * v[i];
  return sum;
}

}  // namespace

float norm_above(const float* v, size_t dim) noexcept {
  return rounded_up(std::sqrt(squared_norm(v, dim)));
}

Codes quantize_i8(const float* v, size_t dim, int8_t* codes, size_t padded) noexcept {
  assert(padded >= dim);
  const Kernels& kernels = active();
  const float largest = kernels.max_abs(v, dim);
  assert(std::isfinite(largest));
  const float scale = largest / kMaxCode;
  if (scale < FLT_MIN) {  // zero, or too small for the scale to be precise: all is residual
    std::memset(codes, 0, padded);
    return {0, 0, norm_above(v, dim)};
  }
  const double residual_squares = kernels.encode_i8(v, dim, scale, codes);
  std::memset(codes + dim, 0, padded - dim);
  const int32_t squares = kernels.dot_i8(codes, kernels.sum_i8(codes, dim), codes, dim);
  return {scale, rounded_up(scale * std::sqrt(static_cast<double>(squares))),
          rounded_up(std::sqrt(residual_squares))};
}

}  // namespace kindred::math
