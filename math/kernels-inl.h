// Each distance kernel once, for any instruction set. A kernel is a Rule: how to load a vector of
// elements, what one step adds to a sum, how a sum becomes the result. One loop (sums_of) runs any
// rule over one row or several; a scan runs it over many rows in order.
//
// However many rows the loop takes at once, each row's elements enter the same four sums in the
// same order, so a rule's result for a row is the same bit for bit. The four sums are named, not an
// array: g++ 12 keeps an array of batches in memory (9.2 ns instead of 5.5 for a dot product of
// 128).
//
// Included by the kernels_<set>.cc files only, each compiled with its own flags; see
// instructions-inl.h for why nothing here has external linkage.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <type_traits>

#include "math/instructions-inl.h"
#include "math/kernels.h"

namespace kindred::math {
namespace {

// Four vectors of the query, loaded once for all rows of a group.
template <class Rule>
struct Block {
  typename Rule::Vector v0, v1, v2, v3;

  KINDRED_INLINE explicit Block(const typename Rule::Element* p)
      : v0(Rule::load(p)),
        v1(Rule::load(p + Rule::kCount)),
        v2(Rule::load(p + 2 * Rule::kCount)),
        v3(Rule::load(p + 3 * Rule::kCount)) {}
};

template <class Rule>
struct Sums {
  using Element = typename Rule::Element;
  using Sum = typename Rule::Sum;
  using Vector = typename Rule::Vector;

  Sum s0 = Sum(0);
  Sum s1 = Sum(0);
  Sum s2 = Sum(0);
  Sum s3 = Sum(0);

  KINDRED_INLINE void add_block(const Block<Rule>& query, const Element* row) {
    s0 = Rule::step(s0, query.v0, Rule::load(row));
    s1 = Rule::step(s1, query.v1, Rule::load(row + Rule::kCount));
    s2 = Rule::step(s2, query.v2, Rule::load(row + 2 * Rule::kCount));
    s3 = Rule::step(s3, query.v3, Rule::load(row + 3 * Rule::kCount));
  }
  KINDRED_INLINE void add_vector(const Vector& query, const Element* row) {
    s0 = Rule::step(s0, query, Rule::load(row));
  }
  KINDRED_INLINE void add_first(const Vector& query, const Element* row, size_t count) {
    s1 = Rule::step(s1, query, Rule::load_first(row, count));
  }
  KINDRED_INLINE Sum all() const { return (s0 + s1) + (s2 + s3); }
};

// The sums of kRows rows, as a list of members that all live in registers. `at` is an offset in
// elements into each of `rows`.
template <class Rule, size_t kRows>
struct Group {
  using Element = typename Rule::Element;
  using Vector = typename Rule::Vector;

  Sums<Rule> first;
  Group<Rule, kRows - 1> rest;

  KINDRED_INLINE void add_block(const Block<Rule>& query, const Element* const* rows, size_t at) {
    first.add_block(query, rows[0] + at);
    rest.add_block(query, rows + 1, at);
  }
  KINDRED_INLINE void add_vector(const Vector& query, const Element* const* rows, size_t at) {
    first.add_vector(query, rows[0] + at);
    rest.add_vector(query, rows + 1, at);
  }
  KINDRED_INLINE void add_first(const Vector& query, const Element* const* rows, size_t at,
                                size_t count) {
    first.add_first(query, rows[0] + at, count);
    rest.add_first(query, rows + 1, at, count);
  }
};

template <class Rule>
struct Group<Rule, 0> {
  using Element = typename Rule::Element;
  using Vector = typename Rule::Vector;

