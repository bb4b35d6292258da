// x86-64 with AVX2 and FMA (2013 and later).
// SPDX-License-Identifier: Apache-2.0
#include "math/kernels-inl.h"

namespace kindred::math {

extern const Kernels kKernelsAvx2;
constexpr Kernels kKernelsAvx2 = make_kernels<xsimd::fma3<xsimd::avx2>>("avx2");

}  // namespace kindred::math
