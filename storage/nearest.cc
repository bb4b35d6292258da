// SPDX-License-Identifier: Apache-2.0
#include "storage/nearest.h"

#include <algorithm>
#include <bit>
#include <limits>

namespace kindred::storage {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// Rows compared with the threshold at once: most blocks hold nothing near enough.
constexpr size_t kBlock = 32;

// Candidates whose rows are on the way, and how much of each: the processor fetches the rest of a
// long row by itself.
constexpr size_t kAhead = 3;
constexpr size_t kPrefetchBytes = 2048;

// Eight minima, since the compiler may not reorder one to vectorise it.
float smallest(const float* v, size_t n) noexcept {
  float least[8];
  std::fill_n(least, 8, kInfinity);
  size_t i = 0;
  for (; i + 8 <= n; i += 8)
    for (size_t j = 0; j < 8; ++j) least[j] = v[i + j] < least[j] ? v[i + j] : least[j];
  for (; i < n; ++i) least[0] = std::min(least[0], v[i]);
  return *std::min_element(least, least + 8);
}

// Whether an id is among sorted ones. Most are not, which a bit for each of their hashes says
// without looking into the list.
class IdSet {
 public:
  explicit IdSet(std::span<const int64_t> ids)
      : ids_(ids),
        shift_(60 - static_cast<int>(std::bit_width(ids.size()))),
        bits_((size_t{1} << (64 - shift_)) / 64) {
    for (const int64_t id : ids) bits_[hash(id) / 64] |= uint64_t{1} << (hash(id) % 64);
  }
  bool contains(int64_t id) const noexcept {
    if ((bits_[hash(id) / 64] >> (hash(id) % 64) & 1) == 0) return false;
    return std::binary_search(ids_.begin(), ids_.end(), id);
  }

 private:
  // Knuth's multiplicative hashing (The Art of Computer Programming 3, 6.4).
  size_t hash(int64_t id) const noexcept {
    return static_cast<size_t>(static_cast<uint64_t>(id) * 0x9E3779B97F4A7C15U >> shift_);
  }

  std::span<const int64_t> ids_;
  int shift_;
  std::vector<uint64_t> bits_;
};

}  // namespace

NearestStream::NearestStream(const VectorSpec& spec, const void* query,
                             std::vector<RowLayer> layers, size_t expected)
    : scorer_(spec, query),
      layers_(std::move(layers)),
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
    if (cursor_ + kAhead < pending_.size()) prefetch(pending_[cursor_ + kAhead]);
    look_at(pending_[cursor_++]);
  }
}

void NearestStream::keep_only(std::span<const int64_t> ids) {
  if (!scored_) score();
  const IdSet set(ids);
  for (uint32_t s = 0; s < bounds_.size(); ++s)
    for (uint32_t i = 0; i < bounds_[s].size(); ++i)
      if (bounds_[s][i] < kInfinity && !set.contains(id_of({0, s, i}))) bounds_[s][i] = kInfinity;
  pending_.erase(pending_.begin(), pending_.begin() + static_cast<ptrdiff_t>(cursor_));
  cursor_ = 0;
  std::erase_if(pending_, [&](const Candidate& c) { return !set.contains(id_of(c)); });
  decltype(seen_) kept;
  for (; !seen_.empty(); seen_.pop())
    if (set.contains(seen_.top().id)) kept.push(seen_.top());
  seen_ = std::move(kept);
}

void NearestStream::score() {
  scored_ = true;
  bounds_.resize(layers_.size());
  for (size_t s = 0; s < layers_.size(); ++s) {
    if (layers_[s].only)
      score_only(layers_[s], bounds_[s]);
    else
      score_whole(layers_[s], bounds_[s]);
    visited_ += bounds_[s].size();
  }
}

