// What bench_kernels compares with, each in a file of its own compiled for this machine.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

namespace kindred::bench {

// hnswlib's inner product distance for vectors of `dim` floats, as its InnerProductSpace picks it.
// The last argument of the function points to the dimension.
using HnswlibDistance = float (*)(const void*, const void*, const void*);
HnswlibDistance hnswlib_inner_product(size_t dim);

// Reads `bytes` (a multiple of 512) at `p` (64-byte aligned) as fast as we know how, prefetching
// `ahead` bytes ahead if not 0; returns their sum so that nothing can be left out.
uint64_t read_memory(const void* p, size_t bytes, size_t ahead);

}  // namespace kindred::bench
