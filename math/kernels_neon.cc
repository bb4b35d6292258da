// 64-bit ARM; NEON is part of it.
// SPDX-License-Identifier: Apache-2.0
#include "math/kernels-inl.h"

namespace kindred::math {

extern const Kernels kKernelsNeon;
constexpr Kernels kKernelsNeon = make_kernels<xsimd::neon64>("neon");

}  // namespace kindred::math
