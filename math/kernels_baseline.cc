// What every x86-64 processor has: SSE2.
// SPDX-License-Identifier: Apache-2.0
#include "math/kernels-inl.h"

namespace kindred::math {

extern const Kernels kKernelsBaseline;
constexpr Kernels kKernelsBaseline = make_kernels<xsimd::sse2>("baseline");

}  // namespace kindred::math