  KINDRED_INLINE void add_block(const Block<Rule>&, const Element* const*, size_t) {}
  KINDRED_INLINE void add_vector(const Vector&, const Element* const*, size_t) {}
  KINDRED_INLINE void add_first(const Vector&, const Element* const*, size_t, size_t) {}
};

// Prefetches the lines of elements [at, at + count) of each row.
template <size_t kRows, class T>
KINDRED_INLINE void prefetch_rows(const T* const* rows, size_t at, size_t count) {
  constexpr size_t kLine = 64 / sizeof(T);
  for (size_t r = 0; r < kRows; ++r)
    for (size_t i = 0; i < count; i += kLine) prefetch(rows[r] + at + i);
}

// One query against kRows rows of `n` elements; prefetches the rows `ahead` meanwhile, if not null.
template <class Rule, size_t kRows>
KINDRED_INLINE Group<Rule, kRows> sums_of(const typename Rule::Element* query,
                                          const typename Rule::Element* const* rows, size_t n,
                                          const typename Rule::Element* const* ahead = nullptr) {
  constexpr size_t kCount = Rule::kCount;
  Group<Rule, kRows> sums;
  size_t i = 0;
  for (; i + 4 * kCount <= n; i += 4 * kCount) {
    if (ahead != nullptr) prefetch_rows<kRows>(ahead, i, 4 * kCount);
    sums.add_block(Block<Rule>(query + i), rows, i);
  }
  if (ahead != nullptr) prefetch_rows<kRows>(ahead, i, n - i);
  for (; i + kCount <= n; i += kCount) sums.add_vector(Rule::load(query + i), rows, i);
  if (i < n) sums.add_first(Rule::load_first(query + i, n - i), rows, i, n - i);
  return sums;
}

// The rule's result for one pair, before `rule` turns it into the caller's.
template <class Rule>
KINDRED_INLINE typename Rule::Sum sum_of_one(const typename Rule::Element* query,
                                             const typename Rule::Element* row, size_t n) {
  return sums_of<Rule, 1>(query, &row, n).first.all();
}

template <class Rule, class Sum>
KINDRED_INLINE void store_results(const Rule& rule, const Sum& a, const Sum& b, const Sum& c,
                                  const Sum& d, typename Rule::Result* out) {
  if constexpr (std::is_same_v<typename Rule::Result, float>) {
    sum4(a, b, c, d, out);
  } else {
    out[0] = rule.result(a);
    out[1] = rule.result(b);
    out[2] = rule.result(c);
    out[3] = rule.result(d);
  }
}

template <class Rule>
KINDRED_INLINE void four(const Rule& rule, const typename Rule::Element* query,
                         const typename Rule::Element* const rows[4], size_t n,
                         typename Rule::Result* out,
                         const typename Rule::Element* const* ahead = nullptr) {
  if constexpr (Rule::kRegisters >= 32) {
    const auto s = sums_of<Rule, 4>(query, rows, n, ahead);
    store_results(rule, s.first.all(), s.rest.first.all(), s.rest.rest.first.all(),
                  s.rest.rest.rest.first.all(), out);
  } else {  // 16 sums and 4 query vectors would not fit
    const auto s = sums_of<Rule, 2>(query, rows, n, ahead);
    const auto t = sums_of<Rule, 2>(query, rows + 2, n, ahead == nullptr ? nullptr : ahead + 2);
    store_results(rule, s.first.all(), s.rest.first.all(), t.first.all(), t.rest.first.all(), out);
  }
}

// Far enough ahead to hide memory's latency, near enough to stay in the first-level cache.
inline constexpr size_t kPrefetchBytes = 4096;

// A block of rows in memory, `stride` elements apart.
template <class T>
struct RowBlock {
  const T* data;
  size_t stride;
  size_t dim;
  size_t count;
};

// Four rows at a time need the prefetch: four plain streams defeat the hardware's own (34 ns
// instead of 10 for an int8 row of 384).
template <class Rule>
KINDRED_INLINE void scan(const Rule& rule, const typename Rule::Element* query,
                         const RowBlock<typename Rule::Element>& rows, typename Rule::Result* out) {
  const size_t ahead = 4 + kPrefetchBytes / (rows.stride * sizeof(typename Rule::Element) + 1);
  size_t r = 0;
  for (; r + 4 <= rows.count; r += 4) {
    const size_t soon = r + ahead + 4 <= rows.count ? r + ahead : rows.count - 4;
    const auto* p = rows.data + r * rows.stride;
    const auto* q = rows.data + soon * rows.stride;
    const typename Rule::Element* const now[4] = {p, p + rows.stride, p + 2 * rows.stride,
                                                  p + 3 * rows.stride};
    const typename Rule::Element* const next[4] = {q, q + rows.stride, q + 2 * rows.stride,
                                                   q + 3 * rows.stride};
    four(rule, query, now, rows.dim, out + r, next);
  }
  for (; r < rows.count; ++r)
    out[r] = rule.result(sum_of_one<Rule>(query, rows.data + r * rows.stride, rows.dim));
}

// How many vector registers the instruction set has.
template <class A>
inline constexpr size_t kRegistersOf = xsimd::batch<float, A>::size == 16 ? 32 : 16;
#if defined(__aarch64__)
template <>
inline constexpr size_t kRegistersOf<xsimd::neon64> = 32;
#endif

template <class A>
struct FloatRule {
  using Element = float;
  using Vector = xsimd::batch<float, A>;
  using Sum = Vector;
  using Result = float;
  static constexpr size_t kCount = Vector::size;
  static constexpr size_t kRegisters = kRegistersOf<A>;

