// Learns a vocabulary of sub-words from counted words. Pairs of pieces that stand together most
// often become one piece, again and again (byte-pair encoding: Sennrich, Haddow & Birch 2016),
// until there are more than wanted; kept are those that the longest-match-first tokenizer then uses
// most, and every single character.
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace kindred::model {

struct VocabularyOptions {
  size_t size = 16000;             // pieces
  double surplus = 1.5;            // so many times as many are learned
  uint64_t least_word = 3;         // a rarer word teaches no piece
  uint64_t least_character = 200;  // words with a rarer character teach nothing and are not split
};

class WordCounts {
 public:
  // Counts the words of a text. Neighbours in scripts without spaces count one by one.
  void add(std::string_view text);
  const std::unordered_map<std::u32string, uint64_t>& of_word() const noexcept { return of_word_; }

 private:
  std::unordered_map<std::u32string, uint64_t> of_word_;
};

// How frequent a character has to be (VocabularyOptions), at least 2, that there are at most
// `most`.
uint64_t least_character(const WordCounts& counts, size_t most);

// The pieces in WordPiece notation, ascending; fewer than options.size if the words have no more.
// The same counts give the same pieces. `look` is called every few milliseconds and may throw.
// Throws std::invalid_argument if there are more single characters than options.size.
std::vector<std::string> learn_vocabulary(
    const WordCounts& counts, const VocabularyOptions& options,
    const std::function<void()>& look = [] {});

}  // namespace kindred::model
