// SPDX-License-Identifier: Apache-2.0
#include "storage/building/graph_effort.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <mutex>
#include <numeric>

#include "math/aligned.h"
#include "storage/count_common.h"
#include "storage/parallel.h"
#include "storage/sampled_row.h"

namespace kindred::storage {
namespace {

constexpr size_t kSamples = 100;
constexpr double kRecall = 0.98;

// Questions from between two rows, and how much more of what is near to them a search may find that
// enters by the most nodes.
constexpr size_t kBetween = 50;
constexpr double kMostMissed = 0.03;

// Rows that are searched for themselves, and how many of a thousand may be lost that a search which
// enters by more nodes would find. Rows that nothing leads to well are lost however it enters.
constexpr size_t kSought = 2000;
constexpr size_t kSoughtApart = 10;  // rows from one to the next, at least
constexpr size_t kMostLost = 2;
// How many of them may be lost with the graph's ef. Of sets of a few tags a third were with 64.
constexpr size_t kMostLostByEf = 10;

// How many of the ten nearest are to be among so many nearest by codes, for a graph to have them.
// A search looks at more, and int8 codes are followed by nothing that would be better but longer.
constexpr double kRecallOfPrincipal = 0.995;
constexpr size_t kNearestOfPrincipal = 45;
constexpr double kRecallOfCodes = 0.99;

// Vectors that all samples are compared with before the next ones, and those that a thread takes.
constexpr size_t kRowsAtOnce = 64;
constexpr size_t kRowsOfPart = 1024;

// What lies in the middle of two vectors; of bits, bytes of one and the other in turn.
math::AlignedBytes middle_of(const VectorSpec& spec, const std::byte* a, const std::byte* b) {
  math::AlignedBytes middle = math::make_aligned(spec.bytes());
  const auto halve = [&]<class Element>(Element) {
    const auto* const x = reinterpret_cast<const Element*>(a);
    const auto* const y = reinterpret_cast<const Element*>(b);
    std::transform(x, x + spec.dim, y, reinterpret_cast<Element*>(middle.get()),
                   [](Element of_a, Element of_b) {
                     return static_cast<Element>(of_a / Element{2} + of_b / Element{2});
                   });
  };
  if (spec.element == math::Element::kFloat32) {
    halve(float{});
  } else if (spec.element == math::Element::kInt8) {
    halve(int8_t{});
  } else {
    for (size_t i = 0; i < spec.bytes(); ++i) middle[i] = i % 2 == 0 ? a[i] : b[i];
  }
  return middle;
}

}  // namespace

GraphEffort::GraphEffort(const Segment& segment, const VectorSpec& spec, size_t threads)
    : segment_(segment),
      spec_(spec),
      threads_(threads),
      step_(std::max<size_t>(segment.rows() / kSamples, 1)) {
  for (size_t i = 0; i < segment.rows() / step_; ++i)
    samples_.push_back(sample_of(segment.vector(sampled_row(i, step_)),
                                 static_cast<uint32_t>(sampled_row(i, step_))));
  rows_ = samples_.size();
  for (size_t i = 0; i < std::min(kBetween, rows_ / 2); ++i) {
    const std::byte* const one = segment.vector(*samples_[i].row);
    const std::byte* const other = segment.vector(*samples_[i + rows_ / 2].row);
    Sample sample = sample_of(middle_of(spec, one, other).get(), {});
    if (sample.vector->has_distances()) samples_.push_back(std::move(sample));
  }
  find_nearest();
}

GraphEffort::Sample GraphEffort::sample_of(const void* vector, std::optional<uint32_t> row) const {
  auto scorer = std::make_unique<Scorer>(spec_, vector);
  const CodedQuery query = scorer->coded_query(segment_.block());
  return {row, std::move(scorer), query};
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
      if (samples_[i].row == row) continue;
      const float apart = distance(samples_[i], row);
      if (apart <= limits[i]) offers.push_back({apart, i, row});
    }
}

size_t GraphEffort::wanted(std::span<const Sample> samples, size_t nearest) noexcept {
  return std::accumulate(samples.begin(), samples.end(), size_t{0},
                         [nearest](size_t sum, const Sample& sample) {
                           return sum + std::min(nearest, sample.distances.size());
                         });
}

// Of the distances of those wanted, so many at most, how many are found. Where many rows are
// equally near, which of them are found says nothing.
template <class Row>
size_t GraphEffort::found_of(const Sample& sample, size_t nearest,
                             std::span<const Row> looked_at) const {
  const size_t most = std::min(nearest, sample.distances.size());
  if (most == 0) return 0;
  const std::span<const float> sought(sample.distances.data(), most);
  std::vector<float> found;
  for (const Row& each : looked_at)
    if (sample.row != each.row) found.push_back(distance(sample, each.row));
  std::sort(found.begin(), found.end());
  return count_common(std::span<const float>(found), sought);
}

