// Text -> tokens: the words of model/unicode.h, each split into the vocabulary's longest pieces
// from left to right (WordPiece's rule). A word that holds a character without a piece is not split
// but handed out as hashes, so that text in a script the vocabulary does not know keeps its words.
// So is a word of another script than Latin whose pieces have fewer than two letters on average: of
// that script the vocabulary knows letters, as they stand in formulas, and no words.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "model/unicode.h"
#include "model/vocabulary.h"

namespace kindred::model {

struct Token {
  bool is_listed;
  TokenId id;                // if it is listed
  uint64_t hash;             // if it is not
  std::u32string_view text;  // the same; lives until the reader's next()
};

// Reads the tokens of a text in order, in one pass and constant memory. Not thread-safe.
class TokenReader {
 public:
  // Both are borrowed for the reader's life.
  TokenReader(const Vocabulary& vocabulary, std::string_view text) noexcept
      : vocabulary_(vocabulary), words_(text) {}

  // The next token; false at the end.
  bool next(Token& token);

 private:
  void split(const Word& word);
  void add_unlisted(std::u32string_view text);

  const Vocabulary& vocabulary_;
  WordReader words_;
  std::array<Token, 2 * WordReader::kMaxCharacters> tokens_;  // of the word last read
  size_t position_ = 0, count_ = 0;
};

// The ids of the tokens that are listed.
std::vector<TokenId> tokenize(const Vocabulary& vocabulary, std::string_view text);

}  // namespace kindred::model
