// The vocabulary of a pack: token <-> id, used where it lies, so that opening half a million tokens
// builds nothing. Tokens are bytes as a file had them, in the order of their ids.
//
// Layout, little-endian: u32 tokens n; u32 slots s, a power of two above n; u64 bytes a of all
// tokens; u32 ends[n], where each token ends within the bytes; u32 slots[s], a hash table with
// linear probing of id + 1, 0 where it is empty; bytes[a]; u64 checksum of all that is before it.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/packed_model.h"
#include "model/vocabulary.h"

namespace kindred::model {

// Collects tokens, and writes them. Memory is what the layout takes, twice at most.
class VocabularyBuilder {
 public:
  // Makes room for as many tokens as are expected; there may be more.
  explicit VocabularyBuilder(size_t expected = 0);
  size_t size() const noexcept { return ends_.size(); }
  // Gives the token the next id; false if it is there, which changes nothing. Throws
  // std::runtime_error where ids or bytes go beyond 32 bits.
  bool add(std::string_view token) { return add(token, expect(token)); }
  // The same in two steps for whoever knows several tokens ahead: expect() gives the token's hash
  // and begins to fetch what add() looks at, which is mostly a wait for memory.
  uint32_t expect(std::string_view token) const noexcept;
  bool add(std::string_view token, uint32_t hash);
  // REQUIRES: id < size().
  std::string_view token(TokenId id) const;
  void append_to(PackWriter& pack) const;

 private:
  size_t slot_of(std::string_view token, uint32_t hash) const noexcept;
  void double_slots();

  std::string bytes_;
  std::vector<uint32_t> ends_;
  std::vector<uint32_t> hashes_;  // of tokens, by id
  std::vector<uint32_t> slots_;
};

// A view of one. Constant after construction, thread-safe.
class PackedVocabulary {
 public:
  PackedVocabulary() = default;
  // The vocabulary at `offset` of the pack, which is borrowed for the view's life. Throws
  // std::runtime_error that says what is wrong at which offset.
  PackedVocabulary(std::span<const uint8_t> pack, size_t offset);

  size_t size() const noexcept { return size_; }
  // How many of the pack's bytes it takes.
  size_t bytes() const noexcept { return bytes_; }
  uint64_t checksum() const noexcept { return checksum_; }
  // REQUIRES: id < size().
  std::string_view token(TokenId id) const noexcept;
  std::optional<TokenId> find(std::string_view token) const noexcept;

 private:
  uint32_t end(size_t id) const noexcept;

  size_t size_ = 0, slot_mask_ = 0, bytes_ = 0;
  uint64_t checksum_ = 0;
  const uint8_t* ends_ = nullptr;
  const uint8_t* slots_ = nullptr;
  const char* text_ = nullptr;
};

// Throws the error of a damaged pack: "pack, offset 12: dim 1..65536 is wanted, got 0".
[[noreturn]] void fail_pack(size_t offset, const std::string& wanted, const std::string& got);

}  // namespace kindred::model
