// SPDX-License-Identifier: Apache-2.0
#include "bench/rivals.h"

namespace kindred::bench {
namespace {

using Line = uint64_t __attribute__((vector_size(64)));

}  // namespace

uint64_t read_memory(const void* p, size_t bytes, size_t ahead) {
  const auto* lines = static_cast<const Line*>(p);
  const auto* next = static_cast<const char*>(p) + ahead;
  Line s0{};
  Line s1{};
  Line s2{};
  Line s3{};
  for (size_t i = 0; i < bytes / sizeof(Line); i += 8) {
    if (ahead != 0)
      for (size_t j = 0; j < 8; ++j) __builtin_prefetch(next + (i + j) * sizeof(Line), 0, 3);
    s0 += lines[i] + lines[i + 4];
    s1 += lines[i + 1] + lines[i + 5];
    s2 += lines[i + 2] + lines[i + 6];
    s3 += lines[i + 3] + lines[i + 7];
  }
  const Line all = (s0 + s1) + (s2 + s3);
  uint64_t sum = 0;
  for (size_t i = 0; i < 8; ++i) sum += all[i];
  return sum;
}

}  // namespace kindred::bench
