// Text -> token ids, in the steps of Hugging Face's tokenizers: added tokens are taken out, the
// rest is normalised, cut into pieces, and each piece given to the model. No special tokens are
// added.
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/added_tokens.h"
#include "model/pre_tokenizer.h"
#include "model/text_normalizer.h"
#include "model/token_model.h"

namespace kindred::model {

struct TokenizerParts {
  std::string name;  // of the model: "wordpiece"
  std::vector<NormalizerStep> normalizer;
  PreTokenizer pre_tokenizer;  // empty: a text is one piece
  std::unique_ptr<TokenModel> model;
  std::vector<AddedToken> added;             // found in the text as it is
  std::vector<AddedToken> added_normalized;  // found once both it and the text are normalised
};

// Constant after construction, thread-safe.
class Tokenizer {
 public:
  // Throws std::invalid_argument where an added token has the id of another token, or is beyond a
  // limit. REQUIRES: parts.model.
  explicit Tokenizer(TokenizerParts parts);

  const std::string& name() const noexcept { return parts_.name; }
  // One more than the highest id of a token.
  size_t size() const noexcept { return size_; }
  // "" for an id without a token. REQUIRES: id < size().
  const std::string& token(TokenId id) const;
  std::optional<TokenId> find(std::string_view token) const;
  std::optional<TokenId> unknown() const noexcept { return parts_.model->unknown(); }

  // Appends the ids of the text's tokens in order, the unknown one among them. Invalid UTF-8 is
  // read as U+FFFD.
  void append_ids(std::string_view text, std::vector<TokenId>& ids) const;

 private:
  void append_part(TextPart part, std::vector<TokenId>& ids) const;
  void normalize(std::string_view text, std::string& out) const;

  TokenizerParts parts_;
  AddedTokens added_;
  AddedTokens added_normalized_;
  std::vector<std::string> beyond_;  // added tokens from the model's last id on
  size_t size_ = 0;
};

}  // namespace kindred::model
