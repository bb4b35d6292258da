// Owned memory whose start is aligned for the kernels.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <new>

#include "math/kernels.h"

namespace kindred::math {

struct AlignedDelete {
  void operator()(std::byte* p) const noexcept {
    ::operator delete[](p, std::align_val_t{kRowAlignment});
  }
};
using AlignedBytes = std::unique_ptr<std::byte[], AlignedDelete>;

// `bytes` uninitialised bytes, 64-byte aligned. Pages that are never touched cost no memory.
inline AlignedBytes make_aligned(size_t bytes) {
  return AlignedBytes(static_cast<std::byte*>(
      ::operator new[](bytes > 0 ? bytes : 1, std::align_val_t{kRowAlignment})));
}

// Rounds a row's bytes up so that rows laid end to end all start aligned.
constexpr size_t aligned_stride(size_t bytes) noexcept {
  return (bytes + kRowAlignment - 1) / kRowAlignment * kRowAlignment;
}

}  // namespace kindred::math
