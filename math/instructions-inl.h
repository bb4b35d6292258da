// What the instruction sets do differently, or xsimd 8.1 does not offer: partial loads, sums across
// lanes, widening multiply-add, absolute differences, bit counts, prefetch. One overload each,
// chosen by register type or by xsimd's architecture tag (whose inheritance gives AVX2 what SSE2
// has).
//
// Included by the kernel files only, each compiled with its own flags. Everything has internal
// linkage: an inline function emitted with AVX-512 and picked by the linker would crash older CPUs.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <xsimd/xsimd.hpp>

#define KINDRED_INLINE [[gnu::always_inline]] inline

namespace kindred::math {
namespace {

KINDRED_INLINE void prefetch(const void* p) {
  __builtin_prefetch(p, 0, 3);
}

// Hides from the compiler where a vector came from, so that it is not loaded twice.
template <class Vector>
KINDRED_INLINE void keep_in_register(Vector& v) {
  auto value = static_cast<typename Vector::register_type>(v);
#if defined(__aarch64__)
  asm("" : "+w"(value));
#else
  asm("" : "+v"(value));
#endif
  v = Vector(value);
}

// Copies `count` <= kCount elements at any address to a zeroed buffer: the portable partial load.
template <class T, size_t kCount>
struct Padded {
  alignas(64) T elements[kCount] = {};
  KINDRED_INLINE Padded(const T* p, size_t count) {
    __builtin_memcpy(elements, p, count * sizeof(T));
  }
};

// The first `count` < 16 bytes at `p` as two little-endian words, zeros after them. Overlapping
// loads of fixed size: a copy through memory would stall the vector load that follows it.
struct Words {
  uint64_t low = 0;
  uint64_t high = 0;
};

template <class T>
KINDRED_INLINE uint64_t load_word(const uint8_t* p) {
  T word;
  __builtin_memcpy(&word, p, sizeof(word));
  return word;
}

KINDRED_INLINE Words first_bytes(const uint8_t* p, size_t count) {
  if (count > 8)
    return {load_word<uint64_t>(p), load_word<uint64_t>(p + count - 8) >> (128 - 8 * count)};
  if (count == 8) return {load_word<uint64_t>(p), 0};
  if (count >= 4)
    return {load_word<uint32_t>(p) | load_word<uint32_t>(p + count - 4) << (8 * count - 32), 0};
  uint64_t low = 0;
  for (size_t i = 0; i < count; ++i) low |= uint64_t{p[i]} << (8 * i);
  return {low, 0};
}

#if defined(__SSE2__)

// Adds neighbours at distance 2, then 1: sum4 adds in the same order, so the two agree bit for bit.
KINDRED_INLINE float sum(__m128 v) {
  v = _mm_add_ps(v, _mm_movehl_ps(v, v));
  return _mm_cvtss_f32(_mm_add_ss(v, _mm_shuffle_ps(v, v, 1)));
}

KINDRED_INLINE void sum4(__m128 a, __m128 b, __m128 c, __m128 d, float* out) {
  _MM_TRANSPOSE4_PS(a, b, c, d);
  _mm_storeu_ps(out, _mm_add_ps(_mm_add_ps(a, c), _mm_add_ps(b, d)));
}

KINDRED_INLINE int32_t sum_i32(__m128i v) {
  v = _mm_add_epi32(v, _mm_shuffle_epi32(v, 0x4E));
  return _mm_cvtsi128_si32(_mm_add_epi32(v, _mm_shuffle_epi32(v, 0xB1)));
}

KINDRED_INLINE void sum4_i32(__m128i a, __m128i b, __m128i c, __m128i d, int32_t* out) {
  const __m128i ab_low = _mm_unpacklo_epi32(a, b);
  const __m128i ab_high = _mm_unpackhi_epi32(a, b);
  const __m128i cd_low = _mm_unpacklo_epi32(c, d);
  const __m128i cd_high = _mm_unpackhi_epi32(c, d);
  const __m128i ab = _mm_add_epi32(ab_low, ab_high);  // a0+a2 b0+b2 a1+a3 b1+b3
  const __m128i cd = _mm_add_epi32(cd_low, cd_high);
  const __m128i sums = _mm_add_epi32(_mm_unpacklo_epi64(ab, cd), _mm_unpackhi_epi64(ab, cd));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(out), sums);
}

KINDRED_INLINE int64_t sum_i64(__m128i v) {
  return _mm_cvtsi128_si64(_mm_add_epi64(v, _mm_unpackhi_epi64(v, v)));
}

// The first `count` < lanes elements at `p`, zeros after them.
KINDRED_INLINE __m128i load_first(const uint8_t* p, size_t count, xsimd::sse2) {
  const Words words = first_bytes(p, count);
  return _mm_set_epi64x(static_cast<int64_t>(words.high), static_cast<int64_t>(words.low));
}

KINDRED_INLINE __m128 load_first(const float* p, size_t count, xsimd::sse2 isa) {
  return _mm_castsi128_ps(
      load_first(reinterpret_cast<const uint8_t*>(p), count * sizeof(float), isa));
}

KINDRED_INLINE __m128i widen_low_half(__m128i v) {
  return _mm_srai_epi16(_mm_unpacklo_epi8(v, v), 8);
}

// int8 to int16, as many as fill a register; widen_first: the first `count`, zeros after them.
KINDRED_INLINE __m128i widen(const int8_t* p, xsimd::sse2) {
  return widen_low_half(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
}

KINDRED_INLINE __m128i widen_first(const int8_t* p, size_t count, xsimd::sse2 isa) {
  return widen_low_half(load_first(reinterpret_cast<const uint8_t*>(p), count, isa));
}

// int16 products, added in pairs to int32.
KINDRED_INLINE __m128i multiply_add_pairs(__m128i a, __m128i b) {
  return _mm_madd_epi16(a, b);
}

// Adds the products of a row's 4-bit numbers, two a byte, and the query's bytes that belong to the
// lower and the upper halves, to int32 sums.
KINDRED_INLINE __m128i add_nibble_products(__m128i sums, __m128i row, __m128i low, __m128i high) {
  const __m128i mask = _mm_set1_epi8(0x0F);
  const __m128i zero = _mm_setzero_si128();
  const auto add = [&](__m128i numbers, __m128i query) {
    const __m128i near = _mm_madd_epi16(_mm_unpacklo_epi8(numbers, zero), widen_low_half(query));
    const __m128i far = _mm_madd_epi16(_mm_unpackhi_epi8(numbers, zero),
                                       widen_low_half(_mm_unpackhi_epi64(query, query)));
    sums = _mm_add_epi32(sums, _mm_add_epi32(near, far));
  };
  add(_mm_and_si128(row, mask), low);
  add(_mm_and_si128(_mm_srli_epi16(row, 4), mask), high);
  return sums;
}

// Sums of |a - b| over eight unsigned bytes, as 64-bit lanes.
KINDRED_INLINE __m128i absolute_differences(__m128i a, __m128i b) {
  return _mm_sad_epu8(a, b);
}

// The number of set bits of each byte.
KINDRED_INLINE __m128i bit_counts(__m128i v) {
  const __m128i ones = _mm_set1_epi8(0x55);
  const __m128i twos = _mm_set1_epi8(0x33);
  v = _mm_sub_epi8(v, _mm_and_si128(_mm_srli_epi16(v, 1), ones));
  v = _mm_add_epi8(_mm_and_si128(v, twos), _mm_and_si128(_mm_srli_epi16(v, 2), twos));
  return _mm_and_si128(_mm_add_epi8(v, _mm_srli_epi16(v, 4)), _mm_set1_epi8(0x0F));
}

#endif  // __SSE2__

#if defined(__AVX2__)

KINDRED_INLINE __m128 halve(__m256 v) {
  return _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
}

KINDRED_INLINE float sum(__m256 v) {
  return sum(halve(v));
}

KINDRED_INLINE void sum4(__m256 a, __m256 b, __m256 c, __m256 d, float* out) {
  sum4(halve(a), halve(b), halve(c), halve(d), out);
}

KINDRED_INLINE __m128i halve_i32(__m256i v) {
  return _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
}

KINDRED_INLINE int32_t sum_i32(__m256i v) {
  return sum_i32(halve_i32(v));
}

KINDRED_INLINE void sum4_i32(__m256i a, __m256i b, __m256i c, __m256i d, int32_t* out) {
  sum4_i32(halve_i32(a), halve_i32(b), halve_i32(c), halve_i32(d), out);
}

KINDRED_INLINE int64_t sum_i64(__m256i v) {
  return sum_i64(_mm_add_epi64(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1)));
}

KINDRED_INLINE __m256 load_first(const float* p, size_t count, xsimd::avx2) {
  static constexpr int32_t kMasks[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
  const auto* mask = reinterpret_cast<const __m256i*>(kMasks + 8 - count);
  return _mm256_maskload_ps(p, _mm256_loadu_si256(mask));
}

KINDRED_INLINE __m256i load_first(const uint8_t* p, size_t count, xsimd::avx2) {
  if (count < 16) return _mm256_zextsi128_si256(load_first(p, count, xsimd::sse2{}));
  const __m128i low = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  if (count == 16) return _mm256_zextsi128_si256(low);
  const __m128i high = load_first(p + 16, count - 16, xsimd::sse2{});
  return _mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1);
}

KINDRED_INLINE __m256i widen(const int8_t* p, xsimd::avx2) {
  return _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
}

KINDRED_INLINE __m256i widen_first(const int8_t* p, size_t count, xsimd::avx2) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(p);
  return _mm256_cvtepi8_epi16(load_first(bytes, count, xsimd::sse2{}));
}

