// Each kernel once, for any instruction set: the distances as rules for the loops of loops-inl.h,
// the rest as functions; then the table.
//
// Included by the kernels_<set>.cc files only, each compiled with its own flags; see
// instructions-inl.h for why nothing here has external linkage.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "math/instructions-inl.h"
#include "math/kernels.h"
#include "math/loops-inl.h"
#include "math/nibbles-inl.h"

namespace kindred::math {
namespace {

// How many vector registers the instruction set has.
template <class A>
inline constexpr size_t kRegistersOf = xsimd::batch<float, A>::size == 16 ? 32 : 16;
#if defined(__aarch64__)
template <>
inline constexpr size_t kRegistersOf<xsimd::neon64> = 32;
#endif

template <class A>
struct FloatRule {
  using Element = float;
  using Vector = xsimd::batch<float, A>;
  using Sum = Vector;
  using Result = float;
  static constexpr size_t kCount = Vector::size;
  static constexpr size_t kRegisters = kRegistersOf<A>;

  KINDRED_INLINE static Vector load(const float* p) { return Vector::load_unaligned(p); }
  KINDRED_INLINE static Vector load_first(const float* p, size_t count) {
    return math::load_first(p, count, A{});
  }
  KINDRED_INLINE float result(const Sum& s) const { return sum(s); }
};

template <class A>
struct Dot : FloatRule<A> {
  using Vector = typename FloatRule<A>::Vector;
  KINDRED_INLINE static Vector step(const Vector& sum, const Vector& a, const Vector& b) {
    return xsimd::fma(a, b, sum);
  }
};

template <class A>
struct L2Squared : FloatRule<A> {
  using Vector = typename FloatRule<A>::Vector;
  KINDRED_INLINE static Vector step(const Vector& sum, const Vector& a, const Vector& b) {
    const Vector difference = a - b;
    return xsimd::fma(difference, difference, sum);
  }
};

template <class A>
struct L1 : FloatRule<A> {
  using Vector = typename FloatRule<A>::Vector;
  KINDRED_INLINE static Vector step(const Vector& sum, const Vector& a, const Vector& b) {
    return sum + xsimd::abs(a - b);
  }
};

// int8 widened to int16, whose products are added in pairs to int32.
template <class A>
struct WidenedRule {
  using Element = int8_t;
  using Vector = xsimd::batch<int16_t, A>;
  using Sum = xsimd::batch<int32_t, A>;
  static constexpr size_t kCount = Vector::size;
  static constexpr size_t kRegisters = kRegistersOf<A>;

  KINDRED_INLINE static Vector load(const int8_t* p) { return widen(p, A{}); }
  KINDRED_INLINE static Vector load_first(const int8_t* p, size_t count) {
    return widen_first(p, count, A{});
  }
};

template <class A>
struct WidenedDot : WidenedRule<A> {
  using Vector = typename WidenedRule<A>::Vector;
  using Sum = typename WidenedRule<A>::Sum;
  using Result = int32_t;

  explicit WidenedDot(int32_t /*query_sum*/) {}
  KINDRED_INLINE static Sum step(const Sum& sum, const Vector& a, const Vector& b) {
    return sum + Sum(multiply_add_pairs(a, b));
  }
  KINDRED_INLINE static int32_t excess() { return 0; }
  KINDRED_INLINE int32_t result(const Sum& s) const { return sum_i32(s); }
};

template <class A>
struct WidenedL2Squared : WidenedRule<A> {
  using Vector = typename WidenedRule<A>::Vector;
  using Sum = typename WidenedRule<A>::Sum;
  using Result = int64_t;

  KINDRED_INLINE static Sum step(const Sum& sum, const Vector& a, const Vector& b) {
    const Vector difference = a - b;
    return sum + Sum(multiply_add_pairs(difference, difference));
  }
  // 65,536 * 255^2 needs all 32 bits, unsigned.
  KINDRED_INLINE int64_t result(const Sum& s) const { return static_cast<uint32_t>(sum_i32(s)); }
};

// Bytes, whose differences are added to 64-bit lanes.
template <class A>
struct ByteRule {
  using Vector = xsimd::batch<uint8_t, A>;
  using Sum = xsimd::batch<uint64_t, A>;
  static constexpr size_t kCount = Vector::size;
  static constexpr size_t kRegisters = kRegistersOf<A>;

