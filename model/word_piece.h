// WordPiece: the longest token that a word begins with, then the longest that goes on, and so forth
// (Schuster & Nakajima 2012; Devlin et al. 2019). A word of which any part fits no token is unknown
// as a whole.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/token_model.h"

namespace kindred::model {

struct WordPieceOptions {
  std::optional<TokenId> unknown;
  std::string continuation = "##";  // what tokens begin with that go on within a word
  size_t max_characters = 100;      // a longer word is unknown
};

class WordPiece final : public TokenModel {
 public:
  static constexpr size_t kMaxCharacters = 1000;
  static constexpr size_t kMaxContinuation = 16;  // bytes

  // Throws std::invalid_argument where an option is beyond its limit.
  WordPiece(TokenIndex tokens, WordPieceOptions options);

  const TokenIndex& tokens() const noexcept override { return tokens_; }
  std::optional<TokenId> unknown() const noexcept override { return options_.unknown; }
  void append_ids(std::string_view word, std::vector<TokenId>& ids) const override;

 private:
  TokenIndex tokens_;
  WordPieceOptions options_;
};

}  // namespace kindred::model
