// SPDX-License-Identifier: Apache-2.0
#include "storage/graph_effort.h"

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

namespace kindred::storage {
namespace {

constexpr size_t kSamples = 100;
constexpr size_t kNearest = 10;
constexpr double kRecall = 0.98;

struct Sample {
  uint32_t row;
  size_t wanted;   // rows nearest to it, itself apart
  float farthest;  // of them
};

Sample sample_of(const CodedRows& rows, uint32_t row) {
  const CodedQuery query = rows.query(row);
  std::vector<int32_t> compared(rows.count);
  rows.kernels.scan(query.codes, query.sum, rows.codes, rows.stride, rows.stride, rows.count,
                    compared.data());
  std::vector<float> distances(rows.count);
  for (uint32_t other = 0; other < rows.count; ++other)
    distances[other] = rows.distance(row, other, compared[other]);
  distances.erase(distances.begin() + row);
  const size_t wanted = std::min(kNearest, distances.size());
  if (wanted == 0) return {row, 0, 0};
  const auto last = distances.begin() + static_cast<ptrdiff_t>(wanted - 1);
  std::nth_element(distances.begin(), last, distances.end());
  return {row, wanted, *last};
}

// Rows as near as those wanted, so many at most. By distance: where many are equally near, which
// of them are found says nothing.
size_t found_of(const Sample& sample, const CodedRows& rows, std::span<const GraphHit> hits) {
  const CodedQuery query = rows.query(sample.row);
  size_t found = 0;
  for (size_t i = 0; i < std::min(hits.size(), kNearest + 1); ++i)
    if (hits[i].row != sample.row &&
        rows.distance(sample.row, query, hits[i].row) <= sample.farthest)
      ++found;
  return std::min(found, sample.wanted);
}

double recall(const Graph& graph, const CodedRows& rows, const std::vector<Sample>& samples,
              size_t ef) {
  size_t wanted = 0;
  size_t found = 0;
  for (const Sample& sample : samples) {
    size_t distances = 0;
    const auto hits = graph.search(rows.query(sample.row), ef, nullptr, distances);
    wanted += sample.wanted;
    if (hits) found += found_of(sample, rows, *hits);
  }
  return wanted == 0 ? 1 : static_cast<double>(found) / static_cast<double>(wanted);
}

}  // namespace

size_t effort_of(const Graph& graph, const CodedRows& rows) {
  std::vector<Sample> samples;
  const size_t step = std::max<size_t>(rows.count / kSamples, 1);
  for (size_t row = 0; row < rows.count; row += step)
    samples.push_back(sample_of(rows, static_cast<uint32_t>(row)));
  size_t ef = kLeastEf;
  while (ef < kMostEf && recall(graph, rows, samples, ef) < kRecall) ef = ef * 3 / 2;
  return std::min(ef, kMostEf);
}

}  // namespace kindred::storage
