// float32 -> codes of 8 or 4 bits with one scale a vector, and the numbers that bound what a dot
// product of codes can be off by.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

namespace kindred::math {

// v[i] = scale * codes[i] + residual[i].
struct Codes {
  float scale;          // max|v| / 127; 0 for a zero vector
  float code_norm;      // Euclidean norm of scale * codes, rounded up
  float residual_norm;  // Euclidean norm of the residual, rounded up
};

// Quantises `v` (dim elements), symmetric and rounded to nearest even, into `codes`, all in
// [-127, 127]. A vector whose largest element is below 1.5e-36 gets zero codes and scale 0.
// `codes` has room for `padded` >= dim elements; those past dim are set to 0.
// REQUIRES: v finite. For |<a,b> - a.scale * b.scale * <codes_a, codes_b>| see dot_error.
Codes quantize_i8(const float* v, size_t dim, int8_t* codes, size_t padded) noexcept;

// v[i] = scale * (number[i] - 7.5) + residual[i], numbers from 0 to 15.
struct NibbleCodes {
  float scale;          // 0: all is residual
  float residual_norm;  // Euclidean norm of the residual, rounded up
};

// Quantises `v` (dim elements) uniformly to 4 bits, packed into `bytes` >= dim / 2 bytes as
// Kernels::encode_u4 does. Steps are those that suit normally distributed elements (Max 1960,
// "Quantizing for minimum distortion", table II), which cut the largest off, or, where that leaves
// more than is to be expected of them, such that the largest element is the last level's. Where
// neither leaves less than all of it the scale is 0. Numbers past dim are 8. `v` may be anything:
// the residual's norm is infinite where it is not finite.
NibbleCodes quantize_u4(const float* v, size_t dim, int8_t* codes, size_t bytes) noexcept;

// The dot product in float64, in one order by all instruction sets.
double wide_dot(const float* a, const float* b, size_t dim) noexcept;

// The Euclidean norm of `v`, rounded up; infinite beyond float32's range.
float norm_above(const float* v, size_t dim) noexcept;

// Upper bound of the error above (Cauchy-Schwarz): with a = A + r, b = B + e and A, B the parts the
// codes express, <a,b> - <A,B> = <A,e> + <r,b>, so |error| <= |A||e| + |r||b|.
// `b_norm` is the Euclidean norm of b itself, at most 6e-7 relatively too small. The factor and the
// summand cover that and what rounds or underflows in the bound itself.
inline float dot_error(const Codes& a, const Codes& b, float b_norm) noexcept {
  const float bound = a.code_norm * b.residual_norm + a.residual_norm * b_norm;
  return bound * (1 + 1e-6F) + std::numeric_limits<float>::min();
}

// An upper bound of the relative rounding error of one of our float32 kernels over `dim` elements
// (dot: relative to |a||b|), for the slowest of them: dim/16 partial sums and a reduction.
inline float rounding_error(size_t dim) noexcept {
  return (static_cast<float>(dim) / 16.0F + 16.0F) * 1.2e-7F;
}

}  // namespace kindred::math
