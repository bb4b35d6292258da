// hnswlib's own index over float32 vectors by inner product, as its users compile it: once with
// -march=native and once for any x86-64, each in a shared object of its own.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

namespace kindred::bench {

struct HnswlibIndex {
  // (rows, dim), row-major. Builds it with M = 16 on so many threads and keeps it in `path`.
  void (*build)(const float* vectors, size_t rows, size_t dim, size_t ef_construction,
                size_t threads, const char* path);
  void* (*load)(const char* path, size_t dim);
  // The k nearest rows.
  void (*search)(void* index, const float* query, size_t k, size_t ef, uint32_t* rows);
  void (*free)(void* index);
};

extern "C" const HnswlibIndex* hnswlib_native();
extern "C" const HnswlibIndex* hnswlib_plain();

}  // namespace kindred::bench
