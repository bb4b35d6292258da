// Memory for many rows (a tail's chunk, a seal's copy of the log, a graph that is built), of huge
// pages where the system gives them on request (Linux): filling one then costs one page fault
// instead of 512, and who reads here and there translates fewer addresses.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#endif

#include "math/aligned.h"

namespace kindred::storage {

inline constexpr size_t kHugePage = size_t{2} << 20;

enum class Pages {
  kUsual,
  kHuge,  // the first byte touched costs a whole huge page
};

struct FreeChunkMemory {
  void operator()(std::byte* p) const noexcept { std::free(p); }
};
using ChunkMemory = std::unique_ptr<std::byte[], FreeChunkMemory>;

// `bytes` uninitialised bytes, 64-byte aligned. Pages that are never touched cost no memory.
// Throws std::bad_alloc.
inline ChunkMemory make_chunk_memory(size_t bytes, Pages pages) {
  const size_t unit = pages == Pages::kHuge ? kHugePage : math::kRowAlignment;
  const size_t rounded = (bytes > 0 ? bytes + unit - 1 : unit) / unit * unit;
  ChunkMemory memory(static_cast<std::byte*>(std::aligned_alloc(unit, rounded)));
  if (!memory) throw std::bad_alloc();
#if defined(__linux__)
  if (pages == Pages::kHuge) madvise(memory.get(), rounded, MADV_HUGEPAGE);  // may be refused
#endif
  return memory;
}

}  // namespace kindred::storage
