// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

namespace kindred::storage {

// Has the lines of `bytes` bytes fetched from memory while the caller goes on. The empty statement
// is for g++ 12, which takes a function that only prefetches for one that does nothing and leaves
// out its calls.
inline void prefetch(const void* at, size_t bytes) noexcept {
  constexpr size_t kLine = 64;
  for (size_t i = 0; i < bytes; i += kLine)
    __builtin_prefetch(static_cast<const std::byte*>(at) + i);
  asm volatile("");
}

}  // namespace kindred::storage
