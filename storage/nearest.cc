// SPDX-License-Identifier: Apache-2.0
#include "storage/nearest.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "storage/coarse_codes.h"
#include "storage/prefetch.h"

namespace kindred::storage {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// Rows compared with the threshold at once: most blocks hold nothing near enough.
constexpr size_t kBlock = 32;

// How much of a row is fetched ahead: the processor fetches the rest of a long one by itself.
constexpr size_t kPrefetchBytes = 2048;
// Rows whose codes, which are shorter, are on the way.
constexpr size_t kCodesAhead = 8;

// In ns: a row that is looked at exactly, at least.
constexpr double kLookCost = 600;

// The same of a row whose int8 codes are looked at.
constexpr double kSharpenCost = 80;

// Of a row whose bound is compared with others, and of one that is put in order and looked at in
// its turn; without the looking.
constexpr double kSelectCost = 8;
constexpr double kPendingCost = 150;

// Rows looked at that there is room for at once.
constexpr size_t kSeenAtFirst = 128;

// Rows that are read in order in the time of one elsewhere.
constexpr size_t kScannedOfListed = 4;
// Coarse codes are worth reading where one of so many rows is wanted at most.
constexpr size_t kCoarseOfWanted = 128;
// What a scan of int8 codes costs, of one of coarse codes.
constexpr double kFineOfCoarse = 2;
// Where more than one of so many is looked at for its int8 codes, and more than these, those of all
// are: in order they are read twenty times as fast. (A stream of 1,000 among 100,000 rows takes 5.1
// ms, with 8 instead of 32 it was 9.4; one of 30 takes 2.0 either way.)
constexpr size_t kSharpenedOfAll = 32;
constexpr size_t kSharpenedApart = 512;

// Rows looked at in the order of their bounds cost so many times as much as those looked at in the
// order in which they lie: they come from anywhere in memory (0.58 against 0.11 us at 1 KiB).
constexpr size_t kAstray = 5;

// A distance as a bound: itself, unless it is beyond float32's range.
float bound_of(double distance) noexcept {
  constexpr float kMost = std::numeric_limits<float>::max();
  if (distance < -kMost) return -kInfinity;
  return static_cast<float>(std::min<double>(distance, kMost));
}

bool is_coarse(const RowLayer& layer) noexcept {
  return layer.count > 0 && layer.block_of(0).coarse != nullptr;
}

// Whether only listed rows are read: where they are many, reading all in order is quicker.
bool reads_apart(const RowLayer& layer) noexcept {
  return layer.only && layer.only->size() <= layer.count / kScannedOfListed;
}

void verify_codes(const RowLayer& layer, size_t first, size_t count, bool coarse) {
  if (layer.verifier == nullptr) return;
  if (coarse)
    layer.verifier->verify_coarse(first, count);
  else
    layer.verifier->verify_rows(first, count);
}

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
      scorer_(spec, query),
      costs_(search_costs(spec)),
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
    layers_.emplace_back(std::move(rows), KeyErrors(spec.metric == math::Metric::kL2));
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
    std::vector<float>& bounds = layers_[s].bounds;
    for (uint32_t i = 0; i < bounds.size(); ++i)
      if (bounds[i] < kInfinity && !set.contains(id_of({0, s, i}))) bounds[i] = kInfinity;
  }
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
  bool any = false;
  for (Searched& layer : layers_) {
    layer.by_graph = !exact_ && prefers_graph(layer.rows) && search_graph(layer);
    any = any || layer.by_graph;
    if (!layer.by_graph) score(layer);
  }
  exact_ = !any;
  const size_t needed = wanted_;
  while (!exact_ && is_short(needed)) widen();
}

// Whether coarse codes save reading most of the int8 ones: not where many rows are wanted, nor
// where rows lie apart, which costs more than their bytes.
bool NearestStream::is_worth_coarse(const RowLayer& layer) const {
  return is_coarse(layer) && !reads_apart(layer) && wanted_ * kCoarseOfWanted <= layer.count;
}

void NearestStream::score(Searched& searched) {
  const RowLayer& layer = searched.rows;
  std::vector<float>& bounds = searched.bounds;
  const bool coarse = is_worth_coarse(layer);
  if (layer.only)
    score_only(searched, coarse);
  else
    score_whole(searched, coarse);
  const size_t read = reads_apart(layer) ? bounds.size() : layer.count;
  visited_ += read;
  searched.sharp.assign(coarse ? bounds.size() : 0, false);
  is_rough_ = is_rough_ || coarse;
  const double each = is_coarse(layer) && !coarse ? kFineOfCoarse * costs_.scan : costs_.scan;
  cost_ += each * 1e-3 * static_cast<double>(read);
}

