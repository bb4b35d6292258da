// x86-64 with AVX-512 F, BW, DQ, VL and VNNI: AVX-512 with an int8 dot product of its own.
// SPDX-License-Identifier: Apache-2.0
#include "math/kernels-inl.h"

namespace kindred::math {
namespace {

// vpdpbusd multiplies unsigned by signed bytes, so 128 is added to the row's elements (by flipping
// their sign bit) and 128 times the query's sum taken off the result.
struct VnniDot {
  using Element = int8_t;
  using Vector = xsimd::batch<int8_t, xsimd::avx512bw>;
  using Sum = xsimd::batch<int32_t, xsimd::avx512bw>;
  using Result = int32_t;
  static constexpr size_t kCount = Vector::size;
  static constexpr size_t kRegisters = 32;
  int32_t query_sum;

  explicit VnniDot(int32_t sum) : query_sum(sum) {}
  KINDRED_INLINE static Vector load(const int8_t* p) { return Vector::load_unaligned(p); }
  KINDRED_INLINE static Vector load_first(const int8_t* p, size_t count) {
    return math::load_first(reinterpret_cast<const uint8_t*>(p), count, xsimd::avx512bw{});
  }
  KINDRED_INLINE static Sum step(const Sum& sum, const Vector& query, const Vector& row) {
    const __m512i shifted = _mm512_xor_si512(row, _mm512_set1_epi8(-128));
    return _mm512_dpbusd_epi32(sum, shifted, query);
  }
  // What the sum of the products has more than the dot product.
  KINDRED_INLINE int32_t excess() const { return 128 * query_sum; }
  KINDRED_INLINE int32_t result(const Sum& s) const { return sum_i32(s) - excess(); }
};

struct VnniNibbleDot : NibbleDot<xsimd::avx512bw> {
  KINDRED_INLINE static Sum step(const Sum& sum, const Bytes& row, const Bytes& low,
                                 const Bytes& high) {
    const __m512i mask = _mm512_set1_epi8(0x0F);
    const __m512i upper = _mm512_and_si512(_mm512_srli_epi16(row, 4), mask);
    const __m512i of_low = _mm512_dpbusd_epi32(sum, _mm512_and_si512(row, mask), low);
    return _mm512_dpbusd_epi32(of_low, upper, high);
  }
};

}  // namespace

extern const Kernels kKernelsAvx512Vnni;
constexpr Kernels kKernelsAvx512Vnni =
    make_kernels<xsimd::avx512bw, VnniDot, VnniDot, VnniNibbleDot>("avx512vnni");

}  // namespace kindred::math
