// SPDX-License-Identifier: Apache-2.0
#include "storage/graph_effort.h"

#include <algorithm>
#include <atomic>
#include <limits>
#include <mutex>
#include <numeric>

#include "storage/parallel.h"

namespace kindred::storage {
namespace {

constexpr size_t kSamples = 100;
constexpr double kRecall = 0.98;

// Rows that are searched for themselves, and how many of a thousand may be lost that a search which
// enters by more nodes would find. Rows that nothing leads to well are lost however it enters.
constexpr size_t kSought = 2000;
constexpr size_t kSoughtApart = 10;  // rows from one to the next, at least
constexpr size_t kMostLost = 2;

// How many of the ten nearest are to be among so many nearest by codes, for a graph to have them.
// A search looks at more, and int8 codes are followed by nothing that would be better but longer.
constexpr double kRecallOfPrincipal = 0.995;
constexpr size_t kNearestOfPrincipal = 45;
constexpr double kRecallOfCodes = 0.99;

// Vectors that all samples are compared with before the next ones, and those that a thread takes.
constexpr size_t kRowsAtOnce = 64;
constexpr size_t kRowsOfPart = 1024;

}  // namespace

GraphEffort::GraphEffort(const Segment& segment, const VectorSpec& spec, size_t threads)
    : segment_(segment), spec_(spec), threads_(threads) {
  const size_t step = std::max<size_t>(segment.rows() / kSamples, 1);
  for (size_t row = 0; row < segment.rows(); row += step)
    samples_.push_back(
        {static_cast<uint32_t>(row), std::make_unique<const Scorer>(spec, segment.vector(row))});
  find_nearest();
}

float GraphEffort::distance(const Sample& a, uint32_t b) const {
  constexpr double kMost = std::numeric_limits<float>::max();
  const double distance = a.vector->exact(segment_.block(), b).value_or(kMost);
  return static_cast<float>(std::clamp(distance, -kMost, kMost));
}

// In one pass over the vectors for all samples, a few rows at a time, which stay in the processor's
// cache meanwhile.
void GraphEffort::find_nearest() {
  Nearest nearest(samples_.size(), math::TopK<uint32_t>(kManyNearest));
  std::mutex mutex;  // guards it
  const size_t releasing = Mapping::kReleaseBytes / spec_.bytes() / kRowsOfPart + 1;
  in_parallel((segment_.rows() + kRowsOfPart - 1) / kRowsOfPart, threads_, [&](size_t part) {
    if (part % releasing == releasing - 1) segment_.release_pages();
    std::vector<float> limits;
    {
      const std::lock_guard lock(mutex);
      for (const auto& known : nearest) limits.push_back(known.threshold());
    }
    std::vector<Offer> offers;
    const size_t end = std::min((part + 1) * kRowsOfPart, segment_.rows());
    for (size_t first = part * kRowsOfPart; first < end; first += kRowsAtOnce)
      compare_rows(first, std::min(first + kRowsAtOnce, end), limits, offers);
    const std::lock_guard lock(mutex);
    for (const Offer& offer : offers) nearest[offer.sample].offer(offer.distance, offer.row);
  });
  for (size_t i = 0; i < samples_.size(); ++i)
    for (const auto& [distance, row] : nearest[i].finish())
      samples_[i].distances.push_back(distance);
}

// Those of the rows that are no farther from a sample than its limit.
void GraphEffort::compare_rows(size_t first, size_t end, std::span<const float> limits,
                               std::vector<Offer>& offers) const {
  for (size_t row = first; row < end; ++row) segment_.verify_exact(row);
  for (uint32_t i = 0; i < samples_.size(); ++i)
    for (auto row = static_cast<uint32_t>(first); row < end; ++row) {
      if (row == samples_[i].row) continue;
      const float apart = distance(samples_[i], row);
      if (apart <= limits[i]) offers.push_back({apart, i, row});
    }
}

size_t GraphEffort::wanted(size_t nearest) const noexcept {
  return std::accumulate(samples_.begin(), samples_.end(), size_t{0},
                         [nearest](size_t sum, const Sample& sample) {
                           return sum + std::min(nearest, sample.distances.size());
                         });
}

// Rows as near as those wanted, so many at most. By distance: where many are equally near, which of
// them are found says nothing.
template <class Row>
size_t GraphEffort::found_of(const Sample& sample, size_t nearest,
                             std::span<const Row> looked_at) const {
  const size_t most = std::min(nearest, sample.distances.size());
  if (most == 0) return 0;
  const float farthest = sample.distances[most - 1];
  const auto found = std::count_if(looked_at.begin(), looked_at.end(), [&](const Row& each) {
    return each.row != sample.row && distance(sample, each.row) <= farthest;
  });
  return std::min(static_cast<size_t>(found), most);
}

size_t GraphEffort::found_by_keys(const Sample& sample, size_t looked_at,
                                  const std::vector<float>& keys) const {
  math::TopK<uint32_t> nearest(looked_at);
  for (uint32_t row = 0; row < keys.size(); ++row) nearest.offer(keys[row], row);
  std::vector<GraphHit> hits;
  for (const auto& [key, row] : nearest.finish()) hits.push_back({key, row});
  return found_of(sample, kFewNearest, std::span<const GraphHit>(hits));
}

template <class CountOf>
size_t GraphEffort::sum_of_samples(const CountOf& count_of) const {
  std::atomic<size_t> sum{0};
  in_parallel(samples_.size(), threads_, [&](size_t i) { sum += count_of(samples_[i]); });
  return sum;
}

bool GraphEffort::is_enough(const CodedRows& rows) const {
  const size_t found = sum_of_samples([&](const Sample& sample) {
    std::vector<float> keys(rows.count);
    const CodedQuery query = rows.query(sample.row);
    rows.kernels.scan(query.codes, query.sum, rows.codes, rows.stride, rows.stride, rows.count,
                      keys.data());
    for (uint32_t row = 0; row < rows.count; ++row)
      keys[row] = rows.key(sample.row, row, keys[row]);
    return found_by_keys(sample, kLeastLookedAt, keys);
  });
  return static_cast<double>(found) >= kRecallOfCodes * static_cast<double>(wanted(kFewNearest));
}

bool GraphEffort::is_enough(const CodedRows& rows, const PrincipalAxes& axes,
                            const std::byte* codes) const {
  const CodeKernels kernels = CodeKernels::of_4_bit_codes(spec_);
  const size_t found = sum_of_samples([&](const Sample& sample) {
    PrincipalQuery principal;
    std::vector<float> keys(rows.count);
    const CodedQuery query = principal.along(axes, rows.query(sample.row));
    kernels.scan(query.codes, query.sum, reinterpret_cast<const int8_t*>(codes), axes.code_bytes(),
                 axes.code_bytes(), rows.count, keys.data());
    for (uint32_t row = 0; row < rows.count; ++row)
      keys[row] = numbers_of(codes + row * axes.code_bytes()).key(query.factor(), keys[row]);
    return found_by_keys(sample, kNearestOfPrincipal, keys);
  });
  return static_cast<double>(found) >=
         kRecallOfPrincipal * static_cast<double>(wanted(kFewNearest));
}

// Whether searches find kRecall of so many nearest rows.
bool GraphEffort::finds(size_t nearest, const CodedRows& rows, const Graph& graph,
                        SearchEffort effort) const {
  const size_t found = sum_of_samples([&](const Sample& sample) -> size_t {
    size_t distances = 0;
    const auto hits = graph.search(rows.query(sample.row), effort, nullptr, distances);
    if (!hits) return 0;
    const size_t most = spec_.prefix > 0 ? hits->size() : std::max(3 * nearest, kLeastLookedAt);
    return found_of(sample, nearest, hits->first(std::min(hits->size(), most)));
  });
  return static_cast<double>(found) >= kRecall * static_cast<double>(wanted(nearest));
}

bool GraphEffort::is_lost(const CodedRows& rows, const Graph& graph, uint32_t row,
                          size_t entries) const {
  const Sample sought{row, std::make_unique<const Scorer>(spec_, segment_.vector(row))};
  size_t distances = 0;
  const auto hits = graph.search(rows.query(row), {kLeastEf, entries}, nullptr, distances);
  if (!hits) return true;
  const float own = distance(sought, row);  // others may be as near, or nearer by a dot product
  const auto first = hits->first(std::min(hits->size(), kFewNearest));
  return std::none_of(first.begin(), first.end(), [&](const GraphHit& hit) {
    return hit.row == row || distance(sought, hit.row) <= own;
  });
}

// A search that enters by one node may come to a wrong cluster, which no ef below the size of that
// lets it leave.
size_t GraphEffort::entries_of(const CodedRows& rows, const Graph& graph) const {
  const size_t step = std::max(rows.count / kSought, kSoughtApart);
  const auto lost_by = [&](size_t entries) {
    std::atomic<size_t> lost{0};
    in_parallel((rows.count + step - 1) / step, threads_, [&](size_t i) {
      if (is_lost(rows, graph, static_cast<uint32_t>(i * step), entries)) ++lost;
    });
    return lost.load();
  };
  const size_t most = rows.count / step * kMostLost / 1000;
  if (lost_by(1) <= most) return 1;
  const size_t least = lost_by(kMostEntries);
  size_t entries = 1;
  while (entries < kMostEntries && lost_by(entries) > least + most) entries *= 4;
  return entries;
}

SearchEffort GraphEffort::of(const CodedRows& rows, const Graph& graph) const {
  const size_t most = spec_.prefix > 0 ? kMostEfOfPrefix : kMostEf;
  SearchEffort effort{kLeastEf, entries_of(rows, graph)};
  while (effort.ef < most && !finds(kFewNearest, rows, graph, effort))
    effort.ef = effort.ef * 3 / 2;
  effort.ef = std::min(effort.ef, most);
  return effort;
}

size_t GraphEffort::of_hundred(const CodedRows& rows, const Graph& graph,
                               SearchEffort of_ten) const {
  if (spec_.prefix > 0) return 0;
  SearchEffort effort = of_ten;
  effort.ef = std::max(effort.ef, kManyNearest);
  while (effort.ef < kMostEfOfHundred && !finds(kManyNearest, rows, graph, effort))
    effort.ef = effort.ef * 3 / 2;
  return std::min(effort.ef, kMostEfOfHundred);
}

}  // namespace kindred::storage