  KINDRED_INLINE static Vector load(const void* p) {
    return Vector::load_unaligned(static_cast<const uint8_t*>(p));
  }
  KINDRED_INLINE static Vector load_first(const void* p, size_t count) {
    return math::load_first(static_cast<const uint8_t*>(p), count, A{});
  }
};

template <class A>
struct ByteL1 : ByteRule<A> {
  using Element = int8_t;
  using Vector = typename ByteRule<A>::Vector;
  using Sum = typename ByteRule<A>::Sum;
  using Result = uint32_t;

  KINDRED_INLINE static Sum step(const Sum& sum, const Vector& a, const Vector& b) {
    const Vector sign(uint8_t{0x80});  // moves int8 to uint8, differences unchanged
    return sum + Sum(absolute_differences(a ^ sign, b ^ sign));
  }
  KINDRED_INLINE uint32_t result(const Sum& s) const { return static_cast<uint32_t>(sum_i64(s)); }
};

template <class A>
struct Hamming : ByteRule<A> {
  using Element = uint8_t;
  using Vector = typename ByteRule<A>::Vector;
  using Sum = typename ByteRule<A>::Sum;
  using Result = uint32_t;

  KINDRED_INLINE static Sum step(const Sum& sum, const Vector& a, const Vector& b) {
    const Vector counts = bit_counts(a ^ b);
    return sum + Sum(absolute_differences(counts, Vector(uint8_t{0})));
  }
  KINDRED_INLINE uint32_t result(const Sum& s) const { return static_cast<uint32_t>(sum_i64(s)); }
};

// The functions of the table.

template <class Rule>
typename Rule::Result pair(const typename Rule::Element* a, const typename Rule::Element* b,
                           size_t n) noexcept {
  return Rule().result(sum_of_one<Rule>(a, b, n));
}

template <class Rule>
void pair_x4(const typename Rule::Element* query, const typename Rule::Element* const rows[4],
             size_t n, typename Rule::Result out[4]) noexcept {
  four(Rule(), query, rows, n, out);
}

template <class Rule>
void pair_scan(const typename Rule::Element* query, const typename Rule::Element* rows,
               size_t stride, size_t dim, size_t count, typename Rule::Result* out) noexcept {
  scan(Rule(), query, {rows, stride, dim, count}, out);
}

template <class Rule>
int32_t dot_i8(const int8_t* query, int32_t query_sum, const int8_t* row, size_t n) noexcept {
  return Rule(query_sum).result(sum_of_one<Rule>(query, row, n));
}

template <class Rule>
void dot_i8_x4(const int8_t* query, int32_t query_sum, const int8_t* const rows[4], size_t n,
               int32_t out[4]) noexcept {
  four(Rule(query_sum), query, rows, n, out);
}

template <class Rule>
void dot_i8_scan(const int8_t* query, int32_t query_sum, const int8_t* rows, size_t stride,
                 size_t dim, size_t count, int32_t* out) noexcept {
  scan(Rule(query_sum), query, {rows, stride, dim, count}, out);
}

template <class A>
int32_t sum_i8(const int8_t* a, size_t n) noexcept {
  using Rule = WidenedDot<A>;
  const typename Rule::Vector ones(int16_t{1});
  typename Rule::Sum sums(0);
  size_t i = 0;
  for (; i + Rule::kCount <= n; i += Rule::kCount) sums = Rule::step(sums, Rule::load(a + i), ones);
  if (i < n) sums = Rule::step(sums, Rule::load_first(a + i, n - i), ones);
  return sum_i32(sums);
}

// Each of the three sums as the dot kernel adds it, bit for bit.
template <class A>
CosineSums cosine_sums(const float* a, const float* b, size_t n) noexcept {
  using Rule = Dot<A>;
  using Vector = typename Rule::Vector;
  constexpr size_t kCount = Rule::kCount;
  Sums<Rule> ab, aa, bb;
  const auto add = [&](const Vector& va, const Vector& vb, auto sum) {
    ab.*sum = Rule::step(ab.*sum, va, vb);
    aa.*sum = Rule::step(aa.*sum, va, va);
    bb.*sum = Rule::step(bb.*sum, vb, vb);
  };
  using S = Sums<Rule>;
  size_t i = 0;
  for (; i + 4 * kCount <= n; i += 4 * kCount) {
    add(Rule::load(a + i), Rule::load(b + i), &S::s0);
    add(Rule::load(a + i + kCount), Rule::load(b + i + kCount), &S::s1);
    add(Rule::load(a + i + 2 * kCount), Rule::load(b + i + 2 * kCount), &S::s2);
    add(Rule::load(a + i + 3 * kCount), Rule::load(b + i + 3 * kCount), &S::s3);
  }
  for (; i + kCount <= n; i += kCount) add(Rule::load(a + i), Rule::load(b + i), &S::s0);
  if (i < n) add(Rule::load_first(a + i, n - i), Rule::load_first(b + i, n - i), &S::s1);
  return {sum(ab.all()), sum(aa.all()), sum(bb.all())};
}

// Compares the bits without the sign as integers: that orders magnitudes, with NaN above infinity,
// where a maximum of floats would lose NaN.
template <class A>
float max_abs(const float* a, size_t n) noexcept {
  using Vector = xsimd::batch<int32_t, A>;
  constexpr int32_t kMagnitude = 0x7FFFFFFF;
  const Vector magnitude(kMagnitude);
  Vector largest(0);
  const auto add = [&](const float* p) {
    const Vector bits = Vector::load_unaligned(reinterpret_cast<const int32_t*>(p));
    largest = xsimd::max(largest, bits & magnitude);
  };
  size_t i = 0;
  for (; i + Vector::size <= n; i += Vector::size) add(a + i);
  if (i < n) add(Padded<float, Vector::size>(a + i, n - i).elements);
  int32_t lanes[Vector::size];
  largest.store_unaligned(lanes);
  int32_t result = 0;
  for (const int32_t lane : lanes) result = lane > result ? lane : result;
  return __builtin_bit_cast(float, result);
}

using UnalignedFloat [[gnu::aligned(1)]] = float;
inline constexpr size_t kEncodeBlock = 64;

// Adding 1.5 * 2^23 rounds |x| < 2^22 to an integer, half to even, in the low bits of the mantissa.
inline constexpr float kRounder = 12582912.0F;

template <class T>
KINDRED_INLINE T total(const T sums[8]) {
  return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}

// Encodes kEncodeBlock elements and adds the squares of their residuals to `sums`. Plain loops that
// the compiler vectorises for the file's instruction set: eight partial sums because it may not
// reorder one, codes kept as floats because int8 would have to be widened again.
// The residual is in double, where the product of scale and code is exact.
KINDRED_INLINE void encode_block(const UnalignedFloat* __restrict x, float scale,
                                 int8_t* __restrict codes, double sums[8]) {
  const float inverse = 1 / scale;
  float rounded[kEncodeBlock];
  for (size_t i = 0; i < kEncodeBlock; ++i) {
    const float shifted = x[i] * inverse + kRounder;
    codes[i] = static_cast<int8_t>(__builtin_bit_cast(int32_t, shifted) -
                                   __builtin_bit_cast(int32_t, kRounder));
    rounded[i] = shifted - kRounder;
  }
  for (size_t i = 0; i < kEncodeBlock; i += 8)
    for (size_t j = 0; j < 8; ++j) {
      const double residual = static_cast<double>(x[i + j]) -
                              static_cast<double>(scale) * static_cast<double>(rounded[i + j]);
      sums[j] += residual * residual;
    }
}

double encode_i8(const float* v, size_t n, float scale, int8_t* codes) noexcept {
  double sums[8] = {};
  size_t i = 0;
  for (; i + kEncodeBlock <= n; i += kEncodeBlock) encode_block(v + i, scale, codes + i, sums);
  if (i < n) {
    const Padded<float, kEncodeBlock> rest(v + i, n - i);
    int8_t rest_codes[kEncodeBlock];
    encode_block(rest.elements, scale, rest_codes, sums);
    __builtin_memcpy(codes + i, rest_codes, n - i);
  }
  return total(sums);
}

// The same for 4-bit numbers: `numbers` gets one a byte. The residual is in float32, whose error
// the caller makes up for.
KINDRED_INLINE void encode_u4_block(const UnalignedFloat* __restrict x, float scale,
                                    uint8_t* __restrict numbers, float sums[8]) {
  const float inverse = 1 / scale;
  float levels[kEncodeBlock];
  for (size_t i = 0; i < kEncodeBlock; ++i) {
    float level = x[i] * inverse + 7.5F;
    level = level < 0 ? 0 : level;
    level = level > 15 ? 15 : level;
    const float shifted = level + kRounder;
    numbers[i] = static_cast<uint8_t>(__builtin_bit_cast(int32_t, shifted) -
                                      __builtin_bit_cast(int32_t, kRounder));
    levels[i] = shifted - kRounder - 7.5F;
  }
  for (size_t i = 0; i < kEncodeBlock; i += 8)
    for (size_t j = 0; j < 8; ++j) {
      const float residual = x[i + j] - scale * levels[i + j];
      sums[j] += residual * residual;
    }
}

// Elements behind the last count as the number 8, which has no residual.
KINDRED_INLINE void encode_u4_at(const float* v, size_t n, size_t at, float scale, uint8_t* numbers,
                                 float sums[8]) {
  if (at + kEncodeBlock <= n) return encode_u4_block(v + at, scale, numbers, sums);
  float rest[kEncodeBlock];
  for (size_t i = 0; i < kEncodeBlock; ++i) rest[i] = at + i < n ? v[at + i] : 0.5F * scale;
  encode_u4_block(rest, scale, numbers, sums);
}

float encode_u4(const float* v, size_t n, float scale, int8_t* codes, size_t bytes) noexcept {
  float sums[8] = {};
  for (size_t at = 0; at < bytes; at += kEncodeBlock) {
    uint8_t low[kEncodeBlock];
    uint8_t high[kEncodeBlock];
    const size_t count = bytes - at < kEncodeBlock ? bytes - at : kEncodeBlock;
    // Of the lower half, what belongs to the upper one is not encoded twice.
    encode_u4_at(v, bytes < n ? bytes : n, at, scale, low, sums);
    encode_u4_at(v, n, bytes + at, scale, high, sums);
    for (size_t i = 0; i < kEncodeBlock; ++i) low[i] = static_cast<uint8_t>(low[i] | high[i] << 4);
    __builtin_memcpy(codes + at, low, count);
  }
  return total(sums);
}

// The table of architecture `A`; `DotI8` is the rule of the int8 dot products, `DotCodes` of those
// with rows without -128, `DotU4` of those with 4-bit numbers.
template <class A, class DotI8 = WidenedDot<A>, class DotCodes = DotI8, class DotU4 = NibbleDot<A>>
constexpr Kernels make_kernels(const char* name) {
  return {
      .name = name,
      .dot = pair<Dot<A>>,
      .l2_squared = pair<L2Squared<A>>,
      .l1 = pair<L1<A>>,
      .cosine_sums = cosine_sums<A>,
      .dot_x4 = pair_x4<Dot<A>>,
      .l2_squared_x4 = pair_x4<L2Squared<A>>,
      .l1_x4 = pair_x4<L1<A>>,
      .dot_i8 = dot_i8<DotI8>,
      .dot_i8_x4 = dot_i8_x4<DotI8>,
      .dot_codes = dot_i8<DotCodes>,
      .dot_codes_x4 = dot_i8_x4<DotCodes>,
      .dot_u4 = dot_u4<DotU4>,
      .dot_u4_x16 = dot_u4_x16<DotU4>,
      .l1_i8 = pair<ByteL1<A>>,
      .l1_i8_x4 = pair_x4<ByteL1<A>>,
      .l2_squared_i8 = pair<WidenedL2Squared<A>>,
      .sum_i8 = sum_i8<A>,
      .hamming = pair<Hamming<A>>,
      .hamming_x4 = pair_x4<Hamming<A>>,
      .dot_scan = pair_scan<Dot<A>>,
      .l2_squared_scan = pair_scan<L2Squared<A>>,
      .l1_scan = pair_scan<L1<A>>,
      .dot_i8_scan = dot_i8_scan<DotI8>,
      .dot_codes_scan = dot_i8_scan<DotCodes>,
      .dot_u4_scan = dot_u4_scan<DotU4>,
      .l1_i8_scan = pair_scan<ByteL1<A>>,
      .hamming_scan = pair_scan<Hamming<A>>,
      .max_abs = max_abs<A>,
      .encode_i8 = encode_i8,
      .encode_u4 = encode_u4,
  };
}

}  // namespace
}  // namespace kindred::math
