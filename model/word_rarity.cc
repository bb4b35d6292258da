// SPDX-License-Identifier: Apache-2.0
#include "model/word_rarity.h"

// Defined in word_rarity_data.S.
extern "C" const uint16_t kindred_word_rarity[];
extern "C" const uint16_t kindred_word_rarity_end[];

namespace kindred::model {
namespace {

// A slot: fingerprint above rarity; 0 is empty, which no word is, for its rarity is at least 1.
constexpr unsigned kRarityBits = 5;

// The hash's low bits choose the slot, its high bits tell the words of neighbouring slots apart.
constexpr uint16_t fingerprint(uint64_t hash) noexcept {
  return static_cast<uint16_t>(hash >> (64 - 16 + kRarityBits));
}

}  // namespace

uint64_t hash_word(std::u32string_view folded) noexcept {
  uint64_t h = 0xcbf29ce484222325ULL;  // FNV-1a over code points, then mixed
  for (const char32_t c : folded) h = (h ^ c) * 0x100000001b3ULL;
  return mix(h);
}

WordRarity WordRarity::built_in() noexcept {
  return WordRarity({kindred_word_rarity, kindred_word_rarity_end});
}

std::optional<unsigned> WordRarity::find(uint64_t word_hash) const noexcept {
  const size_t mask = slots_.size() - 1;
  for (size_t i = word_hash & mask; slots_[i] != 0; i = (i + 1) & mask)
    if (slots_[i] >> kRarityBits == fingerprint(word_hash)) return slots_[i] & kMaximum;
  return std::nullopt;
}

void WordRarityBuilder::insert(uint64_t word_hash, unsigned rarity) {
  if (WordRarity(slots_).find(word_hash)) return;
  const size_t mask = slots_.size() - 1;
  size_t i = word_hash & mask;
  while (slots_[i] != 0) i = (i + 1) & mask;
  slots_[i] = static_cast<uint16_t>(fingerprint(word_hash) << kRarityBits | rarity);
}

}  // namespace kindred::model
