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

// 1.5 * 2^23: adding it rounds |x| < 2^22 to an integer, half to even, in the low mantissa bits.
constexpr float kRounder = 12582912.0F;
constexpr int32_t kRounderBits = 0x4B400000;

// The smallest float not below `x`, which carries a relative error of at most 1e-9.
float rounded_up(double x) {
  const double bound = x * (1 + 1e-9);
  const auto nearest = static_cast<float>(bound);
  return nearest >= bound ? nearest
                          : std::nextafter(nearest, std::numeric_limits<float>::infinity());
}

void round_to_codes(const float* v, size_t dim, float inverse_scale, int8_t* codes) {
  for (size_t i = 0; i < dim; ++i) {
    const float shifted = v[i] * inverse_scale + kRounder;
    codes[i] = static_cast<int8_t>(__builtin_bit_cast(int32_t, shifted) - kRounderBits);
  }
}

// Sum of (v[i] - scale * codes[i])^2, in double: the product is exact there, the rest to 1e-11.
// Eight partial sums, since the compiler may not reorder one to vectorise it.
double residual_squared(const float* v, const int8_t* codes, size_t dim, double scale) {
  double sums[8] = {};
  size_t i = 0;
  for (; i + 8 <= dim; i += 8)
    for (size_t j = 0; j < 8; ++j) {
      const double residual = v[i + j] - scale * codes[i + j];
      sums[j] += residual * residual;
    }
  for (; i < dim; ++i) {
    const double residual = v[i] - scale * codes[i];
    sums[0] += residual * residual;
  }
  return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}

}  // namespace

Codes quantize_i8(const float* v, size_t dim, int8_t* codes, size_t padded) noexcept {
  assert(padded >= dim);
  const Kernels& kernels = active();
  const float largest = kernels.max_abs(v, dim);
  assert(std::isfinite(largest));
  const float scale = largest / kMaxCode;
  if (scale < FLT_MIN) {  // zero, or too small for the scale to be precise: all is residual
    std::memset(codes, 0, padded);
    return {0, 0, rounded_up(std::sqrt(residual_squared(v, codes, dim, 0)))};
  }
  round_to_codes(v, dim, kMaxCode / largest, codes);
  std::memset(codes + dim, 0, padded - dim);
  const int32_t squares = kernels.dot_i8(codes, kernels.sum_i8(codes, dim), codes, dim);
  return {scale, rounded_up(scale * std::sqrt(static_cast<double>(squares))),
          rounded_up(std::sqrt(residual_squared(v, codes, dim, scale)))};
}

}  // namespace kindred::math
