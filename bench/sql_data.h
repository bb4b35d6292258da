// What bench_sql asks about: vectors, queries, metadata and the exact answers.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include "bench/clustered.h"

namespace kindred::bench {

inline constexpr size_t kDim = 384;
inline constexpr size_t kQueries = 100;
inline constexpr size_t kK = 10;

using Ids = std::vector<int64_t>;

struct Settings {
  std::string kindred;
  std::string vec0;
  std::string vectorlite;
  size_t rows = 100000;
  size_t rounds = 5;
  std::string only;
  bool wants(const std::string& part) const {
    return only.empty() || ("," + only + ",").find("," + part + ",") != std::string::npos;
  }
};

// A row's metadata: `share` of the rows, spread at random, have 7 in the column.
struct Filter {
  const char* column;
  const char* label;
  double share;
};
inline constexpr Filter kFilters[] = {{"tenth_percent", "0.1 %", 0.001},
                                      {"one_percent", "1 %", 0.01},
                                      {"ten_percent", "10 %", 0.1},
                                      {"half", "50 %", 0.5},
                                      {"ninety_percent", "90 %", 0.9}};

struct Data {
  explicit Data(size_t n) : rows(n) {
    Clustered source(kDim, 1);
    vectors = source.rows(n);
    queries = source.rows(kQueries);
    fresh = source.rows(std::min<size_t>(n, 20000));
    Normal random(2);
    for (size_t f = 0; f < std::size(kFilters); ++f) {
      std::vector<int64_t>& values = metadata.emplace_back(n);
      for (int64_t& value : values) value = random.uniform() <= kFilters[f].share ? 7 : 3;
    }
    for (size_t q = 0; q < kQueries; ++q) {
      std::vector<double>& distances = exact.emplace_back(n);
      for (size_t i = 0; i < n; ++i) distances[i] = cosine_distance(query(q), row(i));
    }
  }
  std::span<const float> row(size_t i) const { return {vectors.data() + i * kDim, kDim}; }
  std::span<const float> query(size_t q) const { return {queries.data() + q * kDim, kDim}; }
  std::span<const float> other(size_t i) const {
    return {fresh.data() + i * kDim % fresh.size(), kDim};
  }

  static double cosine_distance(std::span<const float> a, std::span<const float> b) {
    double dot[8] = {}, aa[8] = {}, bb[8] = {};
    for (size_t d = 0; d < kDim; d += 8)
      for (size_t j = 0; j < 8; ++j) {
        const double x = a[d + j], y = b[d + j];
        dot[j] += x * y;
        aa[j] += x * x;
        bb[j] += y * y;
      }
    const auto sum = [](const double* v) { return std::accumulate(v, v + 8, 0.0); };
    return 1.0 - sum(dot) / std::sqrt(sum(aa) * sum(bb));
  }

  // Ids (from 1) of the k nearest rows that `passes` lets through.
  Ids nearest(size_t q, const std::function<bool(size_t)>& passes) const {
    Ids ids;
    for (size_t i = 0; i < rows; ++i)
      if (passes(i)) ids.push_back(static_cast<int64_t>(i + 1));
    const size_t k = std::min(kK, ids.size());
    const auto nearer = [&](int64_t a, int64_t b) {
      return exact[q][static_cast<size_t>(a - 1)] < exact[q][static_cast<size_t>(b - 1)];
    };
    std::partial_sort(ids.begin(), ids.begin() + static_cast<ptrdiff_t>(k), ids.end(), nearer);
    ids.resize(k);
    return ids;
  }

  size_t rows;
  std::vector<float> vectors;
  std::vector<float> queries;
  std::vector<float> fresh;
  std::vector<std::vector<int64_t>> metadata;  // a filter, a row
  std::vector<std::vector<double>> exact;      // a query, a row
};

}  // namespace kindred::bench