// Puts candidates that have not been looked at back among all others.
void NearestStream::begin_anew() {
  for (; cursor_ < pending_.size(); ++cursor_) {
    const Candidate& c = pending_[cursor_];
    layers_[c.layer].bounds[c.place] = c.bound;
  }
  pending_.clear();
  cursor_ = 0;
  batch_ = std::max<size_t>(batch_, 3 * wanted_);
  exhausted_ = false;
  scored_exactly_ = false;
  sharp_limit_ = -kInfinity;
  behind_ = -kInfinity;
}

// Bounds of a block's rows, by coarse codes or by those that a row has anyway; hidden rows are not
// left out.
void NearestStream::score_block(const RowLayer& layer, size_t first, bool coarse, float* out) {
  const RowBlock& block = layer.block_of(first);
  const size_t count = std::min(layer.block_rows, layer.count - first);
  verify_codes(layer, first, count, coarse);
  if (coarse)
    scorer_.rough_bounds(block, 0, count, out);
  else
    scorer_.lower_bounds(block, count, out);
  if (block.dead == nullptr || block.dead->load(std::memory_order_relaxed) == 0) return;
  for (size_t i = 0; i < count; ++i)
    if (!layer.alive(first + i)) out[i] = kInfinity;
}

void NearestStream::score_whole(Searched& searched, bool coarse) {
  const RowLayer& layer = searched.rows;
  searched.bounds.resize(layer.count);
  for (size_t first = 0; first < layer.count; first += layer.block_rows)
    score_block(layer, first, coarse, searched.bounds.data() + first);
  if (layer.hidden == nullptr) return;
  for (const uint32_t row : *layer.hidden) searched.bounds[row] = kInfinity;
}

// Bounds that are below those by codes become these. All rows are read in order, block by block.
void NearestStream::raise_bounds(Searched& searched, bool coarse) {
  const RowLayer& layer = searched.rows;
  std::vector<float>& bounds = searched.bounds;
  std::vector<float> scored(std::min(layer.block_rows, layer.count));
  uint32_t place = 0;
  for (size_t first = 0; first < layer.count; first += layer.block_rows) {
    score_block(layer, first, coarse, scored.data());
    const size_t end = std::min(first + layer.block_rows, layer.count);
    for (; place < bounds.size() && searched.row_at(place) < end; ++place)
      bounds[place] = std::max(bounds[place], scored[searched.row_at(place) - first]);
  }
}

void NearestStream::score_only(Searched& searched, bool coarse) {
  const RowLayer& layer = searched.rows;
  if (reads_apart(layer)) return score_listed(layer, searched.bounds);
  searched.bounds.assign(layer.only->size(), -kInfinity);
  raise_bounds(searched, coarse);
  if (layer.hidden == nullptr) return;
  for (const uint32_t row : *layer.hidden) {
    const size_t place = layer.place_of(row);
    if (place < searched.bounds.size() && (*layer.only)[place] == row)
      searched.bounds[place] = kInfinity;
  }
}

void NearestStream::score_listed(const RowLayer& layer, std::vector<float>& bounds) {
  const std::vector<uint32_t>& rows = *layer.only;
  bounds.resize(rows.size());
  size_t verified = 0;  // rows before this one need not be asked for
  for (size_t i = 0; i < bounds.size(); ++i) {
    const uint32_t row = rows[i];
    if (i + kCodesAhead < bounds.size()) prefetch_codes(layer, rows[i + kCodesAhead]);
    if (row >= verified) {
      verified = std::min<size_t>(layer.count, (row / kBlock + 1) * kBlock);
      verify_codes(layer, row, verified - row, false);
    }
    bounds[i] = layer.is_hidden(row)
                    ? kInfinity
                    : scorer_.lower_bound(layer.block_of(row), row % layer.block_rows);
  }
}

// Bounds by coarse codes are replaced by those of int8 codes, as far as the nearest rows may have
// them: no bound is of interest that is above the distances of as many rows as are missing. Those
// that are nearest by what is known are looked at for that.
void NearestStream::sharpen() {
  const bool is_cut = select(batch_, kInfinity);
  for (size_t i = 0; i < pending_.size(); ++i) {
    if (i + kCodesAhead < pending_.size()) {
      const Candidate& soon = pending_[i + kCodesAhead];
      prefetch_codes(layers_[soon.layer].rows, row_of(soon));
    }
    Candidate& c = pending_[i];
    Searched& layer = layers_[c.layer];
    sharpen_at(layer, c.place);
    c.bound = layer.bounds[c.place];
  }
  std::sort(pending_.begin(), pending_.end());
  const size_t missing = std::max(wanted_, given_ + 1) - given_;
  float limit = is_cut ? -kInfinity : kInfinity;
  if (is_cut && batch_ >= 3) limit = pending_[batch_ / 3 - 1].bound;  // a stream goes on and on
  for (size_t i = 0; i < std::min(missing, pending_.size()); ++i) {
    if (i + kAhead < pending_.size()) prefetch(pending_[i + kAhead]);
    const Candidate& c = pending_[i];
    layers_[c.layer].bounds[c.place] = kInfinity;
    if (const std::optional<double> distance = look_at(c))
      limit = std::max(limit, bound_of(*distance));
  }
  pending_.clear();
  sharpen_below(limit);
}

