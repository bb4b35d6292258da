// The nearest nodes that a best-first search has met (Malkov & Yashunin 2018, algorithm 2: its two
// heaps in one).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>
#include <span>
#include <vector>

namespace kindred::storage {

// A node that has been met. Ordered by key, then number, so that a search has one outcome.
struct Candidate {
  float key;
  uint32_t node;
  bool operator<(const Candidate& other) const noexcept {
    return key != other.key ? key < other.key : node < other.node;
  }
};

// Nodes that a pool can tell apart; graphs have no more.
inline constexpr uint64_t kMostNodes = uint64_t{1} << 31;

// How far a pool takes candidates: to so many times the distance of those wanted, which is their
// key and the offset.
struct Reach {
  size_t nearest = 0;  // that are wanted; 0: a pool takes as many as it has room for
  size_t least = 0;    // candidates that are taken however far they are, no fewer than `nearest`
  float offset = 0;
  float factor = 1;
};

// The nearest candidates, sorted, of which some have been expanded. Faster than two heaps up to
// several hundred: most that come in belong near the end, and are put in their place without a
// branch that a processor could not foresee.
class CandidatePool {
 public:
  // A candidate, and whether it has been expanded, as one number that orders as candidates do. A
  // float64, of which every processor has the minimum and maximum of two at a time.
  using Entry = double;

  void reset(size_t capacity, const Reach& reach = {}) {
    size_ = 0;
    next_ = 0;
    nearest_new_ = kNone;
    capacity_ = 0;
    reach_ = reach;
    grow(capacity);
  }
  size_t size() const noexcept { return size_; }
  size_t capacity() const noexcept { return capacity_; }
  Candidate operator[](size_t i) const noexcept { return unpack(at(i)); }
  bool is_full() const noexcept { return size_ == capacity_; }
  // Keys from here on are not taken.
  float limit() const noexcept { return limit_; }

  // Room for more, behind what is there. REQUIRES: all have been expanded.
  void grow(size_t capacity) {
    if (entries_.size() < kBefore + capacity) {
      entries_.resize(kBefore + capacity);
      std::fill_n(entries_.begin(), kBefore, -kNone);
    }
    std::fill(first() + capacity_, first() + capacity, kNone);
    capacity_ = capacity;
    set_limit();
  }
  Entry last_entry() const noexcept { return at(size_ - 1); }
  // Of one that has not been expanded.
  static Entry entry_of(const Candidate& candidate) noexcept { return pack(candidate); }
  // REQUIRES: there is room for them, they ascend, and none is nearer than any in it.
  void append(std::span<const Entry> entries) noexcept {
    std::copy(entries.begin(), entries.end(), first() + size_);
    size_ += entries.size();
    set_limit();
  }

  // REQUIRES: the key is not NaN, and the node below kMostNodes.
  void insert(const Candidate& candidate) noexcept {
    const Entry entry = pack(candidate);
    Entry* block = first() + capacity_ - kBlock;  // the last that is not empty
    if (size_ < capacity_) block -= (capacity_ - size_ - 1) / kBlock * kBlock;
    for (; entry < block[-1]; block -= kBlock) {
      std::array<Entry, kBlock> moved;
      std::memcpy(moved.data(), block - 1, sizeof moved);
      std::memcpy(block, moved.data(), sizeof moved);
    }
    put(entry, block);
    size_ = std::min(size_ + 1, capacity_);
    nearest_new_ = std::min(nearest_new_, entry);
    set_limit();
  }

  // Gives up those that are beyond reach.
  void trim() noexcept {
    if (!is_within_reach()) return;
    while (size_ > reach_.least && (*this)[size_ - 1].key > limit_) at(--size_) = kNone;
    next_ = std::min(next_, size_);
  }

  // The next that has not been expanded, which it is from now on.
  std::optional<uint32_t> take() noexcept {
    while (next_ > 0 && nearest_new_ <= at(next_ - 1)) --next_;
    nearest_new_ = kNone;
    while (next_ < size_ && is_expanded(at(next_))) ++next_;
    if (next_ == size_) return std::nullopt;
    Entry& entry = at(next_++);
    entry = std::bit_cast<Entry>(std::bit_cast<uint64_t>(entry) | 1);
    return unpack(entry).node;
  }

 private:
  static constexpr size_t kBlock = 16;  // entries that make room at once
  // Before the first, so that blocks may begin there.
  static constexpr size_t kBefore = kBlock + 2;
  // Behind the last; before the first its negative.
  static constexpr Entry kNone = std::numeric_limits<Entry>::infinity();

  // So that no entry is a denormal number, which some programs have processors take for zero.
  static constexpr uint64_t kNormal = uint64_t{1} << 52;

  // The key's bits, then the node's, then whether it has been expanded.
  static Entry pack(const Candidate& candidate) noexcept {
    const auto bits = std::bit_cast<int32_t>(candidate.key);
    const auto low = (candidate.node ^ static_cast<uint32_t>(bits >> 31)) << 1;
    return std::bit_cast<Entry>((uint64_t{static_cast<uint32_t>(bits)} << 32 | low) + kNormal);
  }
  static Candidate unpack(Entry entry) noexcept {
    const uint64_t bits = std::bit_cast<uint64_t>(entry) - kNormal;
    const auto key = static_cast<int32_t>(bits >> 32);
    const auto node = static_cast<uint32_t>(bits) ^ static_cast<uint32_t>(key >> 31);
    return {std::bit_cast<float>(key), node >> 1};
  }
  static bool is_expanded(Entry entry) noexcept {
    return (std::bit_cast<uint64_t>(entry) & 1) != 0;
  }

  Entry* first() noexcept { return entries_.data() + kBefore; }
  Entry& at(size_t i) noexcept { return entries_[kBefore + i]; }
  const Entry& at(size_t i) const noexcept { return entries_[kBefore + i]; }

  // In a block, of which what is farther makes room for it. The one before is not farther. Loads
  // begin where the stores of a call before did, so that they need not wait for these.
  static void put(Entry entry, Entry* block) noexcept {
    using Two = Entry __attribute__((vector_size(2 * sizeof(Entry))));
    constexpr size_t kTwo = 2;
    const Two both{entry, entry};
    Two here;
    std::memcpy(&here, block + kBlock - kTwo, sizeof here);
    for (Entry* two = block + kBlock - kTwo; two >= block; two -= kTwo) {
      Two lower;
      std::memcpy(&lower, two - kTwo, sizeof lower);
      const Two before = __builtin_shufflevector(lower, here, 1, 2);
      const Two nearer = here < both ? here : both;
      const Two made = before > nearer ? before : nearer;
      std::memcpy(two, &made, sizeof made);
      here = lower;
    }
  }

  void set_limit() noexcept {
    const float last = (*this)[capacity_ - 1].key;
    limit_ = is_full() ? last : std::numeric_limits<float>::infinity();
    if (is_within_reach()) limit_ = std::min(limit_, end_of_reach());
  }
  bool is_within_reach() const noexcept { return reach_.nearest > 0 && size_ >= reach_.least; }
  float end_of_reach() const noexcept {
    const float distance = (*this)[reach_.nearest - 1].key + reach_.offset;
    return std::max(distance * reach_.factor - reach_.offset, (*this)[reach_.least - 1].key);
  }

  std::vector<Entry> entries_;
  Reach reach_;
  size_t capacity_ = 0;
  size_t size_ = 0;
  size_t next_ = 0;  // all before that are not nearer than nearest_new_ have been expanded
  Entry nearest_new_ = kNone;
  float limit_ = std::numeric_limits<float>::infinity();
};

}  // namespace kindred::storage
