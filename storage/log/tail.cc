// SPDX-License-Identifier: Apache-2.0
#include "storage/log/tail.h"

#include <algorithm>
#include <cstring>

#include "storage/error.h"

namespace kindred::storage {
namespace {

// Up to 8 MB, so that the scan runs undisturbed, and as near to whole huge pages as rows allow; a
// multiple of the 32 rows that a search takes at once, unless fewer than 32 rows fit.
size_t rows_per_chunk(const VectorSpec& spec) {
  constexpr size_t kMostRows = 4096;
  const size_t row = exact_stride(spec) + code_stride(spec);
  const size_t pages = std::clamp<size_t>(kMostRows * row / kHugePage, 1, 4);
  return std::clamp<size_t>(pages * kHugePage / row / 32 * 32, 16, kMostRows);
}

[[noreturn]] void corrupt(const std::string& name, const LogRow& row, const std::string& what) {
  throw StorageError(Fault::kCorrupt, name + ": row " + std::to_string(row.cn) + ": " + what);
}

// Of packed float32 that may be misaligned: whether no exponent is all ones.
bool is_finite(std::string_view floats) {
  constexpr uint32_t kExponent = 0x7f800000;
  bool finite = true;
  for (size_t at = 0; at < floats.size(); at += sizeof(uint32_t)) {
    uint32_t bits;
    std::memcpy(&bits, floats.data() + at, sizeof bits);
    finite &= (bits & kExponent) != kExponent;
  }
  return finite;
}

}  // namespace

void verify(const VectorSpec& spec, const std::string& name, const LogRow& row) {
  if (is(row, Op::kDelete) || is(row, Op::kCut)) return;
  if (!is(row, Op::kPut))
    corrupt(name, row, "operation 1, 2 or 3 is wanted, got " + std::to_string(row.op));
  if (row.vector.size() != spec.bytes())
    corrupt(name, row,
            "a vector of " + std::to_string(spec.bytes()) + " bytes is wanted, got " +
                std::to_string(row.vector.size()));
  if (spec.element == math::Element::kFloat32 && !is_finite(row.vector))
    corrupt(name, row, "finite numbers are wanted, got NaN or infinity");
}

TailChunk::TailChunk(const VectorSpec& spec, size_t rows, Pages pages)
    : exact_stride(storage::exact_stride(spec)),
      code_stride(storage::code_stride(spec)),
      memory(make_chunk_memory(rows * (exact_stride + code_stride), pages)),
      id(rows),
      cn(rows),
      died(rows),
      scale(rows),
      code_norm(rows),
      residual_norm(rows),
      suffix_norm(spec.prefix > 0 ? rows : 0),
      norm_squared(rows) {}

RowBlock TailChunk::block() const noexcept {
  return {.exact = row(0),
          .codes = code(0),
          .exact_stride = exact_stride,
          .code_stride = code_stride,
          .ids = id.data(),
          .scale = scale.data(),
          .code_norm = code_norm.data(),
          .residual_norm = residual_norm.data(),
          .suffix_norm = suffix_norm.empty() ? nullptr : suffix_norm.data(),
          .norm_squared = norm_squared.data(),
          .died = died.data(),
          .dead = &dead};
}

Tail::Tail(const VectorSpec& spec, std::string name)
    : spec_(spec), name_(std::move(name)), chunk_rows_(rows_per_chunk(spec)), encoder_(spec) {}

void Tail::append(const LogRow& row) {
  verify(spec_, name_, row);
  if (!is(row, Op::kCut)) apply(row);
  last_ = {row.cn, row.nonce};
}

// What takes memory comes first: where there is none, nothing has changed that counts.
void Tail::apply(const LogRow& row) {
  const bool put = is(row, Op::kPut);
  changed_.make_room();
  if (put) {
    add_row(row);
    previous_.resize(count_ + 1);
  }
  uint32_t& newest = newest_.try_emplace(row.id, kNone).first->second;
  const uint32_t before = newest;
  changed_.add(row.id, row.cn);
  if (put) {
    previous_[count_] = before;
    newest = static_cast<uint32_t>(count_);
    ++count_;
  }
  if (before != kNone) end_row(before, row.cn);
}

void Tail::add_row(const LogRow& row) {
  const size_t i = count_ % chunk_rows_;
  if (i == 0 && count_ / chunk_rows_ == chunks_.size()) {
    // A tail's first chunk may stay almost empty.
    const Pages pages = chunks_.empty() ? Pages::kUsual : Pages::kHuge;
    blocks_.reserve(chunks_.size() + 1);  // both grow, or neither
    chunks_.push_back(std::make_shared<TailChunk>(spec_, chunk_rows_, pages));
    blocks_.push_back(chunks_.back()->block());
  }
  TailChunk& chunk = *chunks_.back();
  std::byte* exact = chunk.row(i);
  std::memcpy(exact, row.vector.data(), row.vector.size());
  std::memset(exact + row.vector.size(), 0, chunk.exact_stride - row.vector.size());
  chunk.id[i] = row.id;
  chunk.cn[i] = row.cn;
  chunk.died[i].store(TailChunk::kAlive, std::memory_order_relaxed);
  const RowNumbers numbers = encoder_.encode(exact, chunk.code(i));
  chunk.scale[i] = numbers.scale;
  chunk.code_norm[i] = numbers.code_norm;
  chunk.residual_norm[i] = numbers.residual_norm;
  if (!chunk.suffix_norm.empty()) chunk.suffix_norm[i] = numbers.suffix_norm;
  chunk.norm_squared[i] = numbers.norm_squared;
}

void Tail::end_row(uint32_t row, int64_t cn) {
  TailChunk& chunk = *chunks_[row / chunk_rows_];
  std::atomic<int64_t>& died = chunk.died[row % chunk_rows_];
  if (died.load(std::memory_order_relaxed) != TailChunk::kAlive) return;
  died.store(cn, std::memory_order_relaxed);
  chunk.dead.fetch_add(1, std::memory_order_relaxed);
  ++dead_;
}

RowLayer Tail::slice() const {
  return slice_at(last_.cn);
}

RowLayer Tail::slice_at(int64_t cn) const {
  RowLayer slice;
  slice.owners.assign(chunks_.begin(), chunks_.end());
  slice.blocks = std::make_shared<const std::vector<RowBlock>>(blocks_);
  slice.block_rows = chunk_rows_;
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
  fresh.start_ = point.cn;
  fresh.last_ = point;
  return fresh;
}

Tail Tail::compacted() const {
  Tail fresh = emptied({start_, 0});
  for (const auto& [id, row] : newest_) {  // those without rows, too: segments may have some
    fresh.newest_.emplace(id, kNone);
    fresh.changed_.add(id, start_ + 1);
  }
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