// Not maddubs: its 16-bit sums saturate when -128 meets -128 (but see kernels_avx2.cc).
KINDRED_INLINE __m256i multiply_add_pairs(__m256i a, __m256i b) {
  return _mm256_madd_epi16(a, b);
}

// No pair of 16-bit sums is beyond 4 * 15 * 128.
KINDRED_INLINE __m256i add_nibble_products(__m256i sums, __m256i row, __m256i low, __m256i high) {
  const __m256i mask = _mm256_set1_epi8(0x0F);
  const __m256i of_low = _mm256_maddubs_epi16(_mm256_and_si256(row, mask), low);
  const __m256i upper = _mm256_and_si256(_mm256_srli_epi16(row, 4), mask);
  const __m256i pairs = _mm256_add_epi16(of_low, _mm256_maddubs_epi16(upper, high));
  return _mm256_add_epi32(sums, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}

KINDRED_INLINE __m256i absolute_differences(__m256i a, __m256i b) {
  return _mm256_sad_epu8(a, b);
}

KINDRED_INLINE __m256i bit_counts(__m256i v) {
  const __m256i nibble = _mm256_set1_epi8(0x0F);
  const __m256i table = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4,  //
                                         0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
  const __m256i low = _mm256_shuffle_epi8(table, _mm256_and_si256(v, nibble));
  const __m256i high =
      _mm256_shuffle_epi8(table, _mm256_and_si256(_mm256_srli_epi16(v, 4), nibble));
  return _mm256_add_epi8(low, high);
}

#endif  // __AVX2__

#if defined(__AVX512BW__) && defined(__AVX512DQ__)

KINDRED_INLINE __m256 halve(__m512 v) {
  return _mm256_add_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1));
}