// Every bound that is not above the limit.
void NearestStream::sharpen_below(float limit) {
  sharp_limit_ = limit;
  for (Searched& layer : layers_) {
    if (layer.sharp.empty()) continue;
    std::vector<uint32_t> places;
    const std::vector<float>& bounds = layer.bounds;
    for (size_t first = 0; first < bounds.size(); first += kBlock) {
      const size_t count = std::min(kBlock, bounds.size() - first);
      if (smallest(bounds.data() + first, count) > limit) continue;
      for (size_t i = first; i < first + count; ++i)
        if (bounds[i] <= limit && bounds[i] < kInfinity && !layer.sharp[i])
          places.push_back(static_cast<uint32_t>(i));
    }
    if (places.size() > std::max(bounds.size() / kSharpenedOfAll, kSharpenedApart))
      sharpen_all(layer);
    else
      sharpen(layer, places);
  }
  is_rough_ = std::any_of(layers_.begin(), layers_.end(),
                          [](const Searched& layer) { return !layer.sharp.empty(); });
}

void NearestStream::sharpen(Searched& layer, const std::vector<uint32_t>& places) {
  for (size_t i = 0; i < places.size(); ++i) {
    if (i + kCodesAhead < places.size())
      prefetch_codes(layer.rows, layer.row_at(places[i + kCodesAhead]));
    sharpen_at(layer, places[i]);
  }
}

// In the order in which they lie.
void NearestStream::sharpen_all(Searched& layer) {
  raise_bounds(layer, false);
  cost_ += kFineOfCoarse * costs_.scan * 1e-3 * static_cast<double>(layer.rows.count);
  sharpened_ += layer.bounds.size();
  layer.sharp.clear();
}

void NearestStream::sharpen_at(Searched& layer, uint32_t place) {
  if (layer.sharp.empty() || layer.sharp[place]) return;
  layer.sharp[place] = true;
  const uint32_t row = layer.row_at(place);
  ++sharpened_;
  cost_ += kSharpenCost * 1e-3;
  const RowLayer& rows = layer.rows;
  if (rows.verifier != nullptr) rows.verifier->verify_rows(row, 1);
  float& bound = layer.bounds[place];
  bound = std::max(bound, scorer_.lower_bound(rows.block_of(row), row % rows.block_rows));
}

// Makes pending_ the next batch of candidates, in order. Each batch is four times the last, so that
// reading everything takes a logarithmic number of passes.
void NearestStream::refill() {
  size_t rows = 0;
  for (const Searched& layer : layers_) rows += layer.bounds.size();
  if (rows == 0) {  // graphs have answered
    exhausted_ = true;
    return;
  }
  batch_ = std::min(batch_, rows + 1);  // one more than there are: all of them, and known to be
  if (is_rough_ && sharp_limit_ < kInfinity) sharpen();
  if (!scored_exactly_ && !is_promising()) score_exactly();
  const float last = is_rough_ ? sharp_limit_ : kInfinity;
  const bool is_cut = select(batch_, last);
  exhausted_ = !is_cut && last == kInfinity;
  std::sort(pending_.begin(), pending_.end());
  behind_ = is_cut ? pending_.back().bound : std::nextafter(last, kInfinity);
  for (const Candidate& c : pending_) layers_[c.layer].bounds[c.place] = kInfinity;
  cost_ += 1e-3 * (kSelectCost * static_cast<double>(rows) +
                   kPendingCost * static_cast<double>(pending_.size()));
  batch_ *= 4;
}

