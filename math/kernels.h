// The distance kernels of one instruction set as a table of function pointers, chosen once at run
// time. Each kernel is written once (kernels-inl.h) and instantiated per instruction set in a file
// compiled with that set's flags.
//
// Shapes: `n` and `dim` count elements; rows of a block are `stride` elements apart. Every kernel
// accepts any alignment and any length; 64-byte aligned rows are up to 1.8 times faster. All are
// pure, thread-safe and noexcept. NaN and infinity propagate.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace kindred::math {

// Rows whose start is a multiple of this many bytes are read with aligned, unsplit loads.
inline constexpr size_t kRowAlignment = 64;

// The three sums of one pass that cosine similarity is made of.
struct CosineSums {
  float dot;  // sum a*b
  float aa;   // sum a*a
  float bb;   // sum b*b
};

struct Kernels {
  // "baseline", "avx2", "avx512", "avx512vnni" or "neon".
  const char* name;

  // float32, one pair. l2_squared is the squared Euclidean distance, l1 the Manhattan distance.
  float (*dot)(const float* a, const float* b, size_t n) noexcept;
  float (*l2_squared)(const float* a, const float* b, size_t n) noexcept;
  float (*l1)(const float* a, const float* b, size_t n) noexcept;
  // Each of the three sums equals dot's result bit for bit.
  CosineSums (*cosine_sums)(const float* a, const float* b, size_t n) noexcept;

  // float32, one query against four rows that lie anywhere: for gathers whose lines are in cache.
  // out[i] equals the one-pair kernel's result bit for bit.
  void (*dot_x4)(const float* query, const float* const rows[4], size_t n, float out[4]) noexcept;
  void (*l2_squared_x4)(const float* query, const float* const rows[4], size_t n,
                        float out[4]) noexcept;
  void (*l1_x4)(const float* query, const float* const rows[4], size_t n, float out[4]) noexcept;

  // int8, one pair; exact for every value from -128 to 127 and n up to 65,536.
  // `query_sum` is the sum of the query's elements (see sum_i8), computed once a query.
  int32_t (*dot_i8)(const int8_t* query, int32_t query_sum, const int8_t* row, size_t n) noexcept;
  void (*dot_i8_x4)(const int8_t* query, int32_t query_sum, const int8_t* const rows[4], size_t n,
                    int32_t out[4]) noexcept;
  // The same, faster with AVX2, for rows in which no element is -128, such as those of encode_i8.
  int32_t (*dot_codes)(const int8_t* query, int32_t query_sum, const int8_t* row,
                       size_t n) noexcept;
  void (*dot_codes_x4)(const int8_t* query, int32_t query_sum, const int8_t* const rows[4],
                       size_t n, int32_t out[4]) noexcept;
  // int8 with 4-bit numbers from 0 to 15, packed two a byte as encode_u4 does, whatever the bytes'
  // type; the query has 2 * bytes elements. Exact for bytes up to 32,768.
  int32_t (*dot_u4)(const int8_t* query, const int8_t* row, size_t bytes) noexcept;
  void (*dot_u4_x16)(const int8_t* query, const int8_t* const rows[16], size_t bytes,
                     int32_t out[16]) noexcept;
  uint32_t (*l1_i8)(const int8_t* a, const int8_t* b, size_t n) noexcept;
  void (*l1_i8_x4)(const int8_t* query, const int8_t* const rows[4], size_t n,
                   uint32_t out[4]) noexcept;
  int64_t (*l2_squared_i8)(const int8_t* a, const int8_t* b, size_t n) noexcept;
  int32_t (*sum_i8)(const int8_t* a, size_t n) noexcept;

  // Bits that differ between two packed bit vectors of `bytes` bytes.
  uint32_t (*hamming)(const uint8_t* a, const uint8_t* b, size_t bytes) noexcept;
  void (*hamming_x4)(const uint8_t* query, const uint8_t* const rows[4], size_t bytes,
                     uint32_t out[4]) noexcept;

  // Streaming: one query against `count` rows in order, out[i] for row i; prefetches where that
  // helps.
  // out[i] equals the one-pair kernel's result bit for bit.
  void (*dot_scan)(const float* query, const float* rows, size_t stride, size_t dim, size_t count,
                   float* out) noexcept;
  void (*l2_squared_scan)(const float* query, const float* rows, size_t stride, size_t dim,
                          size_t count, float* out) noexcept;
  void (*l1_scan)(const float* query, const float* rows, size_t stride, size_t dim, size_t count,
                  float* out) noexcept;
  void (*dot_i8_scan)(const int8_t* query, int32_t query_sum, const int8_t* rows, size_t stride,
                      size_t dim, size_t count, int32_t* out) noexcept;
  void (*dot_codes_scan)(const int8_t* query, int32_t query_sum, const int8_t* rows, size_t stride,
                         size_t dim, size_t count, int32_t* out) noexcept;
  void (*dot_u4_scan)(const int8_t* query, const int8_t* rows, size_t stride, size_t bytes,
                      size_t count, int32_t* out) noexcept;
  void (*l1_i8_scan)(const int8_t* query, const int8_t* rows, size_t stride, size_t dim,
                     size_t count, uint32_t* out) noexcept;
  void (*hamming_scan)(const uint8_t* query, const uint8_t* rows, size_t stride, size_t bytes,
                       size_t count, uint32_t* out) noexcept;

  // Largest |a[i]|; NaN if any element is NaN; 0 for n = 0.
  float (*max_abs)(const float* a, size_t n) noexcept;

  // codes[i] = v[i] / scale rounded to nearest, half to even; returns the sum of
  // (v[i] - scale * codes[i])^2 with a relative error below 1e-10.
  // REQUIRES: v finite, 1 / scale normal, |v[i] / scale| <= 127.
  double (*encode_i8)(const float* v, size_t n, float scale, int8_t* codes) noexcept;

  // number[i] = v[i] / scale + 7.5 rounded to nearest and put between 0 and 15; byte j of `codes`
  // gets number[j] in its lower half and number[j + bytes] in its upper one. Returns the sum of
  // (v[i] - scale * (number[i] - 7.5))^2 with a relative error below 1e-4, but for what underflows.
  // REQUIRES: v finite, 1 / scale normal, n <= 2 * bytes.
  float (*encode_u4)(const float* v, size_t n, float scale, int8_t* codes, size_t bytes) noexcept;
};

// The kernels in use: the best compiled set that this CPU and operating system support, or the one
// named by the environment variable KINDRED_FORCE_ISA when that is set at the first call.
// Throws std::runtime_error, naming the known sets, if KINDRED_FORCE_ISA names none of them or one
// that this CPU cannot run.
const Kernels& active();

// The set of that name, as KINDRED_FORCE_ISA would choose it; throws as active() does.
const Kernels& choose(std::string_view name);

// Every set compiled into this binary that this CPU can run, best first.
std::span<const Kernels* const> runnable() noexcept;

}  // namespace kindred::math