  KINDRED_INLINE static Vector load(const float* p) { return Vector::load_unaligned(p); }
  KINDRED_INLINE static Vector load_first(const float* p, size_t count) {
    return math::load_first(p, count, A{});
  }
  KINDRED_INLINE float result(const Sum& s) const { return sum(s); }
};

template <class A>
struct Dot : FloatRule<A> {
  using Vector = typename FloatRule<A>::Vector;
  KINDRED_INLINE static Vector step(const Vector& sum, const Vector& a, const Vector& b) {
    return xsimd::fma(a, b, sum);
  }
};

template <class A>
struct L2Squared : FloatRule<A> {
  using Vector = typename FloatRule<A>::Vector;
  KINDRED_INLINE static Vector step(const Vector& sum, const Vector& a, const Vector& b) {
    const Vector difference = a - b;
    return xsimd::fma(difference, difference, sum);
  }
};

template <class A>
struct L1 : FloatRule<A> {
  using Vector = typename FloatRule<A>::Vector;
  KINDRED_INLINE static Vector step(const Vector& sum, const Vector& a, const Vector& b) {
    return sum + xsimd::abs(a - b);
  }
};

// int8 widened to int16, whose products are added in pairs to int32.
template <class A>
struct WidenedRule {
  using Element = int8_t;
  using Vector = xsimd::batch<int16_t, A>;
  using Sum = xsimd::batch<int32_t, A>;
  static constexpr size_t kCount = Vector::size;
  static constexpr size_t kRegisters = kRegistersOf<A>;

  KINDRED_INLINE static Vector load(const int8_t* p) { return widen(p, A{}); }
  KINDRED_INLINE static Vector load_first(const int8_t* p, size_t count) {
    return widen(Padded<int8_t, kCount>(p, count).elements, A{});
  }
};

template <class A>
struct WidenedDot : WidenedRule<A> {
  using Vector = typename WidenedRule<A>::Vector;
  using Sum = typename WidenedRule<A>::Sum;
  using Result = int32_t;

  explicit WidenedDot(int32_t /*query_sum*/) {}
  KINDRED_INLINE static Sum step(const Sum& sum, const Vector& a, const Vector& b) {
    return sum + Sum(multiply_add_pairs(a, b));
  }
  KINDRED_INLINE int32_t result(const Sum& s) const { return sum_i32(s); }
};

template <class A>
struct WidenedL2Squared : WidenedRule<A> {
  using Vector = typename WidenedRule<A>::Vector;
  using Sum = typename WidenedRule<A>::Sum;
  using Result = int64_t;

