// SPDX-License-Identifier: Apache-2.0
#include "storage/graph_effort.h"

#include <algorithm>
#include <limits>

#include "math/top_k.h"

namespace kindred::storage {
namespace {

constexpr size_t kSamples = 100;
constexpr size_t kNearest = 10;
constexpr double kRecall = 0.98;

// How many of the ten nearest are to be among so many nearest by principal codes, for a graph to
// have them.
constexpr double kRecallOfPrincipal = 0.995;
constexpr size_t kNearestOfPrincipal = 45;

// Vectors that all samples are compared with before the next ones.
constexpr size_t kRowsAtOnce = 64;

}  // namespace

GraphEffort::GraphEffort(const CodedRows& rows, const Segment& segment, const VectorSpec& spec)
    : rows_(rows), segment_(segment), spec_(spec) {
  const size_t step = std::max<size_t>(rows.count / kSamples, 1);
  for (size_t row = 0; row < rows.count; row += step)
    samples_.push_back({static_cast<uint32_t>(row)});
  if (spec.prefix > 0)
    find_nearest_vectors();
  else
    for (Sample& sample : samples_) find_nearest_codes(sample);
}

float GraphEffort::distance(const Sample& a, const CodedQuery& codes_of_a, uint32_t b) const {
  return a.vector ? distance(*a.vector, b) : rows_.distance(a.row, codes_of_a, b);
}

float GraphEffort::distance(const Scorer& a, uint32_t b) const {
  constexpr double kMost = std::numeric_limits<float>::max();
  const double distance = a.exact(segment_.block(), b).value_or(kMost);
  return static_cast<float>(std::clamp(distance, -kMost, kMost));
}

void GraphEffort::find_nearest_codes(Sample& sample) const {
  const CodedQuery query = rows_.query(sample.row);
  std::vector<float> compared(rows_.count);
  rows_.kernels.scan(query.codes, query.sum, rows_.codes, rows_.stride, rows_.stride, rows_.count,
                     compared.data());
  math::TopK<uint32_t> nearest(kNearest);
  for (uint32_t other = 0; other < rows_.count; ++other)
    if (other != sample.row)
      nearest.offer(rows_.distance(sample.row, other, compared[other]), other);
  sample.wanted = nearest.size();
  if (sample.wanted == 0) return;
  for (const auto& [distance, row] : nearest.finish()) {
    sample.nearest.push_back(row);
    sample.farthest = distance;
  }
}

// In one pass over the vectors for all samples, a few rows at a time, which stay in the processor's
// cache meanwhile.
void GraphEffort::find_nearest_vectors() {
  for (Sample& sample : samples_)
    sample.vector = std::make_unique<Scorer>(spec_, segment_.vector(sample.row));
  std::vector<math::TopK<uint32_t>> nearest(samples_.size(), math::TopK<uint32_t>(kNearest));
  const size_t releasing = Mapping::kReleaseBytes / spec_.bytes() / kRowsAtOnce + 1;
  for (size_t first = 0; first < rows_.count; first += kRowsAtOnce) {
    if (first / kRowsAtOnce % releasing == releasing - 1) segment_.release_pages();
    const size_t end = std::min(first + kRowsAtOnce, rows_.count);
    for (size_t row = first; row < end; ++row) segment_.verify_exact(row);
    for (size_t i = 0; i < samples_.size(); ++i)
      for (auto row = static_cast<uint32_t>(first); row < end; ++row)
        if (row != samples_[i].row) nearest[i].offer(distance(*samples_[i].vector, row), row);
  }
  for (size_t i = 0; i < samples_.size(); ++i) {
    samples_[i].wanted = nearest[i].size();
    if (samples_[i].wanted > 0) samples_[i].farthest = nearest[i].finish().back().distance;
  }
}

bool GraphEffort::is_enough(const PrincipalAxes& axes, const std::byte* codes) const {
  const CodeKernels kernels = CodeKernels::of_4_bit_codes(spec_);
  PrincipalQuery principal;
  size_t wanted = 0;
  size_t found = 0;
  std::vector<float> keys(rows_.count);
  for (const Sample& sample : samples_) {
    const CodedQuery query = principal.along(axes, rows_.query(sample.row));
    kernels.scan(query.codes, query.sum, reinterpret_cast<const int8_t*>(codes), axes.code_bytes(),
                 axes.code_bytes(), rows_.count, keys.data());
    math::TopK<uint32_t> looked_at(kNearestOfPrincipal);
    for (uint32_t row = 0; row < rows_.count; ++row) {
      keys[row] = numbers_of(codes + row * axes.code_bytes()).key(query.factor(), keys[row]);
      looked_at.offer(keys[row], row);
    }
    const float last = looked_at.finish().back().distance;
    wanted += sample.nearest.size();
    found += static_cast<size_t>(std::count_if(sample.nearest.begin(), sample.nearest.end(),
                                               [&](uint32_t row) { return keys[row] <= last; }));
  }
  return static_cast<double>(found) >= kRecallOfPrincipal * static_cast<double>(wanted);
}

// Rows as near as those wanted, so many at most, among those that a search would look at. By
// distance: where many are equally near, which of them are found says nothing.
size_t GraphEffort::found_of(const Sample& sample, std::span<const GraphHit> hits) const {
  const CodedQuery query = rows_.query(sample.row);
  const size_t looked_at = sample.vector ? hits.size() : std::min(hits.size(), kLeastLookedAt);
  size_t found = 0;
  for (size_t i = 0; i < looked_at; ++i)
    if (hits[i].row != sample.row && distance(sample, query, hits[i].row) <= sample.farthest)
      ++found;
  return std::min(found, sample.wanted);
}

double GraphEffort::recall(const Graph& graph, size_t ef) const {
  size_t wanted = 0;
  size_t found = 0;
  for (const Sample& sample : samples_) {
    size_t distances = 0;
    const auto hits = graph.search(rows_.query(sample.row), ef, nullptr, distances);
    wanted += sample.wanted;
    if (hits) found += found_of(sample, *hits);
  }
  return wanted == 0 ? 1 : static_cast<double>(found) / static_cast<double>(wanted);
}

size_t GraphEffort::ef_of(const Graph& graph) const {
  const size_t most = spec_.prefix > 0 ? kMostEfOfPrefix : kMostEf;
  size_t ef = kLeastEf;
  while (ef < most && recall(graph, ef) < kRecall) ef = ef * 3 / 2;
  return std::min(ef, most);
}

}  // namespace kindred::storage
