// Other libraries' own graphs over float32 vectors, called directly. Each is in a
// shared object of its own, built as its users build it: hnswlib for any x86-64 (plain) and with
// -march=native, usearch with that and with its own kernels.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

namespace kindred::bench {

enum class Space : uint8_t { kInnerProduct, kL2 };

struct GraphIndex {
  // (rows, dim), row-major. Builds it with M = 16 on so many threads and keeps it in `path`.
  void (*build)(const float* vectors, size_t rows, size_t dim, Space space, size_t ef_construction,
                size_t threads, const char* path);
  void* (*load)(const char* path, size_t dim, Space space);
  // The k nearest rows.
  void (*search)(void* index, const float* query, size_t k, size_t ef, uint32_t* rows);
  void (*free)(void* index);
};

extern "C" const GraphIndex* hnswlib_native();
extern "C" const GraphIndex* hnswlib_plain();
// Of vectors as they are, and of int8 codes that it makes of them.
extern "C" const GraphIndex* usearch_f32();
extern "C" const GraphIndex* usearch_i8();

}  // namespace kindred::bench
