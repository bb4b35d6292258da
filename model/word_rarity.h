// How rare an English word is, from the list in model/data/word_rarity.bin, which is linked into
// the library and searched where it lies. The list keeps a fingerprint of each word, not the word.
// Its format and its sources: model/data/README.md.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace kindred::model {

// The hash by which the list knows a word. Also the hash of the word as a feature.
uint64_t hash_word(std::u32string_view folded) noexcept;

// Spreads every bit of h over all 64 (the finaliser of MurmurHash3, Austin Appleby 2011).
constexpr uint64_t mix(uint64_t h) noexcept {
  h ^= h >> 33;
  h *= 0xff51afd7ed558ccdULL;
  h ^= h >> 33;
  h *= 0xc4ceb9fe1a85ec53ULL;
  return h ^ (h >> 33);
}

// A view of a list: a hash table with linear probing. Constant, thread-safe.
class WordRarity {
 public:
  // Rarity is a number of bits: one occurrence in 2^(r-1)..2^r words. "the" has 4.
  static constexpr unsigned kMinimum = 1, kMaximum = 31;

  // The list in the library. Its slots live as long as the process.
  static WordRarity built_in() noexcept;

  // REQUIRES: a power of two of slots, at least one of them empty; they outlive the view.
  explicit constexpr WordRarity(std::span<const uint16_t> slots) noexcept : slots_(slots) {}

  // nullopt for a word that is not in the list: it is rarer than all that are.
  std::optional<unsigned> find(uint64_t word_hash) const noexcept;

  std::span<const uint16_t> slots() const noexcept { return slots_; }

 private:
  std::span<const uint16_t> slots_;
};

// Makes a list. `rarity` is kMinimum..kMaximum; of two words with one fingerprint in reach of each
// other the first inserted wins, so insert common words first.
class WordRarityBuilder {
 public:
  // REQUIRES: slot_count is a power of two and more than the number of words to come.
  explicit WordRarityBuilder(size_t slot_count) : slots_(slot_count) {}
  void insert(uint64_t word_hash, unsigned rarity);
  const std::vector<uint16_t>& slots() const noexcept { return slots_; }

 private:
  std::vector<uint16_t> slots_;
};

}  // namespace kindred::model
