// SPDX-License-Identifier: Apache-2.0
#include "tests/support/graph_file.h"

#include <stdlib.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <set>
#include <stdexcept>

#include "math/metric.h"
#include "storage/building/graph_builder.h"
#include "storage/file.h"
#include "storage/segments/segment_writer.h"

namespace kindred::test {
namespace {

using math::Element;
using storage::Neighbor;

constexpr size_t kCentres = 100;
constexpr size_t kTwins = 300;

// Near normal.
float noise(Random& random) {
  return random.uniform() + random.uniform() + random.uniform();
}

}  // namespace

Clusters::Clusters(const storage::VectorSpec& spec, std::string shape, Random& random)
    : spec_(spec), shape_(std::move(shape)) {
  for (size_t i = 0; i < kCentres; ++i) {
    std::vector<float> centre(spec.dim);
    if (shape_ != "even")
      for (float& x : centre) x = noise(random);
    centres_.push_back(std::move(centre));
    lengths_.push_back(std::pow(10.0F, random.uniform()));
    offsets_.push_back(random.uniform() * lengths_.back());
  }
  if (shape_ != "twins") return;
  for (size_t i = 0; i < kTwins; ++i) twins_.push_back(drawn(random));
}

std::string Clusters::vector(Random& random) const {
  return twins_.empty() ? drawn(random) : random.pick(twins_);
}

std::string Clusters::drawn(Random& random) const {
  const auto c = static_cast<size_t>(random.below(kCentres));
  std::vector<float> v = centres_[c];
  for (float& x : v) {
    x += (shape_ == "tight" ? 0.14F : 0.5F) * noise(random);
    if (shape_ == "norms") x = x * lengths_[c] + offsets_[c];
    if (shape_ == "pixels") x = std::clamp(std::round(x * 50 + 100), 0.0F, 255.0F);
  }
  if (shape_ == "prefix")
    for (size_t d = spec_.prefix; d < spec_.dim; ++d) v[d] *= 0.5F;
  std::string bytes(spec_.bytes(), '\0');
  if (spec_.element == Element::kFloat32) {
    std::memcpy(bytes.data(), v.data(), bytes.size());
  } else if (spec_.element == Element::kBit) {
    for (size_t i = 0; i < v.size(); ++i)
      if (v[i] > 0) bytes[i / 8] = static_cast<char>(bytes[i / 8] | 1 << i % 8);
  } else {
    for (size_t i = 0; i < v.size(); ++i)
      bytes[i] = static_cast<char>(std::clamp(std::round(v[i] * 30), -128.0F, 127.0F));
  }
  return bytes;
}

std::vector<std::string> Clusters::vectors(size_t count, Random& random) const {
  std::vector<std::string> all(count);
  for (std::string& v : all) v = vector(random);
  return all;
}

void GraphFile::write_segment(const std::string& path, const storage::VectorSpec& spec,
                              const std::vector<std::string>& vectors) {
  storage::SegmentWriter writer(path, spec, kIdentity);
  for (size_t row = 0; row < vectors.size(); ++row)
    writer.append(static_cast<int64_t>(row), vectors[row]);
  writer.finish([](size_t) { return true; });
}

GraphFile::GraphFile(const storage::VectorSpec& spec, std::vector<std::string> vectors)
    : spec_(spec) {
  write_segment(folder_.file("17.kin"), spec, vectors);
  segment_ = storage::Segment::open(folder_.file("17.kin"), spec, kIdentity);
}

GraphFile::GraphFile(const storage::VectorSpec& spec, const std::string& path)
    : spec_(spec), segment_(storage::Segment::open(path, spec, kIdentity)) {}

size_t GraphFile::files() const {
  const std::filesystem::directory_iterator all(folder_.path());
  return static_cast<size_t>(std::distance(begin(all), end(all)));
}

void GraphFile::build(const storage::GraphOptions& options) {
  if (!storage::build_graph(*segment_, spec_, options, graph_path(), {}))
    throw std::runtime_error("somebody else builds the graph");
  graph_ = open();
  if (!graph_) throw std::runtime_error("the graph that was built is not opened");
}

std::shared_ptr<const storage::Graph> GraphFile::open() const {
  return storage::Graph::open(graph_path(), spec_, segment_->graph_of());
}

void GraphFile::seal(std::string& bytes) const {
  storage::GraphHeader header;
  std::memcpy(&header, bytes.data(), sizeof header);
  const storage::GraphPlan plan(header);
  for (uint64_t block = 0; block < plan.sums_bytes / sizeof(uint64_t); ++block) {
    const uint64_t sum =
        storage::checksum(&bytes[plan.nodes + block * storage::kSumBlock], storage::kSumBlock);
    std::memcpy(&bytes[plan.sums + block * sizeof sum], &sum, sizeof sum);
  }
  header.sums_sum = storage::checksum(&bytes[plan.sums], plan.sums_bytes);
  header.header_sum = storage::checksum(&header, offsetof(storage::GraphHeader, header_sum));
  std::memcpy(bytes.data(), &header, sizeof header);
}

storage::RowLayer GraphFile::layer(const storage::DeadRows& dead) const {
  storage::RowLayer layer = segment_->layer(dead);
  layer.graph = graph_;
  return layer;
}

Found GraphFile::search(const std::string& query, size_t k, storage::Effort effort) const {
  return search_in({layer()}, query, k, effort);
}

Found GraphFile::search_with(std::shared_ptr<const storage::Graph> graph, const std::string& query,
                             size_t k, storage::Effort effort) const {
  std::vector<storage::RowLayer> layers = {layer()};
  layers[0].graph = std::move(graph);
  return search_in(std::move(layers), query, k, effort);
}

Found GraphFile::search_in(std::vector<storage::RowLayer> layers, const std::string& query,
                           size_t k, storage::Effort effort) const {
  effort.expected = k;
  storage::NearestStream stream(spec_, query.data(), std::move(layers), effort);
  Found found;
  while (found.rows.size() < k) {
    const std::optional<Neighbor> next = stream.next();
    if (!next) break;
    found.rows.push_back(*next);
  }
  found.visited = stream.visited();
  found.is_exact = stream.is_exact();
  return found;
}

std::vector<Neighbor> GraphFile::sorted(const std::string& query,
                                        const std::vector<bool>* passing) const {
  std::vector<Neighbor> all;
  for (size_t row = 0; row < rows(); ++row) {
    if (passing != nullptr && !(*passing)[row]) continue;
    const std::optional<double> d =
        math::distance(spec_.metric, spec_.element, query.data(), segment_->vector(row), spec_.dim);
    if (d) all.push_back({static_cast<int64_t>(row), *d});
  }
  std::sort(all.begin(), all.end(), [](const Neighbor& a, const Neighbor& b) {
    return a.distance != b.distance ? a.distance < b.distance : a.id < b.id;
  });
  return all;
}

double GraphFile::recall(const std::string& query, const std::vector<Neighbor>& found, size_t k,
                         const std::vector<bool>* passing) const {
  const std::vector<Neighbor> all = sorted(query, passing);
  const size_t wanted = std::min(k, all.size());
  if (wanted == 0) return 1;
  size_t near = 0;
  for (const Neighbor& row : found)
    if (row.distance <= all[wanted - 1].distance) ++near;
  return static_cast<double>(std::min(near, wanted)) / static_cast<double>(wanted);
}

size_t GraphFile::wrong_distances(const std::string& query,
                                  const std::vector<Neighbor>& found) const {
  size_t wrong = 0;
  std::set<int64_t> seen;
  double last = -INFINITY;
  for (const Neighbor& row : found) {
    const std::optional<double> d =
        math::distance(spec_.metric, spec_.element, query.data(),
                       segment_->vector(static_cast<size_t>(row.id)), spec_.dim);
    if (!d || *d != row.distance || row.distance < last || !seen.insert(row.id).second) ++wrong;
    last = row.distance;
  }
  return wrong;
}

}  // namespace kindred::test