size_t GraphEffort::found_by_keys(const Sample& sample, size_t looked_at,
                                  const std::vector<float>& keys) const {
  math::TopK<uint32_t> nearest(looked_at);
  for (uint32_t row = 0; row < keys.size(); ++row) nearest.offer(keys[row], row);
  std::vector<GraphHit> hits;
  for (const auto& [key, row] : nearest.finish()) hits.push_back({key, row});
  return found_of(sample, kFewNearest, std::span<const GraphHit>(hits));
}

size_t GraphEffort::found_by_graph(const Sample& sample, size_t nearest, const Graph& graph,
                                   SearchEffort effort) const {
  size_t distances = 0;
  const auto hits = graph.search(sample.query, effort, nullptr, distances);
  if (!hits) return 0;
  const size_t most = spec_.prefix > 0 ? hits->size() : std::max(3 * nearest, kLeastLookedAt);
  return found_of(sample, nearest, hits->first(std::min(hits->size(), most)));
}

template <class CountOf>
size_t GraphEffort::sum_of(std::span<const Sample> samples, const CountOf& count_of) const {
  std::atomic<size_t> sum{0};
  in_parallel(samples.size(), threads_, [&](size_t i) { sum += count_of(samples[i]); });
  return sum;
}

bool GraphEffort::is_enough(const CodedRows& rows) const {
  const size_t found = sum_of(row_samples(), [&](const Sample& sample) {
    std::vector<float> keys(rows.count);
    const CodedQuery query = rows.query(*sample.row);
    rows.kernels.scan(query.codes, query.sum, rows.codes, rows.stride, rows.stride, rows.count,
                      keys.data());
    for (uint32_t row = 0; row < rows.count; ++row)
      keys[row] = rows.key(*sample.row, row, keys[row]);
    return found_by_keys(sample, kLeastLookedAt, keys);
  });
  return static_cast<double>(found) >=
         kRecallOfCodes * static_cast<double>(wanted(row_samples(), kFewNearest));
}

bool GraphEffort::is_enough(const CodedRows& rows, const PrincipalAxes& axes,
                            const std::byte* codes) const {
  const CodeKernels kernels = CodeKernels::of_4_bit_codes(spec_);
  const size_t found = sum_of(row_samples(), [&](const Sample& sample) {
    PrincipalQuery principal;
    std::vector<float> keys(rows.count);
    const CodedQuery query = principal.along(axes, rows.query(*sample.row));
    kernels.scan(query.codes, query.sum, reinterpret_cast<const int8_t*>(codes), axes.code_bytes(),
                 axes.code_bytes(), rows.count, keys.data());
    for (uint32_t row = 0; row < rows.count; ++row)
      keys[row] = numbers_of(codes + row * axes.code_bytes()).key(query.factor(), keys[row]);
    return found_by_keys(sample, kNearestOfPrincipal, keys);
  });
  return static_cast<double>(found) >=
         kRecallOfPrincipal * static_cast<double>(wanted(row_samples(), kFewNearest));
}

// Of the sample's rows; none of one that has equals, which are near to it.
std::vector<std::optional<uint32_t>> GraphEffort::nodes_of_rows(const Graph& graph) const {
  std::vector<std::optional<uint32_t>> nodes(rows_);
  for (uint32_t node = 0; node < graph.size(); ++node) {
    const RowPlaces places = graph.places_of(node);
    const uint32_t row = graph.row_at(places.begin);
    const size_t i = std::min(row / step_, rows_ - 1);
    if (samples_[i].row == row && places.end - places.begin == 1) nodes[i] = node;
  }
  return nodes;
}

// With which searches find kRecall of so many nearest. A row's own links tell where its neighbours
// are, so that it is left out of the search for them: of 20,000 normally distributed vectors (64
// dimensions) ef 64 finds 0.98 for rows, and 0.75 to 0.85 for others.
size_t GraphEffort::smallest_ef(size_t nearest, const Graph& graph, SearchEffort effort,
                                size_t most) const {
  const std::vector<std::optional<uint32_t>> nodes = nodes_of_rows(graph);
  const double enough = kRecall * static_cast<double>(wanted(row_samples(), nearest));
  for (; effort.ef < most; effort.ef = effort.ef * 3 / 2) {
    const size_t found = sum_of(row_samples(), [&](const Sample& sample) {
      SearchEffort of_others = effort;
      of_others.left_out = nodes[*sample.row / step_];
      return found_by_graph(sample, nearest, graph, of_others);
    });
    if (static_cast<double>(found) >= enough) return effort.ef;
  }
  return most;
}

