// Dot products of int8 numbers with 4-bit numbers, two a byte: byte j of a row of `bytes` bytes has
// element j in its lower half and element j + bytes in its upper one. So the query's elements are
// read in order, from two places.
//
// Included by kernels-inl.h only; see instructions-inl.h for why nothing here has external linkage.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "math/instructions-inl.h"
#include "math/loops-inl.h"

namespace kindred::math {
namespace {

// How a register's bytes of a row enter the sums.
template <class A>
struct NibbleDot {
  using Bytes = xsimd::batch<uint8_t, A>;
  using Sum = xsimd::batch<int32_t, A>;
  static constexpr size_t kCount = Bytes::size;

  KINDRED_INLINE static Bytes load(const void* p) {
    return Bytes::load_unaligned(static_cast<const uint8_t*>(p));
  }
  KINDRED_INLINE static Bytes load_first(const void* p, size_t count) {
    return math::load_first(static_cast<const uint8_t*>(p), count, A{});
  }
  KINDRED_INLINE static Sum step(const Sum& sum, const Bytes& row, const Bytes& low,
                                 const Bytes& high) {
    return add_nibble_products(sum, row, low, high);
  }
};

template <class Rule>
KINDRED_INLINE int32_t nibble_dot(const int8_t* query, const int8_t* row, size_t bytes) {
  constexpr size_t kCount = Rule::kCount;
  const int8_t* const upper = query + bytes;
  typename Rule::Sum s0(0), s1(0);
  const auto add = [&](auto& sum, size_t i) {
    sum = Rule::step(sum, Rule::load(row + i), Rule::load(query + i), Rule::load(upper + i));
  };
  size_t i = 0;
  for (; i + 2 * kCount <= bytes; i += 2 * kCount) {
    add(s0, i);
    add(s1, i + kCount);
  }
  for (; i + kCount <= bytes; i += kCount) add(s0, i);
  if (i < bytes) {
    const size_t left = bytes - i;
    s1 = Rule::step(s1, Rule::load_first(row + i, left), Rule::load_first(query + i, left),
                    Rule::load_first(upper + i, left));
  }
  return sum_i32(s0 + s1);
}

template <class Rule>
int32_t dot_u4(const int8_t* query, const int8_t* row, size_t bytes) noexcept {
  return nibble_dot<Rule>(query, row, bytes);
}

template <class Rule>
KINDRED_INLINE void nibble_dot_x4(const int8_t* query, const int8_t* const rows[4], size_t bytes,
                                  int32_t out[4]) {
  using Bytes = typename Rule::Bytes;
  constexpr size_t kCount = Rule::kCount;
  const int8_t* const upper = query + bytes;
  typename Rule::Sum s0(0), s1(0), s2(0), s3(0);
  const auto add = [&](const Bytes& low, const Bytes& high, auto load) {
    s0 = Rule::step(s0, load(rows[0]), low, high);
    s1 = Rule::step(s1, load(rows[1]), low, high);
    s2 = Rule::step(s2, load(rows[2]), low, high);
    s3 = Rule::step(s3, load(rows[3]), low, high);
  };
  size_t i = 0;
  for (; i + kCount <= bytes; i += kCount)
    add(Rule::load(query + i), Rule::load(upper + i),
        [i](const int8_t* row) { return Rule::load(row + i); });
  if (i < bytes) {
    const size_t left = bytes - i;
    add(Rule::load_first(query + i, left), Rule::load_first(upper + i, left),
        [i, left](const int8_t* row) { return Rule::load_first(row + i, left); });
  }
  sum4_i32(s0, s1, s2, s3, out);
}

template <class Rule>
void dot_u4_x16(const int8_t* query, const int8_t* const rows[16], size_t bytes,
                int32_t out[16]) noexcept {
  for (size_t first = 0; first < 16; first += 4)
    nibble_dot_x4<Rule>(query, rows + first, bytes, out + first);
}

template <class Rule>
void dot_u4_scan(const int8_t* query, const int8_t* rows, size_t stride, size_t bytes, size_t count,
                 int32_t* out) noexcept {
  const RowBlock<int8_t> block{rows, stride, bytes, count};
  const RowPrefetch prefetch(block);
  for (size_t r = 0; r < count; ++r) {
    prefetch.at(r);
    out[r] = nibble_dot<Rule>(query, block.row(r), bytes);
  }
}

}  // namespace
}  // namespace kindred::math
