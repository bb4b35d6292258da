// x86-64 with AVX2 and FMA (2013 and later).
// SPDX-License-Identifier: Apache-2.0
#include "math/kernels-inl.h"

namespace kindred::math {
namespace {

using Avx2 = xsimd::fma3<xsimd::avx2>;

// vpmaddubsw multiplies unsigned by signed bytes and adds pairs to int16, so the query's signs move
// to the row. No pair is beyond 2 * 128 * 127; the row's -128 would keep its sign.
struct SignedDot {
  using Element = int8_t;
  using Vector = xsimd::batch<int8_t, Avx2>;
  using Sum = xsimd::batch<int32_t, Avx2>;
  using Result = int32_t;
  static constexpr size_t kCount = Vector::size;
  static constexpr size_t kRegisters = kRegistersOf<Avx2>;

  explicit SignedDot(int32_t /*query_sum*/) {}
  KINDRED_INLINE static Vector load(const int8_t* p) { return Vector::load_unaligned(p); }
  KINDRED_INLINE static Vector load_first(const int8_t* p, size_t count) {
    return math::load_first(reinterpret_cast<const uint8_t*>(p), count, Avx2{});
  }
  KINDRED_INLINE static Sum step(const Sum& sum, const Vector& query, const Vector& row) {
    const __m256i signed_row = _mm256_sign_epi8(row, query);
    const __m256i pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(query), signed_row);
    return sum + Sum(_mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
  }
  KINDRED_INLINE static int32_t excess() { return 0; }
  KINDRED_INLINE int32_t result(const Sum& s) const { return sum_i32(s); }
};

}  // namespace

extern const Kernels kKernelsAvx2;
constexpr Kernels kKernelsAvx2 = make_kernels<Avx2, WidenedDot<Avx2>, SignedDot>("avx2");

}  // namespace kindred::math