  KINDRED_INLINE static Sum step(const Sum& sum, const Vector& a, const Vector& b) {
    const Vector difference = a - b;
    return sum + Sum(multiply_add_pairs(difference, difference));
  }
  // 65,536 * 255^2 needs all 32 bits, unsigned.
  KINDRED_INLINE int64_t result(const Sum& s) const { return static_cast<uint32_t>(sum_i32(s)); }
};

// Bytes, whose differences are added to 64-bit lanes.
template <class A>
struct ByteRule {
  using Vector = xsimd::batch<uint8_t, A>;
  using Sum = xsimd::batch<uint64_t, A>;
  static constexpr size_t kCount = Vector::size;
  static constexpr size_t kRegisters = kRegistersOf<A>;

  KINDRED_INLINE static Vector load(const void* p) {
    return Vector::load_unaligned(static_cast<const uint8_t*>(p));
  }
  KINDRED_INLINE static Vector load_first(const void* p, size_t count) {
    return math::load_first(static_cast<const uint8_t*>(p), count, A{});
  }
};

template <class A>
struct ByteL1 : ByteRule<A> {
  using Element = int8_t;
  using Vector = typename ByteRule<A>::Vector;
  using Sum = typename ByteRule<A>::Sum;
  using Result = int64_t;

  KINDRED_INLINE static Sum step(const Sum& sum, const Vector& a, const Vector& b) {
    const Vector sign(uint8_t{0x80});  // moves int8 to uint8, differences unchanged
    return sum + Sum(absolute_differences(a ^ sign, b ^ sign));
  }
  KINDRED_INLINE int64_t result(const Sum& s) const { return sum_i64(s); }
};

template <class A>
struct Hamming : ByteRule<A> {
  using Element = uint8_t;
  using Vector = typename ByteRule<A>::Vector;
  using Sum = typename ByteRule<A>::Sum;
  using Result = uint32_t;

