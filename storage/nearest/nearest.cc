// SPDX-License-Identifier: Apache-2.0
#include "storage/nearest/nearest.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "storage/prefetch.h"

namespace kindred::storage {
namespace {

constexpr float kInfinity = LayerBounds::kInfinity;

// In ns: of a row whose bound is compared with others, and of one that is put in order and looked
// at in its turn; without the looking.
constexpr double kSelectCost = 8;
constexpr double kPendingCost = 150;

// Rows looked at that there is room for at once: 1 KiB, up to which the C library keeps pieces for
// each thread.
constexpr size_t kSeenAtFirst = 64;

// Whether an id is among sorted ones. Most are not, which a bit for each of their hashes says
// without looking into the list.
class IdSet {
 public:
  explicit IdSet(std::span<const int64_t> ids)
      : ids_(ids),
        shift_(60 - static_cast<int>(std::bit_width(ids.size()))),
        bits_((size_t{1} << (64 - shift_)) / 64 + 1) {  // one at least
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
                             std::vector<RowLayer> layers, const Effort& effort)
    : spec_(spec),
      counted_(spec, query),
      batch_(std::max<size_t>(std::min<size_t>(effort.expected, 1U << 20) * 3, 32)),
      wanted_(std::max<size_t>(effort.expected, 1)),
      ef_(effort.ef),
      chosen_from_(effort.chosen_from),
      exact_(effort.exact) {
  std::vector<Neighbor> room;
  room.reserve(std::min(batch_, kSeenAtFirst));
  seen_ = decltype(seen_)(Farther(), std::move(room));
  layers_.reserve(layers.size());
  for (RowLayer& rows : layers)
    layers_.emplace_back(std::move(rows), counted_, KeyErrors(spec.metric == math::Metric::kL2));
}

std::optional<Neighbor> NearestStream::next() {
  if (!scored_) score();
  if (!exact_ && given_ >= wanted_) widen();
  for (;;) {
    while (cursor_ == pending_.size() && !exhausted_ && !is_certain()) refill();
    const float open = cursor_ < pending_.size() ? pending_[cursor_].bound : kInfinity;
    if (!seen_.empty() && (seen_.top().distance < open || cursor_ == pending_.size())) {
      const Neighbor nearest = seen_.top();
      seen_.pop();
      ++given_;
      given_by_graph_ |= !exact_;
      if (!exact_ && !chosen_from_) last_ = nearest.distance;
      return nearest;
    }
    if (cursor_ == pending_.size()) {
      if (exact_) return std::nullopt;
      widen();
      continue;
    }
    if (cursor_ + kAhead < pending_.size()) prefetch(pending_[cursor_ + kAhead]);
    look_at(pending_[cursor_++]);
  }
}

// Whether the nearest row seen is nearer than all that are behind pending_.
bool NearestStream::is_certain() const {
  return !seen_.empty() && seen_.top().distance < behind_;
}

void NearestStream::keep_only(std::span<const int64_t> ids) {
  if (!scored_) score();
  for (Searched& layer : layers_)
    if (layer.by_graph) leave_graph(layer);
  exact_ = true;
  const IdSet set(ids);
  for (uint32_t s = 0; s < layers_.size(); ++s) {
    LayerBounds& bounds = layers_[s].bounds;
    for (uint32_t place = 0; place < bounds.size(); ++place)
      if (bounds[place] < kInfinity && !set.contains(id_of({0, s, place}))) bounds.remove(place);
  }
  pending_.erase(pending_.begin(), pending_.begin() + static_cast<ptrdiff_t>(cursor_));
  cursor_ = 0;
  std::erase_if(pending_, [&](const BoundedRow& c) { return !set.contains(id_of(c)); });
  decltype(seen_) kept;
  for (; !seen_.empty(); seen_.pop())
    if (set.contains(seen_.top().id)) kept.push(seen_.top());
  seen_ = std::move(kept);
}

void NearestStream::score() {
  scored_ = true;
  if (!counted_.scorer.has_distances()) {
    exact_ = true;
    return;
  }
  bool any = false;
  for (Searched& layer : layers_) {
    layer.by_graph = !exact_ && prefers_graph(layer.rows()) && search_graph(layer);
    any = any || layer.by_graph;
    if (!layer.by_graph) layer.bounds.scan(wanted_);
  }
  exact_ = !any;
  while (deepen()) {
  }
  const size_t needed = wanted_;
  while (!exact_ && is_short(needed)) widen();
}

// Puts those that have not been looked at back among all others.
void NearestStream::begin_anew() {
  for (; cursor_ < pending_.size(); ++cursor_) {
    const BoundedRow& c = pending_[cursor_];
    layers_[c.layer].bounds.set(c.place, c.bound);
  }
  pending_.clear();
  cursor_ = 0;
  batch_ = std::max<size_t>(batch_, 3 * wanted_);
  exhausted_ = false;
  is_by_distance_ = false;
  sharp_limit_ = -kInfinity;
  behind_ = -kInfinity;
}

bool NearestStream::is_rough() const {
  return std::any_of(layers_.begin(), layers_.end(),
                     [](const Searched& layer) { return layer.bounds.is_rough(); });
}

// Bounds by coarse codes are replaced by those of int8 codes, as far as the nearest rows may have
// them: no bound is of interest that is above the distances of as many rows as are missing. Those
// that are nearest by what is known are looked at for that.
void NearestStream::sharpen() {
  const bool is_cut = select(batch_, kInfinity);
  for (size_t i = 0; i < pending_.size(); ++i) {
    if (i + kCodesAhead < pending_.size()) {
      const BoundedRow& soon = pending_[i + kCodesAhead];
      layers_[soon.layer].bounds.prefetch(soon.place);
    }
    BoundedRow& c = pending_[i];
    LayerBounds& bounds = layers_[c.layer].bounds;
    bounds.sharpen(c.place);
    c.bound = bounds[c.place];
  }
  std::sort(pending_.begin(), pending_.end());
  const size_t missing = std::max(wanted_, given_ + 1) - given_;
  float limit = is_cut ? -kInfinity : kInfinity;
  if (is_cut && batch_ >= 3) limit = pending_[batch_ / 3 - 1].bound;  // a stream goes on and on
  for (size_t i = 0; i < std::min(missing, pending_.size()); ++i) {
    if (i + kAhead < pending_.size()) prefetch(pending_[i + kAhead]);
    const BoundedRow& c = pending_[i];
    layers_[c.layer].bounds.remove(c.place);
    if (const std::optional<double> distance = look_at(c))
      limit = std::max(limit, bound_of(*distance));
  }
  pending_.clear();
  sharp_limit_ = limit;
  for (Searched& layer : layers_) layer.bounds.sharpen_up_to(limit);
}

// Makes pending_ the next batch of rows, in order. Each batch is four times the last, so that
// reading everything takes a logarithmic number of passes.
void NearestStream::refill() {
  size_t rows = 0;
  for (const Searched& layer : layers_) rows += layer.bounds.size();
  if (rows == 0) {  // graphs have answered
    exhausted_ = true;
    return;
  }
  batch_ = std::min(batch_, rows + 1);  // one more than there are: all of them, and known to be
  if (sharp_limit_ < kInfinity && is_rough()) sharpen();
  if (!is_by_distance_ && !is_promising()) {
    is_by_distance_ = true;
    for (Searched& layer : layers_) layer.bounds.look_at_all();
  }
  const float last = is_rough() ? sharp_limit_ : kInfinity;
  const bool is_cut = select(batch_, last);
  exhausted_ = !is_cut && last == kInfinity;
  std::sort(pending_.begin(), pending_.end());
  behind_ = is_cut ? pending_.back().bound : std::nextafter(last, kInfinity);
  for (const BoundedRow& c : pending_) layers_[c.layer].bounds.remove(c.place);
  counted_.cost += 1e-3 * (kSelectCost * static_cast<double>(rows) +
                           kPendingCost * static_cast<double>(pending_.size()));
  batch_ *= 4;
}

// Makes pending_ the `most` rows with the smallest bounds, none above `last`, in no order.
// Whether some may be left that are not above it.
bool NearestStream::select(size_t most, float last) {
  pending_.clear();
  cursor_ = 0;
  float limit = std::nextafter(last, kInfinity);  // bounds from here on are not among them
  for (uint32_t s = 0; s < layers_.size(); ++s) {
    const LayerBounds& bounds = layers_[s].bounds;
    bounds.for_each_below(limit, [&](uint32_t place) {
      pending_.push_back({bounds[place], s, place});
      if (pending_.size() >= 2 * most) limit = keep_smallest(most);
    });
  }
  if (pending_.size() > most) keep_smallest(most);
  return pending_.size() == most;
}

// Whether looking at the rows whose bounds are below the distance of the last of those wanted, as
// far as it is known, costs less than looking at all of them as they lie.
bool NearestStream::is_promising() const {
  const size_t missing = std::max(wanted_, given_ + 1) - given_;
  if (seen_.size() < missing) return true;
  auto nearest = seen_;
  for (size_t i = 1; i < missing; ++i) nearest.pop();
  const float limit = bound_of(nearest.top().distance);
  size_t rows = 0;
  size_t nearer = 0;
  for (const Searched& layer : layers_) {
    rows += layer.bounds.size();
    nearer += layer.bounds.count_below_or_at(limit);
  }
  return nearer * kAstray <= rows;
}

// Cuts pending_ down to its `most` smallest; returns the greatest bound among them.
float NearestStream::keep_smallest(size_t most) {
  const auto last = pending_.begin() + static_cast<ptrdiff_t>(most - 1);
  std::nth_element(pending_.begin(), last, pending_.end());
  pending_.resize(most);
  return pending_.back().bound;
}

uint32_t NearestStream::row_of(const BoundedRow& bounded) const {
  return layers_[bounded.layer].bounds.row_at(bounded.place);
}

NearestStream::Place NearestStream::place_of(const BoundedRow& bounded) const {
  const RowLayer& layer = layers_[bounded.layer].rows();
  const uint32_t row = row_of(bounded);
  return {layer.block_of(row), row % layer.block_rows};
}

std::optional<double> NearestStream::look_at(const BoundedRow& bounded) {
  return look_at_row(layers_[bounded.layer].rows(), row_of(bounded));
}

// Valid until the next call.
const std::byte* NearestStream::vector_of(const RowLayer& layer, uint32_t row) {
  if (layer.verifier != nullptr) return layer.verifier->exact_row(row, room_);
  return layer.block_of(row).row(row % layer.block_rows);
}

// Its distance, if the row answers.
std::optional<double> NearestStream::look_at_row(const RowLayer& layer, uint32_t row) {
  const RowBlock& block = layer.block_of(row);
  const size_t i = row % layer.block_rows;
  const std::byte* const vector = vector_of(layer, row);  // compares the id with its checksum, too
  if (layer.is_changed(block.id(i))) return std::nullopt;
  counted_.count_look();
  const std::optional<double> distance = counted_.scorer.exact(vector);
  if (!distance) return std::nullopt;
  const Neighbor neighbor{block.id(i), *distance};
  if (last_ && *last_ > neighbor.distance) return std::nullopt;  // too late
  seen_.push(neighbor);
  return distance;
}

void NearestStream::prefetch(const BoundedRow& bounded) const {
  const RowLayer& layer = layers_[bounded.layer].rows();
  prefetch_row(layer, row_of(bounded));
}

// Rows lie anywhere in memory: they are on the way while others are looked at.
void NearestStream::prefetch_row(const RowLayer& layer, uint32_t row) const {
  const RowBlock& block = layer.block_of(row);
  const size_t i = row % layer.block_rows;
  if (block.ids != nullptr) storage::prefetch(block.ids + i, sizeof(int64_t));
  storage::prefetch(block.row(i), std::min<size_t>(block.exact_stride, kPrefetchBytes));
}

}  // namespace kindred::storage
