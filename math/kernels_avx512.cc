// x86-64 with AVX-512 F, BW, DQ and VL.
// SPDX-License-Identifier: Apache-2.0
#include "math/kernels-inl.h"

namespace kindred::math {

extern const Kernels kKernelsAvx512;
constexpr Kernels kKernelsAvx512 = make_kernels<xsimd::avx512bw>("avx512");

}  // namespace kindred::math
