// SPDX-License-Identifier: Apache-2.0
#include "storage/graph_effort.h"

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <vector>

#include "math/kernels.h"

namespace kindred::storage {
namespace {

constexpr size_t kSamples = 100;
constexpr size_t kNearest = 10;
constexpr double kRecall = 0.98;

struct Sample {
  uint32_t row;
  std::vector<uint32_t> nearest;  // without the row itself
};

CodedQuery query_of(const CodedRows& rows, uint32_t row) {
  const bool l2 = rows.metric == math::Metric::kL2;
  return {.codes = rows.code(row),
          .sum = math::active().sum_i8(rows.code(row), rows.stride),
          .factor = l2 ? 2 * rows.numbers[row].scale : 1.0F};
}

std::vector<uint32_t> nearest(const CodedRows& rows, uint32_t row) {
  const CodedQuery query = query_of(rows, row);
  std::vector<int32_t> dots(rows.count);
  math::active().dot_i8_scan(query.codes, query.sum, rows.codes, rows.stride, rows.stride,
                             rows.count, dots.data());
  std::vector<float> distances(rows.count);
  for (uint32_t other = 0; other < rows.count; ++other)
    distances[other] = rows.distance(row, other, dots[other]);
  distances[row] = std::numeric_limits<float>::infinity();
  std::vector<uint32_t> order(rows.count);
  std::iota(order.begin(), order.end(), 0);
  const size_t wanted = std::min(kNearest, rows.count - 1);
  std::partial_sort(order.begin(), order.begin() + static_cast<ptrdiff_t>(wanted), order.end(),
                    [&](uint32_t a, uint32_t b) { return distances[a] < distances[b]; });
  order.resize(wanted);
  return order;
}

double recall(const Graph& graph, const CodedRows& rows, const std::vector<Sample>& samples,
              size_t ef) {
  size_t wanted = 0;
  size_t found = 0;
  for (const Sample& sample : samples) {
    size_t distances = 0;
    const auto hits = graph.search(query_of(rows, sample.row), ef, nullptr, distances);
    wanted += sample.nearest.size();
    if (!hits) continue;
    for (size_t i = 0; i < std::min(hits->size(), kNearest + 1); ++i)
      found += static_cast<size_t>(
          std::count(sample.nearest.begin(), sample.nearest.end(), (*hits)[i].row));
  }
  return wanted == 0 ? 1 : static_cast<double>(found) / static_cast<double>(wanted);
}

}  // namespace

size_t effort_of(const Graph& graph, const CodedRows& rows) {
  std::vector<Sample> samples;
  const size_t step = std::max<size_t>(rows.count / kSamples, 1);
  for (size_t row = 0; row < rows.count; row += step)
    samples.push_back({static_cast<uint32_t>(row), nearest(rows, static_cast<uint32_t>(row))});
  size_t ef = kLeastEf;
  while (ef < kMostEf && recall(graph, rows, samples, ef) < kRecall) ef = ef * 3 / 2;
  return std::min(ef, kMostEf);
}

}  // namespace kindred::storage
