// The loops that run a kernel. A kernel is a Rule: how to load a vector of elements, what one step
// adds to a sum, how a sum becomes the result (see kernels-inl.h). sums_of runs any rule over one
// row or several; scan runs it over many rows in order.
//
// However many rows are taken at once, each row's elements enter the same four sums in the same
// order, so a rule's result for a row is the same bit for bit; sums of integers, which are exact in
// any order, may have fewer (four_exact). The four sums are named, not an
// array: g++ 12 keeps an array of batches in memory (9.2 ns instead of 5.5 for a dot product of
// 128).
//
// Included by kernels-inl.h only; see instructions-inl.h for why nothing here has external linkage.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <type_traits>

#include "math/instructions-inl.h"

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

  // Keeps g++ 12 from loading the vectors again for each row.
  KINDRED_INLINE void keep() {
    keep_in_register(v0);
    keep_in_register(v1);
    keep_in_register(v2);
    keep_in_register(v3);
  }
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

// One query against kRows rows of `n` elements.
template <class Rule, size_t kRows>
KINDRED_INLINE Group<Rule, kRows> sums_of(const typename Rule::Element* query,
                                          const typename Rule::Element* const* rows, size_t n) {
  constexpr size_t kCount = Rule::kCount;
  Group<Rule, kRows> sums;
  size_t i = 0;
#pragma GCC unroll 2  // 2 to 4 % at 384 dimensions
  for (; i + 4 * kCount <= n; i += 4 * kCount) {
    Block<Rule> block(query + i);
    if constexpr (kRows > 1) block.keep();
    sums.add_block(block, rows, i);
  }
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
  } else if constexpr (std::is_same_v<typename Rule::Result, int32_t>) {
    sum4_i32(a, b, c, d, out);
    for (size_t i = 0; i < 4; ++i) out[i] -= rule.excess();
  } else {
    out[0] = rule.result(a);
    out[1] = rule.result(b);
    out[2] = rule.result(c);
    out[3] = rule.result(d);
  }
}

// The same for one query against four rows where sums are exact, so that their order is nobody's
// business: one a row, which leaves registers for the rest.
template <class Rule>
KINDRED_INLINE void four_exact(const Rule& rule, const typename Rule::Element* query,
                               const typename Rule::Element* const rows[4], size_t n,
                               typename Rule::Result* out) {
  using Vector = typename Rule::Vector;
  constexpr size_t kCount = Rule::kCount;
  typename Rule::Sum s0(0), s1(0), s2(0), s3(0);
  const auto add = [&](const Vector& of_query, auto load) {
    s0 = Rule::step(s0, of_query, load(rows[0]));
    s1 = Rule::step(s1, of_query, load(rows[1]));
    s2 = Rule::step(s2, of_query, load(rows[2]));
    s3 = Rule::step(s3, of_query, load(rows[3]));
  };
  size_t i = 0;
  for (; i + kCount <= n; i += kCount)
    add(Rule::load(query + i), [i](const auto* row) { return Rule::load(row + i); });
  if (i < n)
    add(Rule::load_first(query + i, n - i),
        [i, n](const auto* row) { return Rule::load_first(row + i, n - i); });
  store_results(rule, s0, s1, s2, s3, out);
}

template <class Rule>
KINDRED_INLINE void four(const Rule& rule, const typename Rule::Element* query,
                         const typename Rule::Element* const rows[4], size_t n,
                         typename Rule::Result* out) {
  if constexpr (Rule::kRegisters >= 32) {
    const auto s = sums_of<Rule, 4>(query, rows, n);
    store_results(rule, s.first.all(), s.rest.first.all(), s.rest.rest.first.all(),
                  s.rest.rest.rest.first.all(), out);
  } else if constexpr (!std::is_same_v<typename Rule::Result, float>) {
    four_exact(rule, query, rows, n, out);
  } else {  // 16 sums and 4 query vectors would not fit
    const auto s = sums_of<Rule, 2>(query, rows, n);
    const auto t = sums_of<Rule, 2>(query, rows + 2, n);
    store_results(rule, s.first.all(), s.rest.first.all(), t.first.all(), t.rest.first.all(), out);
  }
}

// A block of rows in memory, `stride` elements apart.
template <class T>
struct RowBlock {
  const T* data;
  size_t stride;
  size_t dim;
  size_t count;

  const T* row(size_t r) const { return data + r * stride; }
  size_t bytes() const { return count * stride * sizeof(T); }
};

// Scans of bytes from memory are faster with the lines 4 KiB ahead prefetched (AMD EPYC of family
// 25, int8: 15.5 GB/s instead of 13.7), one row at a time (four: 12.6). Floats are not, which the
// hardware prefetches well, nor what the processor's cache holds.
inline constexpr size_t kPrefetchBytes = 4096;
inline constexpr size_t kCacheBytes = 512 << 10;

// Asks for the row that a scan of bytes needs a little later.
template <class T>
struct RowPrefetch {
  const RowBlock<T>& rows;
  size_t ahead;
  size_t end;  // rows from here on have no row so far ahead

  KINDRED_INLINE explicit RowPrefetch(const RowBlock<T>& block) : rows(block) {
    ahead = rows.stride > 0 ? kPrefetchBytes / rows.stride + 1 : 0;
    const bool is_worth_it = sizeof(T) == 1 && rows.bytes() > kCacheBytes && rows.count > ahead;
    end = is_worth_it ? rows.count - ahead : 0;
  }
  KINDRED_INLINE void at(size_t r) const {
    if (r >= end) return;
    const T* const soon = rows.row(r + ahead);
    for (size_t i = 0; i < rows.stride; i += kRowAlignment) prefetch(soon + i);
  }
};

template <class Rule>
KINDRED_INLINE void scan(const Rule& rule, const typename Rule::Element* query,
                         const RowBlock<typename Rule::Element>& rows, typename Rule::Result* out) {
  const RowPrefetch prefetch(rows);
  for (size_t r = 0; r < rows.count; ++r) {
    prefetch.at(r);
    out[r] = rule.result(sum_of_one<Rule>(query, rows.row(r), rows.dim));
  }
}

}  // namespace
}  // namespace kindred::math
