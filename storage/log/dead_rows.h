// The rows of a segment that answer nothing any more: one bit for each rank (segment.h). As stored
// in the manifest: little-endian words of 64 bits, trailing zeros left out.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace kindred::storage {

class DeadRows {
 public:
  DeadRows() = default;
  // REQUIRES: bytes.size() % 8 == 0.
  explicit DeadRows(std::string_view bytes) : words_(bytes.size() / sizeof(uint64_t)) {
    if (!words_.empty()) std::memcpy(words_.data(), bytes.data(), words_.size() * sizeof(uint64_t));
  }

  bool contains(size_t rank) const noexcept {
    return rank / 64 < words_.size() && (words_[rank / 64] >> (rank % 64) & 1) != 0;
  }
  // Whether all that are dead in `others` are dead here.
  bool contains(const DeadRows& others) const noexcept {
    for (size_t i = 0; i < others.words_.size(); ++i)
      if ((others.words_[i] & ~(i < words_.size() ? words_[i] : 0)) != 0) return false;
    return true;
  }
  void add(size_t rank) {
    if (rank / 64 >= words_.size()) words_.resize(rank / 64 + 1);
    words_[rank / 64] |= uint64_t{1} << (rank % 64);
  }
  size_t count() const noexcept {
    size_t bits = 0;
    for (const uint64_t word : words_) bits += static_cast<size_t>(std::popcount(word));
    return bits;
  }
  // Whether none of `size` or more is.
  bool is_below(size_t size) const noexcept {
    const size_t whole = size / 64;
    if (words_.size() <= whole) return true;
    return words_.size() == whole + 1 && words_[whole] >> (size % 64) == 0;
  }
  // One more than the greatest rank that may be dead.
  size_t limit() const noexcept { return words_.size() * 64; }
  std::string_view bytes() const noexcept {
    return {reinterpret_cast<const char*>(words_.data()), words_.size() * sizeof(uint64_t)};
  }
  friend bool operator==(const DeadRows&, const DeadRows&) = default;

 private:
  std::vector<uint64_t> words_;
};

}  // namespace kindred::storage
