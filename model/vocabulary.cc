// SPDX-License-Identifier: Apache-2.0
#include "model/vocabulary.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <bit>
#include <stdexcept>

#include "model/word_rarity.h"

namespace kindred::model {
namespace {

constexpr std::string_view kInside = "##";

// FNV-1a over characters: the hash of a prefix is on the way to that of the whole.
constexpr uint64_t start_hash(bool inside) {
  return inside ? 0x9e3779b97f4a7c15ULL : 0xcbf29ce484222325ULL;
}

constexpr uint64_t add_to_hash(uint64_t hash, char32_t c) {
  return (hash ^ c) * 0x100000001b3ULL;
}

}  // namespace

std::u32string to_code_points(std::string_view utf8) {
  std::u32string result;
  while (!utf8.empty()) {
    utf8proc_int32_t c = 0;
    const utf8proc_ssize_t used =
        utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(utf8.data()),
                         static_cast<utf8proc_ssize_t>(utf8.size()), &c);
    result.push_back(used > 0 ? static_cast<char32_t>(c) : char32_t{0xFFFD});
    utf8.remove_prefix(used > 0 ? static_cast<size_t>(used) : 1);
  }
  return result;
}

std::string to_utf8(std::u32string_view code_points) {
  std::string result;
  for (const char32_t c : code_points) {
    std::array<utf8proc_uint8_t, 4> bytes;
    const utf8proc_ssize_t used =
        utf8proc_encode_char(static_cast<utf8proc_int32_t>(c), bytes.data());
    result.append(reinterpret_cast<const char*>(bytes.data()), static_cast<size_t>(used));
  }
  return result;
}

Vocabulary::Vocabulary(std::vector<std::string> pieces) : pieces_(std::move(pieces)) {
  if (pieces_.size() > kMaxPieces)
    throw std::invalid_argument("vocabulary: at most " + std::to_string(kMaxPieces) +
                                " pieces are wanted, got " + std::to_string(pieces_.size()));
  std::sort(pieces_.begin(), pieces_.end());
  if (const auto twice = std::adjacent_find(pieces_.begin(), pieces_.end()); twice != pieces_.end())
    throw std::invalid_argument("vocabulary: the piece '" + *twice + "' is there twice");
  slots_.resize(std::bit_ceil(2 * pieces_.size() + 1));
  for (TokenId id = 0; id < pieces_.size(); ++id) {
    const bool inside = pieces_[id].starts_with(kInside);
    const std::u32string text =
        to_code_points(std::string_view(pieces_[id]).substr(inside ? kInside.size() : 0));
    if (text.empty() || text.size() > kMaxCharacters)
      throw std::invalid_argument("vocabulary: a piece of 1 to " + std::to_string(kMaxCharacters) +
                                  " characters is wanted, got " + std::to_string(text.size()));
    uint64_t hash = start_hash(inside);
    for (const char32_t c : text) hash = add_to_hash(hash, c);
    size_t slot = mix(hash) & (slots_.size() - 1);
    while (slots_[slot].length != 0) slot = (slot + 1) & (slots_.size() - 1);
    slots_[slot] = {static_cast<uint32_t>(characters_.size()), static_cast<uint16_t>(text.size()),
                    inside, id};
    characters_ += text;
    longest_ = std::max(longest_, text.size());
  }
}

std::optional<TokenId> Vocabulary::find(std::string_view piece) const {
  const auto at = std::lower_bound(pieces_.begin(), pieces_.end(), piece);
  if (at == pieces_.end() || *at != piece) return std::nullopt;
  return static_cast<TokenId>(at - pieces_.begin());
}

Vocabulary::Match Vocabulary::longest(std::u32string_view rest, bool inside) const noexcept {
  std::array<uint64_t, kMaxCharacters> hashes;  // of the prefixes of `rest`
  const size_t most = std::min(rest.size(), longest_);
  uint64_t hash = start_hash(inside);
  for (size_t i = 0; i < most; ++i) hashes[i] = hash = add_to_hash(hash, rest[i]);
  for (size_t length = most; length > 0; --length) {
    const size_t mask = slots_.size() - 1;
    for (size_t slot = mix(hashes[length - 1]) & mask; slots_[slot].length != 0;
         slot = (slot + 1) & mask) {
      const Entry& entry = slots_[slot];
      if (entry.length == length && (entry.is_inside != 0) == inside &&
          characters_of(entry) == rest.substr(0, length))
        return {entry.id, length};
    }
  }
  return {0, 0};
}

}  // namespace kindred::model