bool GraphEffort::is_lost(const Graph& graph, uint32_t row, SearchEffort effort,
                          size_t looked_at) const {
  const Sample sought = sample_of(segment_.vector(row), row);
  size_t distances = 0;
  const auto hits = graph.search(sought.query, effort, nullptr, distances);
  if (!hits) return true;
  const float own = distance(sought, row);  // others may be as near, or nearer by a dot product
  const auto first = hits->first(std::min(hits->size(), looked_at));
  return std::none_of(first.begin(), first.end(), [&](const GraphHit& hit) {
    return hit.row == row || distance(sought, hit.row) <= own;
  });
}

float GraphEffort::growth() const {
  if (spec_.metric == math::Metric::kDot) return 0;
  std::vector<double> ratios;
  for (const Sample& sample : row_samples()) {
    const std::vector<float>& distances = sample.distances;
    if (distances.size() < kManyNearest || !(distances[kFewNearest - 1] > 0)) continue;
    ratios.push_back(double{distances[kManyNearest - 1]} / distances[kFewNearest - 1]);
  }
  if (2 * ratios.size() <= rows_) return 0;
  const auto median = ratios.begin() + static_cast<ptrdiff_t>(ratios.size() / 2);
  std::nth_element(ratios.begin(), median, ratios.end());
  const double power = spec_.metric == math::Metric::kL2 ? 2 : 1;
  const double steepness = power * std::log(*median);
  const double count = std::log(static_cast<double>(kManyNearest) / kFewNearest);
  return count < kMostGrowth * steepness ? static_cast<float>(count / steepness) : 0.0F;
}

// Of a thousand of the rows that are searched for themselves, those that are not among the first of
// their hits.
double GraphEffort::lost(const Graph& graph, SearchEffort effort, size_t looked_at) const {
  const size_t step = std::max(segment_.rows() / kSought, kSoughtApart);
  const size_t sought = segment_.rows() / step;
  std::atomic<size_t> lost{0};
  in_parallel(sought, threads_, [&](size_t i) {
    if (is_lost(graph, static_cast<uint32_t>(sampled_row(i, step)), effort, looked_at)) ++lost;
  });
  return 1000 * static_cast<double>(lost) / static_cast<double>(std::max<size_t>(sought, 1));
}

// A search that enters by one node may come to a wrong cluster, which no ef below the size of that
// lets it leave. Rows find the way to their own more easily than questions from between clusters.
size_t GraphEffort::entries_of(const Graph& graph) const {
  const auto lost_by = [&](size_t entries) {
    return lost(graph, {kLeastEf, entries, kFewNearest}, kFewNearest);
  };
  const auto found_by = [&](size_t entries) {
    return static_cast<double>(sum_of(between_samples(), [&](const Sample& sample) {
      return found_by_graph(sample, kFewNearest, graph, {kLeastEf, entries, kFewNearest});
    }));
  };
  const double enough = found_by(kMostEntries) -
                        kMostMissed * static_cast<double>(wanted(between_samples(), kFewNearest));
  std::optional<double> least_lost;  // by the most entries
  for (size_t entries = 1; entries < kMostEntries; entries *= 4) {
    if (found_by(entries) < enough) continue;
    const double lost = lost_by(entries);
    if (lost <= kMostLost) return entries;
    if (!least_lost) least_lost = lost_by(kMostEntries);
    if (lost <= *least_lost + kMostLost) return entries;
  }
  return kMostEntries;
}

SearchEffort GraphEffort::of(const Graph& graph) const {
  const size_t most = spec_.prefix > 0 ? kMostEfOfPrefix : kMostEf;
  SearchEffort effort{kLeastEf, entries_of(graph), kFewNearest};
  effort.ef = smallest_ef(kFewNearest, graph, effort, most);
  while (effort.ef < most && lost(graph, effort, kLeastLookedAt) > kMostLostByEf)
    effort.ef = std::min(effort.ef * 3 / 2, most);
  return effort;
}

size_t GraphEffort::of_hundred(const Graph& graph, SearchEffort of_ten) const {
  if (spec_.prefix > 0) return 0;
  of_ten.ef = std::max(of_ten.ef, kManyNearest);
  of_ten.nearest = kManyNearest;
  return smallest_ef(kManyNearest, graph, of_ten, kMostEfOfHundred);
}

}  // namespace kindred::storage
