// Random ids of stores, segments and collections.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <random>

namespace kindred::storage {

// 63 random bits, never 0.
inline int64_t random_id() {
  std::random_device random;
  int64_t id = 0;
  while (id == 0)
    id = static_cast<int64_t>((uint64_t{random()} << 32 | random()) & ~(uint64_t{1} << 63));
  return id;
}

}  // namespace kindred::storage
