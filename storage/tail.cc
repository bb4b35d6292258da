// SPDX-License-Identifier: Apache-2.0
#include "storage/tail.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "math/kernels.h"
#include "storage/error.h"

namespace kindred::storage {
namespace {

// Big enough that the scan runs undisturbed, small enough that few rows do not cost megabytes.
size_t rows_per_chunk(const VectorSpec& spec) {
  return std::bit_floor(std::clamp<size_t>((size_t{2} << 20) / spec.bytes(), 16, 4096));
}

constexpr float kLeastSquares = 1e-30F;
constexpr float kGreatestSquares = 1e38F;

[[noreturn]] void corrupt(const std::string& name, const LogRow& row, const std::string& what) {
  throw StorageError(Fault::kCorrupt, name + ": row " + std::to_string(row.cn) + ": " + what);
}

void verify(const VectorSpec& spec, const std::string& name, const LogRow& row) {
  if (is(row, Op::kDelete) || is(row, Op::kCut)) return;
  if (!is(row, Op::kPut))
    corrupt(name, row, "operation 1, 2 or 3 is wanted, got " + std::to_string(row.op));
  if (row.vector.size() != spec.bytes())
    corrupt(name, row,
            "a vector of " + std::to_string(spec.bytes()) + " bytes is wanted, got " +
                std::to_string(row.vector.size()));
}

}  // namespace

bool has_codes(const VectorSpec& spec) noexcept {
  return spec.element == math::Element::kFloat32 && spec.metric != math::Metric::kL1;
}

bool is_codable(const float* v, size_t dim, float norm_squared) noexcept {
  if (norm_squared == 0) return math::active().max_abs(v, dim) == 0;
  return norm_squared >= kLeastSquares && norm_squared <= kGreatestSquares;
}

TailChunk::TailChunk(const VectorSpec& spec, size_t rows)
    : exact_stride(math::aligned_stride(spec.bytes())),
      code_stride(has_codes(spec) ? math::aligned_stride(spec.dim) : 0),
      exact(math::make_aligned(rows * exact_stride)),
      codes(math::make_aligned(rows * code_stride)),
      id(rows),
      cn(rows),
      died(rows),
      scale(rows),
      code_norm(rows),
      residual_norm(rows),
      norm_squared(rows) {}

Tail::Tail(const VectorSpec& spec, std::string name)
    : spec_(spec), name_(std::move(name)), chunk_rows_(rows_per_chunk(spec)) {}

void Tail::append(const LogRow& row) {
  verify(spec_, name_, row);
  if (!is(row, Op::kCut)) apply(row);
  last_ = {row.cn, row.nonce};
}

void Tail::apply(const LogRow& row) {
  const auto found = newest_.find(row.id);
  const uint32_t before = found == newest_.end() ? kNone : found->second;
  if (is(row, Op::kPut)) {
    add_row(row);
    previous_.resize(count_ + 1);
    previous_[count_] = before;
    newest_[row.id] = static_cast<uint32_t>(count_);
    ++count_;
  } else if (found == newest_.end()) {
    newest_[row.id] = kNone;
  }
  if (before != kNone) end_row(before, row.cn);
}

void Tail::add_row(const LogRow& row) {
  const size_t i = count_ % chunk_rows_;
  if (i == 0 && count_ / chunk_rows_ == chunks_.size())
    chunks_.push_back(std::make_shared<TailChunk>(spec_, chunk_rows_));
  TailChunk& chunk = *chunks_.back();
  std::byte* exact = chunk.exact.get() + i * chunk.exact_stride;
  std::memcpy(exact, row.vector.data(), row.vector.size());
  std::memset(exact + row.vector.size(), 0, chunk.exact_stride - row.vector.size());
  chunk.id[i] = row.id;
  chunk.cn[i] = row.cn;
  chunk.died[i].store(TailChunk::kAlive, std::memory_order_relaxed);
  if (spec_.element == math::Element::kFloat32) {
    const auto* floats = reinterpret_cast<const float*>(exact);
    if (!std::isfinite(math::active().max_abs(floats, spec_.dim)))
      corrupt(name_, row, "finite numbers are wanted, got NaN or infinity");
  }
  encode(chunk, i);
}

void Tail::end_row(uint32_t row, int64_t cn) {
  TailChunk& chunk = *chunks_[row / chunk_rows_];
  std::atomic<int64_t>& died = chunk.died[row % chunk_rows_];
  if (died.load(std::memory_order_relaxed) != TailChunk::kAlive) return;
  died.store(cn, std::memory_order_relaxed);
  chunk.dead.fetch_add(1, std::memory_order_relaxed);
  ++dead_;
}

void Tail::encode(TailChunk& chunk, size_t i) {
  const math::Kernels& kernels = math::active();
  if (spec_.element == math::Element::kInt8) {
    const auto* v = reinterpret_cast<const int8_t*>(chunk.row(i));
    const int32_t sum = kernels.sum_i8(v, spec_.dim);
    chunk.norm_squared[i] = static_cast<float>(kernels.dot_i8(v, sum, v, spec_.dim));
    return;
  }
  if (chunk.code_stride == 0) return;
  const auto* v = reinterpret_cast<const float*>(chunk.row(i));
  const float norm_squared = kernels.dot(v, v, spec_.dim);
  const bool codable = is_codable(v, spec_.dim, norm_squared);
  chunk.norm_squared[i] = codable ? norm_squared : std::max(norm_squared, kLeastSquares);
  if (spec_.metric == math::Metric::kCosine) {
    unit_.resize(spec_.dim);
    const float inverse = codable && norm_squared > 0 ? 1.0F / std::sqrt(norm_squared) : 0.0F;
    for (size_t d = 0; d < spec_.dim; ++d) unit_[d] = v[d] * inverse;
    v = unit_.data();
  }
  auto* codes = reinterpret_cast<int8_t*>(chunk.codes.get()) + i * chunk.code_stride;
  const math::Codes made = math::quantize_i8(v, spec_.dim, codes, chunk.code_stride);
  chunk.scale[i] = made.scale;
  chunk.code_norm[i] = made.code_norm;
  chunk.residual_norm[i] =
      codable ? made.residual_norm : std::numeric_limits<float>::infinity();
}

TailSlice Tail::slice() const {
  return slice_at(last_.cn);
}

TailSlice Tail::slice_at(int64_t cn) const {
  TailSlice slice;
  slice.chunks.assign(chunks_.begin(), chunks_.end());
  slice.chunk_rows = chunk_rows_;
  slice.cn = cn;
  size_t low = 0;
  size_t high = count_;
  while (low < high) {  // rows are in ascending change number
    const size_t middle = (low + high) / 2;
    if (chunks_[middle / chunk_rows_]->cn[middle % chunk_rows_] <= cn)
      low = middle + 1;
    else
      high = middle;
  }
  slice.count = low;
  return slice;
}

std::optional<uint32_t> Tail::find(int64_t id, int64_t cn) const {
  const auto found = newest_.find(id);
  uint32_t row = found == newest_.end() ? kNone : found->second;
  for (; row != kNone; row = previous_[row]) {
    const TailChunk& chunk = *chunks_[row / chunk_rows_];
    const size_t i = row % chunk_rows_;
    if (chunk.cn[i] > cn) continue;
    return chunk.died[i].load(std::memory_order_relaxed) > cn ? std::optional(row) : std::nullopt;
  }
  return std::nullopt;
}

Tail Tail::emptied(LogPoint point) const {
  Tail fresh(spec_, name_);
  fresh.last_ = point;
  return fresh;
}

Tail Tail::compacted() const {
  Tail fresh = emptied();
  for (size_t row = 0; row < count_; ++row) {
    const TailChunk& chunk = *chunks_[row / chunk_rows_];
    const size_t i = row % chunk_rows_;
    if (chunk.died[i].load(std::memory_order_relaxed) != TailChunk::kAlive) continue;
    const auto* bytes = reinterpret_cast<const char*>(chunk.row(i));
    fresh.append(
        {chunk.cn[i], 0, chunk.id[i], static_cast<int64_t>(Op::kPut), {bytes, spec_.bytes()}});
  }
  fresh.last_ = last_;
  return fresh;
}

}  // namespace kindred::storage