void NearestStream::score_whole(const RowLayer& layer, std::vector<float>& bounds) {
  bounds.resize(layer.count);
  for (size_t first = 0; first < layer.count; first += layer.block_rows) {
    const RowBlock& block = layer.block_of(first);
    const size_t count = std::min(layer.block_rows, layer.count - first);
    if (layer.verifier != nullptr) layer.verifier->verify_rows(first, count);
    scorer_.lower_bounds(block, count, bounds.data() + first);
    if (block.dead == nullptr || block.dead->load(std::memory_order_relaxed) == 0) continue;
    for (size_t i = 0; i < count; ++i)
      if (!layer.alive(first + i)) bounds[first + i] = kInfinity;
  }
  if (layer.hidden == nullptr) return;
  for (const uint32_t row : *layer.hidden) bounds[row] = kInfinity;
}

void NearestStream::score_only(const RowLayer& layer, std::vector<float>& bounds) {
  bounds.resize(layer.only->size());
  for (size_t i = 0; i < bounds.size(); ++i) {
    const uint32_t row = (*layer.only)[i];
    if (layer.verifier != nullptr) layer.verifier->verify_rows(row, 1);
    bounds[i] = layer.is_hidden(row)
                    ? kInfinity
                    : scorer_.lower_bound(layer.block_of(row), row % layer.block_rows);
  }
}

// Makes pending_ the next batch of candidates, in order. Each batch is four times the last, so that
// reading everything takes a logarithmic number of passes.
void NearestStream::refill() {
  pending_.clear();
  cursor_ = 0;
  size_t rows = 0;
  for (const std::vector<float>& bounds : bounds_) rows += bounds.size();
  batch_ = std::min(batch_, rows + 1);  // one more than there are: all of them, and known to be
  pending_.reserve(std::min(2 * batch_, rows) + kBlock);
  float limit = kInfinity;  // candidates from here on are not among the batch_ smallest
  for (uint32_t s = 0; s < bounds_.size(); ++s) {
    const std::vector<float>& bounds = bounds_[s];
    for (size_t first = 0; first < bounds.size(); first += kBlock) {
      const size_t count = std::min(kBlock, bounds.size() - first);
      if (smallest(bounds.data() + first, count) >= limit) continue;
      for (size_t i = first; i < first + count; ++i)
        if (bounds[i] < limit) pending_.push_back({bounds[i], s, static_cast<uint32_t>(i)});
      if (pending_.size() >= 2 * batch_) limit = keep_smallest();
    }
  }
  if (pending_.size() > batch_) keep_smallest();
  exhausted_ = pending_.size() < batch_;
  std::sort(pending_.begin(), pending_.end());
  for (const Candidate& c : pending_) bounds_[c.layer][c.place] = kInfinity;
  batch_ *= 4;
}

// Cuts pending_ down to its batch_ smallest candidates; returns the greatest bound among them.
float NearestStream::keep_smallest() {
  const auto last = pending_.begin() + static_cast<ptrdiff_t>(batch_ - 1);
  std::nth_element(pending_.begin(), last, pending_.end());
  pending_.resize(batch_);
  return pending_.back().bound;
}

NearestStream::Place NearestStream::place_of(const Candidate& candidate) const {
  const RowLayer& layer = layers_[candidate.layer];
  const size_t row = layer.only ? (*layer.only)[candidate.place] : candidate.place;
  return {layer.block_of(row), row % layer.block_rows};
}

void NearestStream::look_at(const Candidate& candidate) {
  const RowLayer& layer = layers_[candidate.layer];
  const Place place = place_of(candidate);
  if (layer.is_changed(place.block.id[place.i])) return;
  ++visited_;
  if (layer.verifier != nullptr)
    layer.verifier->verify_exact(layer.only ? (*layer.only)[candidate.place] : candidate.place);
  if (const std::optional<double> distance = scorer_.exact(place.block, place.i))
    seen_.push({place.block.id[place.i], *distance});
}

// Candidates lie anywhere in memory: their rows are on the way while others are looked at.
void NearestStream::prefetch(const Candidate& candidate) const {
  const Place place = place_of(candidate);
  const std::byte* row = place.block.row(place.i);
  const size_t bytes = std::min<size_t>(place.block.exact_stride, kPrefetchBytes);
  for (size_t at = 0; at < bytes; at += 64) __builtin_prefetch(row + at);
}

}  // namespace kindred::storage
