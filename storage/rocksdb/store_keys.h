// The keys of the store's rows, and its format version. Mirrors docs/format.md, "The store". Keys
// compare as bytes: a segment's rows stand together, by ascending rowid, and its end after them.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace kindred::storage {

// Written into each store; a newer one is refused.
inline constexpr int64_t kStoreFormatVersion = 1;

template <size_t n>
struct Key {
  std::array<char, n> bytes;
  std::string_view view() const noexcept { return {bytes.data(), n}; }
};

using SegmentKey = Key<8>;  // before every row of the segment, after every row of a lower one
using RowKey = Key<16>;
using EndKey = Key<17>;  // after every row of the segment

inline void put_big_endian(char* at, uint64_t value) noexcept {
  for (int i = 0; i < 8; ++i) at[i] = static_cast<char>(value >> (56 - 8 * i));
}

// REQUIRES: 8 bytes at `at`.
inline uint64_t big_endian(const char* at) noexcept {
  uint64_t value = 0;
  for (int i = 0; i < 8; ++i) value = value << 8 | static_cast<unsigned char>(at[i]);
  return value;
}

// Segments are below 2^63, so that each range ends at segment + 1.
inline SegmentKey segment_key(uint64_t segment) noexcept {
  SegmentKey key;
  put_big_endian(key.bytes.data(), segment);
  return key;
}

inline RowKey row_key(int64_t segment, int64_t id) noexcept {
  RowKey key;
  put_big_endian(key.bytes.data(), static_cast<uint64_t>(segment));
  put_big_endian(key.bytes.data() + 8, static_cast<uint64_t>(id) ^ (uint64_t{1} << 63));
  return key;
}

inline EndKey end_key(int64_t segment) noexcept {
  EndKey key;
  put_big_endian(key.bytes.data(), static_cast<uint64_t>(segment));
  std::fill(key.bytes.begin() + 8, key.bytes.end(), '\xff');
  return key;
}

// REQUIRES: key.size() is that of a RowKey.
inline int64_t id_of_row(std::string_view key) noexcept {
  return static_cast<int64_t>(big_endian(key.data() + 8) ^ (uint64_t{1} << 63));
}

}  // namespace kindred::storage
