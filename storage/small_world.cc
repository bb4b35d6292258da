// SPDX-License-Identifier: Apache-2.0
#include "storage/small_world.h"

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <limits>
#include <mutex>
#include <new>
#include <unordered_map>

// Without it 0.6.2 defines functions and variables that are neither inline nor static.
#define NO_MANUAL_VECTORIZATION
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wall"
#pragma GCC diagnostic ignored "-Wextra"
#pragma GCC diagnostic ignored "-Wunused-parameter"
#include <hnswlib/hnswlib.h>
#pragma GCC diagnostic pop

namespace kindred::storage {
namespace {

// What hnswlib keeps of a row. Its elements begin with 4 (2M + 1) bytes of links and end with a
// label of 8: the padding makes elements a multiple of 64 bytes and puts codes on such a multiple,
// as its memory begins 16 behind one (that of large blocks of malloc).
struct Payload {
  float scale;
  float bias;
  int32_t sum;  // CodeKernels::sum() of the codes
};
constexpr size_t kLine = 64;
constexpr size_t kMallocOffset = 16;

// Where codes begin within a payload, and how long it is, for M links.
struct PayloadPlan {
  size_t code_at;
  size_t bytes;
  PayloadPlan(size_t m, size_t stride) {
    const size_t links = (2 * m + 1) * sizeof(hnswlib::tableint);
    code_at = sizeof(Payload);
    while ((kMallocOffset + links + code_at) % kLine != 0) ++code_at;
    bytes = code_at + stride;
    while ((links + bytes + sizeof(hnswlib::labeltype)) % kLine != 0) ++bytes;
  }
};

struct DistanceParameters {
  CodeKernels kernels;
  size_t code_at;
  size_t stride;
};

struct Pair {
  Payload a, b;
  float product;
  Pair(const void* pa, const void* pb, const void* parameters) noexcept {
    const auto& p = *static_cast<const DistanceParameters*>(parameters);
    std::memcpy(&a, pa, sizeof a);
    std::memcpy(&b, pb, sizeof b);
    const auto* codes_a = static_cast<const int8_t*>(pa) + p.code_at;
    const auto* codes_b = static_cast<const int8_t*>(pb) + p.code_at;
    product =
        a.scale * b.scale * static_cast<float>(p.kernels.one(codes_a, a.sum, codes_b, p.stride));
  }
};

float distance_of_codes(const void* a, const void* b, const void* parameters) {
  return Pair(a, b, parameters).product;
}

float minus_product(const void* a, const void* b, const void* parameters) {
  return -Pair(a, b, parameters).product;
}

float l2_squared(const void* a, const void* b, const void* parameters) {
  const Pair pair(a, b, parameters);
  return pair.a.bias + pair.b.bias - 2 * pair.product;
}

class CodeSpace final : public hnswlib::SpaceInterface<float> {
 public:
  CodeSpace(const CodedRows& rows, const PayloadPlan& plan)
      : distance_(rows.kernels.is_distance()         ? distance_of_codes
                  : rows.metric == math::Metric::kL2 ? l2_squared
                                                     : minus_product),
        bytes_(plan.bytes),
        parameters_{rows.kernels, plan.code_at, rows.stride} {}
  size_t get_data_size() override { return bytes_; }
  hnswlib::DISTFUNC<float> get_dist_func() override { return distance_; }
  void* get_dist_func_param() override { return &parameters_; }

 private:
  hnswlib::DISTFUNC<float> distance_;
  size_t bytes_;
  DistanceParameters parameters_;
};

}  // namespace

struct SmallWorld::Impl {
  const CodedRows& rows;
  PayloadPlan plan;
  CodeSpace space;
  hnswlib::HierarchicalNSW<float> graph;
  std::vector<uint32_t> nodes;  // hnswlib's number of each row

  Impl(const CodedRows& r, size_t most, size_t m, size_t ef_construction)
      : rows(r),
        plan(m, r.stride),
        space(r, plan),
        graph(&space, most, m, ef_construction),
        nodes(r.count) {
    graph.mult_ = 0;  // the level is the caller's: hnswlib draws one all the same
  }
  void write_payload(uint32_t row, char* to) const;
};

SmallWorld::SmallWorld(const CodedRows& rows, size_t most, size_t m, size_t ef_construction)
    : impl_(std::make_unique<Impl>(rows, most, m, ef_construction)) {}

SmallWorld::~SmallWorld() = default;

// Into room for the plan's bytes.
void SmallWorld::Impl::write_payload(uint32_t row, char* to) const {
  std::memset(to, 0, plan.bytes);
  const Payload payload{rows.numbers[row].scale, rows.numbers[row].bias,
                        rows.kernels.sum(rows.code(row), rows.stride)};
  std::memcpy(to, &payload, sizeof payload);
  std::memcpy(to + plan.code_at, rows.code(row), rows.stride);
}

// What addPoint() and its loader would leave.
void SmallWorld::restore(
    std::span<const uint32_t> rows, std::span<const uint8_t> levels,
    const std::function<std::vector<uint32_t>(size_t i, size_t level)>& links) {
  auto& graph = impl_->graph;
  for (hnswlib::tableint node = 0; node < rows.size(); ++node) {
    const uint32_t row = rows[node];
    const size_t upper = graph.size_links_per_element_ * levels[row] + 1;
    if (levels[row] > 0) {  // hnswlib frees it
      graph.linkLists_[node] = static_cast<char*>(std::calloc(upper, 1));
      if (graph.linkLists_[node] == nullptr) throw std::bad_alloc();
    }
    graph.element_levels_[node] = levels[row];
    std::memset(graph.get_linklist0(node), 0, graph.size_data_per_element_);
    impl_->write_payload(row, graph.getDataByInternalId(node));
    graph.setExternalLabel(node, row);
    graph.label_lookup_[row] = node;
    graph.cur_element_count = size_t{node} + 1;
    impl_->nodes[row] = node;
  }
  graph.enterpoint_node_ = 0;
  graph.maxlevel_ = levels[rows[0]];
  for (hnswlib::tableint node = 0; node < rows.size(); ++node)
    for (size_t level = 0; level <= levels[rows[node]]; ++level) {
      auto* list = graph.get_linklist_at_level(node, static_cast<int>(level));
      const std::vector<uint32_t> linked = links(node, level);
      graph.setListCount(list, static_cast<unsigned short>(linked.size()));
      for (size_t i = 0; i < linked.size(); ++i) list[1 + i] = impl_->nodes[linked[i]];
    }
}

void SmallWorld::add(uint32_t row, size_t level) {
  thread_local std::vector<char> buffer;
  buffer.resize(impl_->plan.bytes);
  impl_->write_payload(row, buffer.data());
  impl_->nodes[row] = impl_->graph.addPoint(buffer.data(), row, static_cast<int>(level));
}

std::vector<uint32_t> SmallWorld::links(uint32_t row, size_t level) const {
  auto& graph = impl_->graph;
  const hnswlib::tableint node = impl_->nodes[row];
  auto* list =
      level == 0 ? graph.get_linklist0(node) : graph.get_linklist(node, static_cast<int>(level));
  const size_t count = graph.getListCount(list);
  std::vector<uint32_t> rows(count);
  for (size_t i = 0; i < count; ++i)
    rows[i] = static_cast<uint32_t>(graph.getExternalLabel(list[1 + i]));
  return rows;
}

}  // namespace kindred::storage
