// Which rows are a sample of all: one of each `step` that follow each other.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

namespace kindred::storage {

// The row of the i-th `step` rows, from i * step on, that is in the sample: not at the same place
// of each, since rows may come in turn from as many sources as a step has rows. (Knuth's
// multiplicative hashing, The Art of Computer Programming 3, 6.4.)
inline size_t sampled_row(size_t i, size_t step) noexcept {
  return i * step + static_cast<size_t>(i * 0x9E3779B97F4A7C15U >> 32) % step;
}

}  // namespace kindred::storage
