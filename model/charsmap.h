// SentencePiece's compiled rules of normalisation: a trie of byte strings (a double array, Aoe
// 1989, in the layout of Darts-clone) and the text that each is replaced by.
//
// Layout, little-endian: u32 bytes of the trie; the trie's u32 units; replacements, each ended by a
// zero byte. A unit: label in bits 0-7 and 31, has_leaf in bit 8, offset in bits 10-30, shifted by
// 8 where bit 9 is set; a leaf's is the place of the replacement.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kindred::model {

// Constant after construction, thread-safe.
class Charsmap {
 public:
  // Throws std::invalid_argument where the bytes are not of that layout.
  explicit Charsmap(std::string_view bytes);

  // Appends the normal form of a valid text. Grapheme clusters of fewer than six bytes are looked
  // up whole, by the shortest string that they begin with; then characters.
  void append_normal_form(std::string& out, std::string_view text) const;

 private:
  std::optional<std::string_view> find(std::string_view text) const noexcept;

  std::vector<uint32_t> units_;
  std::string replacements_;
};

// Throws std::invalid_argument where it is not base64 with padding.
std::string decode_base64(std::string_view text);

}  // namespace kindred::model
