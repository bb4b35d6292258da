// SPDX-License-Identifier: Apache-2.0
#include "storage/graph_effort.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <vector>

#include "math/top_k.h"
#include "storage/scorer.h"

namespace kindred::storage {
namespace {

constexpr size_t kSamples = 100;
constexpr size_t kNearest = 10;
constexpr double kRecall = 0.98;

// Vectors that all samples are compared with before the next ones.
constexpr size_t kRowsAtOnce = 64;

// A row that is searched for.
struct Sample {
  uint32_t row;
  // What compares it with others where codes are of a prefix; else nullptr: codes do.
  std::unique_ptr<const Scorer> vector = nullptr;
  size_t wanted = 0;   // rows nearest to it, itself apart
  float farthest = 0;  // of them
};

// Rows and vectors of one segment.
struct Rows {
  const CodedRows& coded;
  const Segment& segment;

  float distance(const Sample& a, const CodedQuery& codes_of_a, uint32_t b) const {
    return a.vector ? distance(*a.vector, b) : coded.distance(a.row, codes_of_a, b);
  }
  float distance(const Scorer& a, uint32_t b) const {
    constexpr double kMost = std::numeric_limits<float>::max();
    const double distance = a.exact(segment.block(), b).value_or(kMost);
    return static_cast<float>(std::clamp(distance, -kMost, kMost));
  }
};

std::vector<Sample> draw(size_t rows) {
  std::vector<Sample> samples;
  const size_t step = std::max<size_t>(rows / kSamples, 1);
  for (size_t row = 0; row < rows; row += step) samples.push_back({static_cast<uint32_t>(row)});
  return samples;
}

void find_nearest_codes(const CodedRows& rows, Sample& sample) {
  const CodedQuery query = rows.query(sample.row);
  std::vector<float> compared(rows.count);
  rows.kernels.scan(query.codes, query.sum, rows.codes, rows.stride, rows.stride, rows.count,
                    compared.data());
  std::vector<float> distances(rows.count);
  for (uint32_t other = 0; other < rows.count; ++other)
    distances[other] = rows.distance(sample.row, other, compared[other]);
  distances.erase(distances.begin() + sample.row);
  sample.wanted = std::min(kNearest, distances.size());
  if (sample.wanted == 0) return;
  const auto last = distances.begin() + static_cast<ptrdiff_t>(sample.wanted - 1);
  std::nth_element(distances.begin(), last, distances.end());
  sample.farthest = *last;
}

// In one pass over the vectors for all samples, a few rows at a time, which stay in the processor's
// cache meanwhile.
void find_nearest_vectors(const Rows& rows, const VectorSpec& spec, std::vector<Sample>& samples) {
  for (Sample& sample : samples)
    sample.vector = std::make_unique<Scorer>(spec, rows.segment.vector(sample.row));
  std::vector<math::TopK<uint32_t>> nearest(samples.size(), math::TopK<uint32_t>(kNearest));
  const size_t count = rows.coded.count;
  const size_t releasing = Mapping::kReleaseBytes / spec.bytes() / kRowsAtOnce + 1;
  for (size_t first = 0; first < count; first += kRowsAtOnce) {
    if (first / kRowsAtOnce % releasing == releasing - 1) rows.segment.release_pages();
    const size_t end = std::min(first + kRowsAtOnce, count);
    for (size_t row = first; row < end; ++row) rows.segment.verify_exact(row);
    for (size_t i = 0; i < samples.size(); ++i)
      for (auto row = static_cast<uint32_t>(first); row < end; ++row)
        if (row != samples[i].row) nearest[i].offer(rows.distance(*samples[i].vector, row), row);
  }
  for (size_t i = 0; i < samples.size(); ++i) {
    samples[i].wanted = nearest[i].size();
    if (samples[i].wanted > 0) samples[i].farthest = nearest[i].finish().back().distance;
  }
}

// Rows as near as those wanted, so many at most, among those that a search would look at. By
// distance: where many are equally near, which of them are found says nothing.
size_t found_of(const Sample& sample, const Rows& rows, std::span<const GraphHit> hits) {
  const CodedQuery query = rows.coded.query(sample.row);
  const size_t looked_at = sample.vector ? hits.size() : std::min(hits.size(), kLeastLookedAt);
  size_t found = 0;
  for (size_t i = 0; i < looked_at; ++i)
    if (hits[i].row != sample.row && rows.distance(sample, query, hits[i].row) <= sample.farthest)
      ++found;
  return std::min(found, sample.wanted);
}

double recall(const Graph& graph, const Rows& rows, const std::vector<Sample>& samples, size_t ef) {
  size_t wanted = 0;
  size_t found = 0;
  for (const Sample& sample : samples) {
    size_t distances = 0;
    const auto hits = graph.search(rows.coded.query(sample.row), ef, nullptr, distances);
    wanted += sample.wanted;
    if (hits) found += found_of(sample, rows, *hits);
  }
  return wanted == 0 ? 1 : static_cast<double>(found) / static_cast<double>(wanted);
}

}  // namespace

size_t effort_of(const Graph& graph, const CodedRows& coded, const Segment& segment,
                 const VectorSpec& spec) {
  const Rows rows{coded, segment};
  std::vector<Sample> samples = draw(coded.count);
  if (spec.prefix > 0)
    find_nearest_vectors(rows, spec, samples);
  else
    for (Sample& sample : samples) find_nearest_codes(coded, sample);
  const size_t most = spec.prefix > 0 ? kMostEfOfPrefix : kMostEf;
  size_t ef = kLeastEf;
  while (ef < most && recall(graph, rows, samples, ef) < kRecall) ef = ef * 3 / 2;
  return std::min(ef, most);
}

}  // namespace kindred::storage
