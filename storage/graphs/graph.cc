// SPDX-License-Identifier: Apache-2.0
#include "storage/graphs/graph.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "math/aligned.h"
#include "storage/codes/row_codes.h"
#include "storage/error.h"
#include "storage/graphs/candidate_pool.h"

namespace kindred::storage {
namespace {

constexpr uint64_t to_page(uint64_t bytes) noexcept {
  return (bytes + kGraphPage - 1) / kGraphPage * kGraphPage;
}

// Of a node, as its stride says; 0 if there are none.
uint64_t code_bytes(const GraphHeader& header) noexcept {
  const uint64_t links = uint64_t{2} * header.m * sizeof(uint32_t);
  return header.node_stride > links ? header.node_stride - links : 0;
}

uint64_t axes_bytes(const GraphHeader& header) noexcept {
  return PrincipalAxes(nullptr, code_bytes(header), math::aligned_stride(header.dim))
      .section_bytes();
}

}  // namespace

size_t least_graph_rows(const VectorSpec& spec) noexcept {
  return spec.element == math::Element::kBit ? 20000 : 10000;
}

std::string graph_beside(const std::string& segment_path) {
  return segment_path.substr(0, segment_path.rfind('.')) + ".graph";
}

GraphPlan::GraphPlan(const GraphHeader& header) noexcept {
  uint64_t upper_nodes = 0;
  for (const uint64_t of_level : header.level_nodes) upper_nodes += of_level;
  nodes = kGraphPage;
  rows = nodes + to_page(header.nodes * header.node_stride);
  ends = rows + to_page(header.rows * sizeof(uint32_t));
  upper = ends + (has_ends(header) ? to_page(header.nodes * sizeof(uint32_t)) : 0);
  axes = upper + to_page(upper_nodes * header.m * sizeof(uint32_t));
  sums = axes + (has_principal_codes(header) ? to_page(axes_bytes(header)) : 0);
  sums_bytes = (sums - nodes) / kSumBlock * sizeof(uint64_t);
  end = sums + sums_bytes;
}

std::shared_ptr<const Graph> Graph::open(const std::string& path, const VectorSpec& spec,
                                         const GraphOf& segment) {
  try {
    std::shared_ptr<Graph> graph(new Graph(path));
    if (graph->fits(spec, segment)) return graph;
  } catch (const StorageError&) {  // the rows are there without it
  }
  return nullptr;
}

Graph::Graph(const std::string& path)
    : file_(path, File::Mode::kRead), mapping_(file_, file_.size()) {
  mapping_.prefer_huge_pages();
}

// false if there is none. One of version 1 is made one of today's.
bool Graph::read_header() {
  if (mapping_.size() < kGraphPage) return false;
  std::memcpy(&header_, mapping_.data(), sizeof header_);
  GraphHeader& h = header_;
  if (h.magic != kGraphMagic || h.byte_order != kByteOrder) return false;
  if (h.version == 1) {
    h.header_sum = std::exchange(h.nodes, h.rows);
    return h.header_sum == checksum(&h, offsetof(GraphHeader, nodes));
  }
  return (h.version == kGraphVersion || h.version == kPrincipalGraphVersion ||
          h.version == kVectorGraphVersion) &&
         h.header_sum == checksum(&h, offsetof(GraphHeader, header_sum));
}

bool Graph::fits(const VectorSpec& spec, const GraphOf& segment) {
  if (!read_header()) return false;
  const GraphHeader& h = header_;
  const size_t codes = code_bytes(h);
  const bool ours = h.segment == segment.identity.segment &&
                    h.collection == segment.identity.collection && h.segment_sum == segment.sum &&
                    h.rows == segment.rows && h.dim == spec.dim &&
                    h.element == static_cast<uint8_t>(spec.element) &&
                    h.metric == static_cast<uint8_t>(spec.metric);
  if (!ours || h.m < 2 || h.m > kMostLinks || h.levels > kMostLevels || h.nodes == 0 ||
      h.nodes > std::min(h.rows, kMostNodes))
    return false;
  const bool has_own = has_codes(spec) && !storage::has_vectors(h);
  if (has_principal_codes(h)
          ? !has_codes(spec) || spec.prefix > 0 || codes == 0 || codes % kPrincipalBytes != 0
          : codes != (has_own ? code_stride(spec) : exact_stride(spec)))
    return false;
  uint64_t above = h.nodes;
  for (size_t level = 0; level < kMostLevels; ++level) {
    if (h.level_nodes[level] > above || (h.level_nodes[level] > 0) != (level < h.levels))
      return false;
    above = h.level_nodes[level];
  }
  const GraphPlan plan(h);
  if (plan.end != mapping_.size()) return false;
  const auto* sums = reinterpret_cast<const uint64_t*>(mapping_.data() + plan.sums);
  if (checksum(sums, plan.sums_bytes) != h.sums_sum) return false;
  blocks_ = CheckedBlocks(mapping_.data() + plan.nodes, plan.sums - plan.nodes, kSumBlock, sums);
  kernels_ = CodeKernels(storage::has_vectors(h) ? without_codes(spec) : spec);
  code_bytes_ = codes;
  layout_ = NodeLayout(h, codes);
  if (has_principal_codes(h)) {
    kernels_ = CodeKernels::of_4_bit_codes(spec);
    axes_ = PrincipalAxes(mapping_.data() + plan.axes, codes, code_stride(spec));
  }
  nodes_ = mapping_.data() + plan.nodes;
  rows_ = reinterpret_cast<const uint32_t*>(mapping_.data() + plan.rows);
  if (has_ends(h)) ends_ = reinterpret_cast<const uint32_t*>(mapping_.data() + plan.ends);
  const auto* upper = reinterpret_cast<const uint32_t*>(mapping_.data() + plan.upper);
  for (size_t level = 0; level < h.levels; ++level) {
    upper_.push_back(upper);
    upper += h.level_nodes[level] * h.m;
  }
  return true;
}

bool Graph::are_whole(const std::byte* at, size_t bytes) const noexcept {
  if (!blocks_.first_changed(at, bytes)) return true;
  damaged_.store(true, std::memory_order_relaxed);
  return false;
}

bool Graph::is_due_for_population() const noexcept {
  constexpr uint32_t kOften = 16;
  return asked_.load(std::memory_order_relaxed) < kOften &&
         asked_.fetch_add(1, std::memory_order_relaxed) + 1 == kOften;
}

bool Graph::verify() const noexcept {
  const bool all = !blocks_.first_changed();
  all_verified_.store(all, std::memory_order_relaxed);
  if (!all) damaged_.store(true, std::memory_order_relaxed);
  return all;
}

void Graph::populate() const noexcept {
  mapping_.populate();
  if (!is_damaged()) verify();
}

std::span<const uint32_t> Graph::links(size_t level, uint32_t n) const noexcept {
  const uint32_t* first = level == 0 ? reinterpret_cast<const uint32_t*>(node(n) + layout_.links_at)
                                     : upper_[level - 1] + size_t{n} * header_.m;
  const size_t most = level == 0 ? layout_.links : header_.m;
  return {first, std::find(first, first + most, kNoLink)};
}

// Measured for ten and for a hundred, and taken to grow evenly between them and beyond.
size_t Graph::ef(size_t nearest) const noexcept {
  const size_t of_ten = std::clamp<size_t>(header_.ef, kLeastEf, kMostEfOfPrefix);
  const size_t of_hundred = std::min<size_t>(header_.ef_of_hundred, kMostEfOfHundred);
  if (nearest <= kFewNearest || of_hundred <= of_ten) return of_ten;
  return of_ten + (of_hundred - of_ten) * (nearest - kFewNearest) / (kManyNearest - kFewNearest);
}

size_t Graph::level_of(uint32_t node) const noexcept {
  size_t level = 0;
  while (level < levels() && node < header_.level_nodes[level]) ++level;
  return level;
}

RowPlaces Graph::places_of(uint32_t node) const noexcept {
  if (ends_ == nullptr) return {node, size_t{node} + 1};
  const size_t begin = node == 0 ? 0 : std::min<size_t>(ends_[node - 1], rows() - 1);
  return {begin, std::clamp<size_t>(ends_[node], begin + 1, rows())};
}

uint32_t Graph::row_at(size_t place) const noexcept {
  return std::min(rows_[place], static_cast<uint32_t>(rows() - 1));
}

}  // namespace kindred::storage