  KINDRED_INLINE static Sum step(const Sum& sum, const Vector& a, const Vector& b) {
    const Vector counts = bit_counts(a ^ b);
    return sum + Sum(absolute_differences(counts, Vector(uint8_t{0})));
  }
  KINDRED_INLINE uint32_t result(const Sum& s) const { return static_cast<uint32_t>(sum_i64(s)); }
};

// The functions of the table.

template <class Rule>
typename Rule::Result pair(const typename Rule::Element* a, const typename Rule::Element* b,
                           size_t n) noexcept {
  return Rule().result(sum_of_one<Rule>(a, b, n));
}

template <class Rule>
void pair_x4(const typename Rule::Element* query, const typename Rule::Element* const rows[4],
             size_t n, typename Rule::Result out[4]) noexcept {
  four(Rule(), query, rows, n, out);
}

template <class Rule>
void pair_scan(const typename Rule::Element* query, const typename Rule::Element* rows,
               size_t stride, size_t dim, size_t count, typename Rule::Result* out) noexcept {
  scan(Rule(), query, {rows, stride, dim, count}, out);
}

template <class Rule>
int32_t dot_i8(const int8_t* query, int32_t query_sum, const int8_t* row, size_t n) noexcept {
  return Rule(query_sum).result(sum_of_one<Rule>(query, row, n));
}

template <class Rule>
void dot_i8_x4(const int8_t* query, int32_t query_sum, const int8_t* const rows[4], size_t n,
               int32_t out[4]) noexcept {
  four(Rule(query_sum), query, rows, n, out);
}

template <class Rule>
void dot_i8_scan(const int8_t* query, int32_t query_sum, const int8_t* rows, size_t stride,
                 size_t dim, size_t count, int32_t* out) noexcept {
  scan(Rule(query_sum), query, {rows, stride, dim, count}, out);
}

template <class A>
int32_t sum_i8(const int8_t* a, size_t n) noexcept {
  using Rule = WidenedDot<A>;
  const typename Rule::Vector ones(int16_t{1});
  typename Rule::Sum sums(0);
  size_t i = 0;
  for (; i + Rule::kCount <= n; i += Rule::kCount) sums = Rule::step(sums, Rule::load(a + i), ones);
  if (i < n) sums = Rule::step(sums, Rule::load_first(a + i, n - i), ones);
  return sum_i32(sums);
}

// Each of the three sums as the dot kernel adds it, bit for bit.
template <class A>
CosineSums cosine_sums(const float* a, const float* b, size_t n) noexcept {
  using Rule = Dot<A>;
  using Vector = typename Rule::Vector;
  constexpr size_t kCount = Rule::kCount;
  Sums<Rule> ab, aa, bb;
  const auto add = [&](const Vector& va, const Vector& vb, auto sum) {
    ab.*sum = Rule::step(ab.*sum, va, vb);
    aa.*sum = Rule::step(aa.*sum, va, va);
    bb.*sum = Rule::step(bb.*sum, vb, vb);
  };
  using S = Sums<Rule>;
  size_t i = 0;
  for (; i + 4 * kCount <= n; i += 4 * kCount) {
    add(Rule::load(a + i), Rule::load(b + i), &S::s0);
    add(Rule::load(a + i + kCount), Rule::load(b + i + kCount), &S::s1);
    add(Rule::load(a + i + 2 * kCount), Rule::load(b + i + 2 * kCount), &S::s2);
    add(Rule::load(a + i + 3 * kCount), Rule::load(b + i + 3 * kCount), &S::s3);
  }
  for (; i + kCount <= n; i += kCount) add(Rule::load(a + i), Rule::load(b + i), &S::s0);
  if (i < n) add(Rule::load_first(a + i, n - i), Rule::load_first(b + i, n - i), &S::s1);
  return {sum(ab.all()), sum(aa.all()), sum(bb.all())};
}

// Compares the bits without the sign as integers: that orders magnitudes, with NaN above infinity,
// where a maximum of floats would lose NaN.
template <class A>
float max_abs(const float* a, size_t n) noexcept {
  using Vector = xsimd::batch<int32_t, A>;
  constexpr int32_t kMagnitude = 0x7FFFFFFF;
  const Vector magnitude(kMagnitude);
  Vector largest(0);
  const auto add = [&](size_t at, size_t count) {
    int32_t bits[Vector::size] = {};
    __builtin_memcpy(bits, a + at, count * sizeof(float));
    largest = xsimd::max(largest, Vector::load_unaligned(bits) & magnitude);
  };
  size_t i = 0;
  for (; i + Vector::size <= n; i += Vector::size) add(i, Vector::size);
  if (i < n) add(i, n - i);
  int32_t lanes[Vector::size];
  largest.store_unaligned(lanes);
  int32_t result = 0;
  for (const int32_t lane : lanes) result = lane > result ? lane : result;
  return __builtin_bit_cast(float, result);
}

// The table of architecture `A`; `DotI8` is the rule of the int8 dot products.
template <class A, class DotI8 = WidenedDot<A>>
constexpr Kernels make_kernels(const char* name) {
  return {
      .name = name,
      .dot = pair<Dot<A>>,
      .l2_squared = pair<L2Squared<A>>,
      .l1 = pair<L1<A>>,
      .cosine_sums = cosine_sums<A>,
      .dot_x4 = pair_x4<Dot<A>>,
      .l2_squared_x4 = pair_x4<L2Squared<A>>,
      .dot_i8 = dot_i8<DotI8>,
      .dot_i8_x4 = dot_i8_x4<DotI8>,
      .l1_i8 = pair<ByteL1<A>>,
      .l2_squared_i8 = pair<WidenedL2Squared<A>>,
      .sum_i8 = sum_i8<A>,
      .hamming = pair<Hamming<A>>,
      .dot_scan = pair_scan<Dot<A>>,
      .l2_squared_scan = pair_scan<L2Squared<A>>,
      .l1_scan = pair_scan<L1<A>>,
      .dot_i8_scan = dot_i8_scan<DotI8>,
      .hamming_scan = pair_scan<Hamming<A>>,
      .max_abs = max_abs<A>,
  };
}

}  // namespace
}  // namespace kindred::math