KINDRED_INLINE float sum(__m512 v) {
  return sum(halve(v));
}

KINDRED_INLINE void sum4(__m512 a, __m512 b, __m512 c, __m512 d, float* out) {
  sum4(halve(a), halve(b), halve(c), halve(d), out);
}

KINDRED_INLINE __m256i halve_i32(__m512i v) {
  return _mm256_add_epi32(_mm512_castsi512_si256(v), _mm512_extracti64x4_epi64(v, 1));
}

KINDRED_INLINE int32_t sum_i32(__m512i v) {
  return sum_i32(halve_i32(v));
}

KINDRED_INLINE void sum4_i32(__m512i a, __m512i b, __m512i c, __m512i d, int32_t* out) {
  sum4_i32(halve_i32(a), halve_i32(b), halve_i32(c), halve_i32(d), out);
}

KINDRED_INLINE int64_t sum_i64(__m512i v) {
  return sum_i64(_mm256_add_epi64(_mm512_castsi512_si256(v), _mm512_extracti64x4_epi64(v, 1)));
}

KINDRED_INLINE __m512 load_first(const float* p, size_t count, xsimd::avx512bw) {
  return _mm512_maskz_loadu_ps(static_cast<__mmask16>((1U << count) - 1), p);
}

KINDRED_INLINE __m512i load_first(const uint8_t* p, size_t count, xsimd::avx512bw) {
  return _mm512_maskz_loadu_epi8((uint64_t{1} << count) - 1, p);
}

KINDRED_INLINE __m512i widen(const int8_t* p, xsimd::avx512bw) {
  return _mm512_cvtepi8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
}

KINDRED_INLINE __m512i widen_first(const int8_t* p, size_t count, xsimd::avx512bw) {
  const auto mask = static_cast<__mmask32>((uint64_t{1} << count) - 1);
  return _mm512_cvtepi8_epi16(_mm256_maskz_loadu_epi8(mask, p));
}

KINDRED_INLINE __m512i multiply_add_pairs(__m512i a, __m512i b) {
  return _mm512_madd_epi16(a, b);
}

