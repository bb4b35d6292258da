// The version of xsimd that the kernels were compiled against.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace kindred::math {

// "8.1.0".
std::string xsimd_version();

}  // namespace kindred::math
