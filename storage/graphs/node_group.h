// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

#include "storage/codes/code_kernels.h"
#include "storage/graphs/candidate_pool.h"
#include "storage/graphs/node_queue.h"

namespace kindred::storage {

// Nodes that have been compared at once: `count`, filled up with the last.
struct NodeGroup {
  static constexpr size_t kFour = CodeKernels::kFour;

  const uint32_t* nodes = nullptr;
  size_t count = 0;
  FourFloats keys[NodeQueue::kGroup / kFour]{};  // may be NaN: numbers overflow

  // Its key is never NaN, which does not sort: what overflows is farthest.
  Candidate operator[](size_t i) const noexcept {
    const float key = keys[i / kFour][i % kFour];
    return {key == key ? key : std::numeric_limits<float>::infinity(), nodes[i]};
  }
  // Those with keys below a limit, a bit each; none that is NaN.
  unsigned below(float limit) const noexcept {
    using FourInts = int32_t __attribute__((vector_size(sizeof(FourFloats))));
    FourInts bits{};
    FourInts bit{1, 2, 4, 8};
    for (const FourFloats& four : keys) {
      bits |= (four < limit) & bit;
      bit <<= static_cast<int>(kFour);
    }
    const int all = bits[0] | bits[1] | bits[2] | bits[3];
    return static_cast<unsigned>(all) & ((1U << count) - 1);
  }
};

}  // namespace kindred::storage
