// SPDX-License-Identifier: Apache-2.0
#include "storage/nearest.h"

#include <algorithm>
#include <limits>

namespace kindred::storage {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// Rows compared with the threshold at once: most blocks hold nothing near enough.
constexpr size_t kBlock = 32;

float smallest(const float* v, size_t n) noexcept {
  float least = kInfinity;
  for (size_t i = 0; i < n; ++i) least = v[i] < least ? v[i] : least;
  return least;
}

}  // namespace

NearestStream::NearestStream(const VectorSpec& spec, const void* query,
                             std::vector<TailSlice> slices, size_t expected)
    : scorer_(spec, query),
      slices_(std::move(slices)),
      batch_(std::max<size_t>(std::min<size_t>(expected, 1U << 20) * 3, 32)) {}

std::optional<Neighbor> NearestStream::next() {
  if (!scored_) score();
  for (;;) {
    if (cursor_ == pending_.size() && !exhausted_) refill();
    const float open = cursor_ < pending_.size() ? pending_[cursor_].bound : kInfinity;
    if (!seen_.empty() && (seen_.top().distance < open || cursor_ == pending_.size())) {
      const Neighbor nearest = seen_.top();
      seen_.pop();
      return nearest;
    }
    if (cursor_ == pending_.size()) return std::nullopt;
    look_at(pending_[cursor_++]);
  }
}

void NearestStream::score() {
  scored_ = true;
  bounds_.resize(slices_.size());
  for (size_t s = 0; s < slices_.size(); ++s) {
    if (slices_[s].only)
      score_only(slices_[s], bounds_[s]);
    else
      score_whole(slices_[s], bounds_[s]);
    visited_ += bounds_[s].size();
  }
}

void NearestStream::score_whole(const TailSlice& slice, std::vector<float>& bounds) {
  bounds.resize(slice.count);
  for (size_t first = 0; first < slice.count; first += slice.chunk_rows) {
    const TailChunk& chunk = slice.chunk_of(first);
    const size_t count = std::min(slice.chunk_rows, slice.count - first);
    scorer_.lower_bounds(chunk, count, bounds.data() + first);
    if (chunk.dead.load(std::memory_order_relaxed) == 0) continue;
    for (size_t i = 0; i < count; ++i)
      if (!slice.alive(first + i)) bounds[first + i] = kInfinity;
  }
  for (const uint32_t row : slice.hidden) bounds[row] = kInfinity;
}

void NearestStream::score_only(const TailSlice& slice, std::vector<float>& bounds) {
  bounds.resize(slice.only->size());
  for (size_t i = 0; i < bounds.size(); ++i) {
    const uint32_t row = (*slice.only)[i];
    const bool hidden = std::binary_search(slice.hidden.begin(), slice.hidden.end(), row);
    bounds[i] =
        hidden ? kInfinity : scorer_.lower_bound(slice.chunk_of(row), row % slice.chunk_rows);
  }
}

// Makes pending_ the next batch of candidates, in order. Each batch is four times the last, so that
// reading everything takes a logarithmic number of passes.
void NearestStream::refill() {
  pending_.clear();
  cursor_ = 0;
  for (uint32_t s = 0; s < bounds_.size(); ++s) {
    const std::vector<float>& bounds = bounds_[s];
    for (size_t first = 0; first < bounds.size(); first += kBlock) {
      const size_t count = std::min(kBlock, bounds.size() - first);
      const float limit = pending_.size() < batch_ ? kInfinity : pending_.front().bound;
      if (smallest(bounds.data() + first, count) >= limit) continue;
      for (size_t i = first; i < first + count; ++i) offer(s, static_cast<uint32_t>(i));
    }
  }
  exhausted_ = pending_.size() < batch_;
  std::sort(pending_.begin(), pending_.end());
  for (const Candidate& c : pending_) bounds_[c.slice][c.place] = kInfinity;
  batch_ *= 4;
}

// Keeps the batch_ smallest candidates as a heap with the greatest in front.
void NearestStream::offer(uint32_t slice, uint32_t place) {
  const Candidate candidate{bounds_[slice][place], slice, place};
  if (candidate.bound == kInfinity) return;
  if (pending_.size() == batch_) {
    if (candidate.bound >= pending_.front().bound) return;
    std::pop_heap(pending_.begin(), pending_.end());
    pending_.back() = candidate;
  } else {
    pending_.push_back(candidate);
  }
  std::push_heap(pending_.begin(), pending_.end());
}

void NearestStream::look_at(const Candidate& candidate) {
  const TailSlice& slice = slices_[candidate.slice];
  const size_t row = slice.only ? (*slice.only)[candidate.place] : candidate.place;
  const TailChunk& chunk = slice.chunk_of(row);
  const size_t i = row % slice.chunk_rows;
  ++visited_;
  if (const std::optional<float> distance = scorer_.exact(chunk, i))
    seen_.push({chunk.id[i], *distance});
}

}  // namespace kindred::storage
