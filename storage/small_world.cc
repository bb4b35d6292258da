// SPDX-License-Identifier: Apache-2.0
#include "storage/small_world.h"

#include <cmath>
#include <cstring>
#include <fstream>
#include <iostream>
#include <limits>
#include <mutex>
#include <unordered_map>

#include "math/kernels.h"

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
  int32_t sum;  // of the codes
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
  decltype(math::Kernels::dot_i8) dot;
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
    product = a.scale * b.scale * static_cast<float>(p.dot(codes_a, a.sum, codes_b, p.stride));
  }
};

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
      : is_l2_(rows.metric == math::Metric::kL2),
        bytes_(plan.bytes),
        parameters_{math::active().dot_i8, plan.code_at, rows.stride} {}
  size_t get_data_size() override { return bytes_; }
  hnswlib::DISTFUNC<float> get_dist_func() override { return is_l2_ ? l2_squared : minus_product; }
  void* get_dist_func_param() override { return &parameters_; }

 private:
  bool is_l2_;
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

  Impl(const CodedRows& r, size_t m, size_t ef_construction)
      : rows(r),
        plan(m, r.stride),
        space(r, plan),
        graph(&space, r.count, m, ef_construction),
        nodes(r.count) {
    graph.mult_ = 0;  // the level is the caller's: hnswlib draws one all the same
  }
};

SmallWorld::SmallWorld(const CodedRows& rows, size_t m, size_t ef_construction)
    : impl_(std::make_unique<Impl>(rows, m, ef_construction)) {}

SmallWorld::~SmallWorld() = default;

void SmallWorld::add(uint32_t row, size_t level) {
  const CodedRows& rows = impl_->rows;
  thread_local std::vector<char> buffer;
  buffer.assign(impl_->plan.bytes, 0);
  const Payload payload{rows.numbers[row].scale, rows.numbers[row].bias,
                        math::active().sum_i8(rows.code(row), rows.stride)};
  std::memcpy(buffer.data(), &payload, sizeof payload);
  std::memcpy(buffer.data() + impl_->plan.code_at, rows.code(row), rows.stride);
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