// Makes pending_ the `most` candidates with the smallest bounds, none above `last`, in no order.
// Whether some may be left that are not above it.
bool NearestStream::select(size_t most, float last) {
  pending_.clear();
  cursor_ = 0;
  float limit = std::nextafter(last, kInfinity);  // candidates from here on are not among them
  for (uint32_t s = 0; s < layers_.size(); ++s) {
    const std::vector<float>& bounds = layers_[s].bounds;
    for (size_t first = 0; first < bounds.size(); first += kBlock) {
      const size_t count = std::min(kBlock, bounds.size() - first);
      if (smallest(bounds.data() + first, count) >= limit) continue;
      for (size_t i = first; i < first + count; ++i)
        if (bounds[i] < limit) pending_.push_back({bounds[i], s, static_cast<uint32_t>(i)});
      if (pending_.size() >= 2 * most) limit = keep_smallest(most);
    }
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
    nearer += static_cast<size_t>(std::count_if(layer.bounds.begin(), layer.bounds.end(),
                                                [limit](float bound) { return bound <= limit; }));
  }
  return nearer * kAstray <= rows;
}

// Puts distances in the place of bounds.
void NearestStream::score_exactly() {
  scored_exactly_ = true;
  is_rough_ = false;
  for (Searched& layer : layers_) layer.sharp.clear();
  for (Searched& searched : layers_) {
    const RowLayer& layer = searched.rows;
    for (uint32_t place = 0; place < searched.bounds.size(); ++place) {
      float& bound = searched.bounds[place];
      if (bound == kInfinity) continue;
      const uint32_t row = searched.row_at(place);
      if (layer.verifier != nullptr) layer.verifier->verify_exact(row);
      const std::optional<double> distance =
          scorer_.exact(layer.block_of(row), row % layer.block_rows);
      ++visited_;
      cost_ += std::max(costs_.look, kLookCost) / kAstray * 1e-3;
      bound = distance ? bound_of(*distance) : kInfinity;
    }
  }
}

// Cuts pending_ down to its `most` smallest candidates; returns the greatest bound among them.
float NearestStream::keep_smallest(size_t most) {
  const auto last = pending_.begin() + static_cast<ptrdiff_t>(most - 1);
  std::nth_element(pending_.begin(), last, pending_.end());
  pending_.resize(most);
  return pending_.back().bound;
}

uint32_t NearestStream::row_of(const Candidate& candidate) const {
  return layers_[candidate.layer].row_at(candidate.place);
}

NearestStream::Place NearestStream::place_of(const Candidate& candidate) const {
  const RowLayer& layer = layers_[candidate.layer].rows;
  const uint32_t row = row_of(candidate);
  return {layer.block_of(row), row % layer.block_rows};
}

std::optional<double> NearestStream::look_at(const Candidate& candidate) {
  return look_at_row(layers_[candidate.layer].rows, row_of(candidate));
}

// Its distance, if the row answers.
std::optional<double> NearestStream::look_at_row(const RowLayer& layer, uint32_t row) {
  const RowBlock& block = layer.block_of(row);
  const size_t i = row % layer.block_rows;
  if (layer.is_changed(block.id[i])) return std::nullopt;
  ++visited_;
  cost_ += std::max(costs_.look, kLookCost) * 1e-3;
  if (layer.verifier != nullptr) layer.verifier->verify_exact(row);
  const std::optional<double> distance = scorer_.exact(block, i);
  if (!distance) return std::nullopt;
  const Neighbor neighbor{block.id[i], *distance};
  if (last_ && *last_ > neighbor.distance) return std::nullopt;  // too late
  seen_.push(neighbor);
  return distance;
}

void NearestStream::prefetch(const Candidate& candidate) const {
  const RowLayer& layer = layers_[candidate.layer].rows;
  prefetch_row(layer, row_of(candidate));
}

// Listed rows lie apart, and what a bound is made of in six places.
void NearestStream::prefetch_codes(const RowLayer& layer, uint32_t row) const {
  const RowBlock& block = layer.block_of(row);
  const size_t i = row % layer.block_rows;
  for (const float* numbers :
       {block.scale, block.code_norm, block.residual_norm, block.suffix_norm, block.norm_squared})
    if (numbers != nullptr) storage::prefetch(numbers + i, sizeof(float));
  const bool coded = block.code_stride > 0;
  const auto* at = coded ? reinterpret_cast<const std::byte*>(block.code(i)) : block.row(i);
  storage::prefetch(at, std::min(coded ? block.code_stride : block.exact_stride, kPrefetchBytes));
}

// Candidates lie anywhere in memory: their rows are on the way while others are looked at.
void NearestStream::prefetch_row(const RowLayer& layer, uint32_t row) const {
  const RowBlock& block = layer.block_of(row);
  const size_t i = row % layer.block_rows;
  storage::prefetch(block.id + i, sizeof(int64_t));
  storage::prefetch(block.row(i), std::min<size_t>(block.exact_stride, kPrefetchBytes));
}

}  // namespace kindred::storage
