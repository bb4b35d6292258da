// SPDX-License-Identifier: Apache-2.0
#include "math/xsimd_version.h"

#include <xsimd/config/xsimd_config.hpp>

namespace kindred::math {

std::string xsimd_version() {
  return std::to_string(XSIMD_VERSION_MAJOR) + "." + std::to_string(XSIMD_VERSION_MINOR) + "." +
         std::to_string(XSIMD_VERSION_PATCH);
}

}  // namespace kindred::math
