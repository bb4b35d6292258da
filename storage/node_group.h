// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "storage/candidate_pool.h"
#include "storage/code_kernels.h"
#include "storage/node_queue.h"

namespace kindred::storage {

// Every processor that there are kernels for has registers of four. Made one by one, keys are a
// quarter of a comparison's instructions. g++ and clang know such vectors by this name.
using FourFloats = float __attribute__((vector_size(CodeKernels::kFour * sizeof(float))));

// Nodes that have been compared at once: `count`, filled up with the last.
struct NodeGroup {
  static constexpr size_t kFour = CodeKernels::kFour;

  const uint32_t* nodes = nullptr;
  size_t count = 0;
  FourFloats keys[NodeQueue::kGroup / kFour]{};

  Candidate operator[](size_t i) const noexcept { return {keys[i / kFour][i % kFour], nodes[i]}; }
  // Those with keys below a limit, a bit each.
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