KINDRED_INLINE __m512i add_nibble_products(__m512i sums, __m512i row, __m512i low, __m512i high) {
  const __m512i mask = _mm512_set1_epi8(0x0F);
  const __m512i of_low = _mm512_maddubs_epi16(_mm512_and_si512(row, mask), low);
  const __m512i upper = _mm512_and_si512(_mm512_srli_epi16(row, 4), mask);
  const __m512i pairs = _mm512_add_epi16(of_low, _mm512_maddubs_epi16(upper, high));
  return _mm512_add_epi32(sums, _mm512_madd_epi16(pairs, _mm512_set1_epi16(1)));
}

KINDRED_INLINE __m512i absolute_differences(__m512i a, __m512i b) {
  return _mm512_sad_epu8(a, b);
}

KINDRED_INLINE __m512i bit_counts(__m512i v) {
  const __m512i nibble = _mm512_set1_epi8(0x0F);
  const __m512i table =
      _mm512_broadcast_i32x4(_mm_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4));
  const __m512i low = _mm512_shuffle_epi8(table, _mm512_and_si512(v, nibble));
  const __m512i high =
      _mm512_shuffle_epi8(table, _mm512_and_si512(_mm512_srli_epi16(v, 4), nibble));
  return _mm512_add_epi8(low, high);
}

#endif  // AVX-512

#if defined(__aarch64__)

KINDRED_INLINE float sum(float32x4_t v) {
  const float32x2_t pair = vadd_f32(vget_low_f32(v), vget_high_f32(v));
  return vget_lane_f32(vpadd_f32(pair, pair), 0);
}

KINDRED_INLINE void sum4(float32x4_t a, float32x4_t b, float32x4_t c, float32x4_t d, float* out) {
  out[0] = sum(a);
  out[1] = sum(b);
  out[2] = sum(c);
  out[3] = sum(d);
}

KINDRED_INLINE int32_t sum_i32(int32x4_t v) {
  return vaddvq_s32(v);
}

KINDRED_INLINE void sum4_i32(int32x4_t a, int32x4_t b, int32x4_t c, int32x4_t d, int32_t* out) {
  vst1q_s32(out, vpaddq_s32(vpaddq_s32(a, b), vpaddq_s32(c, d)));
}

KINDRED_INLINE int64_t sum_i64(uint64x2_t v) {
  return static_cast<int64_t>(vaddvq_u64(v));
}

KINDRED_INLINE uint8x16_t load_first(const uint8_t* p, size_t count, xsimd::neon64) {
  const Words words = first_bytes(p, count);
  return vcombine_u8(vcreate_u8(words.low), vcreate_u8(words.high));
}

KINDRED_INLINE float32x4_t load_first(const float* p, size_t count, xsimd::neon64 isa) {
  return vreinterpretq_f32_u8(
      load_first(reinterpret_cast<const uint8_t*>(p), count * sizeof(float), isa));
}

KINDRED_INLINE int16x8_t widen(const int8_t* p, xsimd::neon64) {
  return vmovl_s8(vld1_s8(p));
}

KINDRED_INLINE int16x8_t widen_first(const int8_t* p, size_t count, xsimd::neon64) {
  return vmovl_s8(vcreate_s8(first_bytes(reinterpret_cast<const uint8_t*>(p), count).low));
}

KINDRED_INLINE int32x4_t multiply_add_pairs(int16x8_t a, int16x8_t b) {
  return vmlal_high_s16(vmull_s16(vget_low_s16(a), vget_low_s16(b)), a, b);
}

KINDRED_INLINE int32x4_t add_nibble_products(int32x4_t sums, uint8x16_t row, uint8x16_t low,
                                             uint8x16_t high) {
  const int8x16_t lower = vreinterpretq_s8_u8(vandq_u8(row, vdupq_n_u8(0x0F)));
  const int8x16_t upper = vreinterpretq_s8_u8(vshrq_n_u8(row, 4));
  const int8x16_t of_lower = vreinterpretq_s8_u8(low);
  const int8x16_t of_upper = vreinterpretq_s8_u8(high);
  int16x8_t products = vmull_s8(vget_low_s8(lower), vget_low_s8(of_lower));
  products = vmlal_high_s8(products, lower, of_lower);
  products = vmlal_s8(products, vget_low_s8(upper), vget_low_s8(of_upper));
  products = vmlal_high_s8(products, upper, of_upper);
  return vpadalq_s16(sums, products);
}

KINDRED_INLINE uint64x2_t absolute_differences(uint8x16_t a, uint8x16_t b) {
  return vpaddlq_u32(vpaddlq_u16(vpaddlq_u8(vabdq_u8(a, b))));
}

KINDRED_INLINE uint8x16_t bit_counts(uint8x16_t v) {
  return vcntq_u8(v);
}

#endif  // __aarch64__

}  // namespace
}  // namespace kindred::math
