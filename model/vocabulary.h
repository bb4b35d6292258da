// The sub-words that a token table has rows for: text <-> token id, and the longest one that a word
// goes on with. Greedy longest-match-first is WordPiece's rule (Schuster & Nakajima 2012; Devlin et
// al. 2019), and its notation is used for pieces that go on within a word: "##ing". A word holds no
// '#' (model/unicode.h), so the notation is unambiguous.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kindred::model {

using TokenId = uint32_t;

// One code point a character; what is no UTF-8 reads as U+FFFD.
std::u32string to_code_points(std::string_view utf8);
std::string to_utf8(std::u32string_view code_points);

// A set of pieces in ascending order of their UTF-8 notation; the id is the place in that order.
// Constant after construction, thread-safe.
class Vocabulary {
 public:
  static constexpr size_t kMaxPieces = 1 << 20;
  static constexpr size_t kMaxCharacters = 64;  // of a piece

  struct Match {
    TokenId id;
    size_t length;  // characters; 0: no piece fits
  };

  Vocabulary() = default;
  // `pieces` in WordPiece notation, in any order. Throws std::invalid_argument where a piece is
  // empty, longer than kMaxCharacters, or there twice, or there are more than kMaxPieces.
  explicit Vocabulary(std::vector<std::string> pieces);

  size_t size() const noexcept { return pieces_.size(); }
  const std::string& piece(TokenId id) const { return pieces_[id]; }
  // The id of the piece in this notation; nullopt if there is none.
  std::optional<TokenId> find(std::string_view piece) const;
  // The longest piece that `rest` begins with; `inside`: it is what is left of a word, so the
  // piece is one with "##".
  Match longest(std::u32string_view rest, bool inside) const noexcept;

 private:
  struct Entry {
    uint32_t first;   // in characters_
    uint16_t length;  // 0: an empty slot
    uint16_t is_inside;
    TokenId id;
  };
  std::u32string_view characters_of(const Entry& entry) const {
    return std::u32string_view(characters_).substr(entry.first, entry.length);
  }

  std::vector<std::string> pieces_;
  std::u32string characters_;  // of all pieces, without "##"
  std::vector<Entry> slots_;   // hash table with linear probing, a power of two
  size_t longest_ = 0;         // characters of the longest piece
};

}  // namespace kindred::model
