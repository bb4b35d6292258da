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

// Of 16 levels. The second is the best step for normally distributed elements of variance 1.
constexpr float kLargestLevel = 7.5F;
constexpr float kNormalStep = 0.3352F;

// The smallest float not below `x`, which carries a relative error of at most 1e-9.
float rounded_up(double x) {
  const double bound = x * (1 + 1e-9);
  if (bound > std::numeric_limits<float>::max()) return std::numeric_limits<float>::infinity();
  const auto nearest = static_cast<float>(bound);
  return nearest >= bound ? nearest
                          : std::nextafter(nearest, std::numeric_limits<float>::infinity());
}

}  // namespace

// One sum would wait for itself at each element.
double wide_dot(const float* a, const float* b, size_t dim) noexcept {
  constexpr size_t kSums = 8;
  double sums[kSums] = {};
  size_t i = 0;
  for (; i + kSums <= dim; i += kSums)
    for (size_t j = 0; j < kSums; ++j) sums[j] += static_cast<double>(a[i + j]) * b[i + j];
  for (size_t j = 0; i < dim; ++i, ++j) sums[j] += static_cast<double>(a[i]) * b[i];
  return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}

float norm_above(const float* v, size_t dim) noexcept {
  return rounded_up(std::sqrt(wide_dot(v, v, dim)));
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
  const int32_t squares = kernels.dot_i8(codes, kernels.sum_i8(codes, padded), codes, padded);
  return {scale, rounded_up(scale * std::sqrt(static_cast<double>(squares))),
          rounded_up(std::sqrt(residual_squares))};
}

NibbleCodes quantize_u4(const float* v, size_t dim, int8_t* codes, size_t bytes) noexcept {
  assert(2 * bytes >= dim);
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const Kernels& kernels = active();
  const float largest = kernels.max_abs(v, dim);
  std::memset(codes, 0x88, bytes);
  if (!(largest < std::numeric_limits<float>::max())) return {0, kInfinity};
  const float widest = largest / kLargestLevel;
  if (widest < FLT_MIN) return {0, norm_above(v, dim)};
  // In an order of its own: codes are the same by all instruction sets.
  const auto norm_squared = static_cast<float>(wide_dot(v, v, dim));
  const float normal = kNormalStep * std::sqrt(norm_squared / static_cast<float>(dim));
  // Of evenly spread residuals, which those of the widest step are.
  const float widest_squares = static_cast<float>(dim) * widest * widest / 12;
  const bool is_cut = normal >= FLT_MIN && normal < widest;
  float scale = is_cut ? normal : widest;
  float squares = kernels.encode_u4(v, dim, scale, codes, bytes);
  if (is_cut && !(squares <= widest_squares)) {
    scale = widest;
    squares = kernels.encode_u4(v, dim, scale, codes, bytes);
  }
  if (!(squares < norm_squared)) {  // a few large elements, and little else
    std::memset(codes, 0x88, bytes);
    return {0, norm_above(v, dim)};
  }
  // float32 rounds the residuals, their squares and the sum, and loses squares below its range.
  constexpr double kOfResidual = 1e-4;
  constexpr double kOfElement = 2e-7;
  constexpr double kOfSquare = 1e-18;
  const double norm = std::sqrt(static_cast<double>(squares)) * (1 + kOfResidual);
  return {scale, rounded_up(norm + kOfElement * std::sqrt(static_cast<double>(norm_squared)) +
                            kOfSquare * std::sqrt(static_cast<double>(dim)))};
}

}  // namespace kindred::math
