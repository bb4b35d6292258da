// Byte-pair encoding: a word's characters, of which the pair that was learned first is joined again
// and again (Sennrich et al. 2016). Over bytes that stand as printable characters (pre_tokenizer.h)
// it is that of GPT-2.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "model/token_model.h"

namespace kindred::model {

struct BytePairOptions {
  std::optional<TokenId> unknown;
  bool fuses_unknown = false;   // neighbouring unknown characters give one token
  bool byte_fallback = false;   // an unknown character is its bytes: <0x0A>
  bool ignores_merges = false;  // a word that is a token is that token
};

class BytePair final : public TokenModel {
 public:
  using Merge = std::pair<std::string, std::string>;

  // `merges` in the order in which they were learned. Throws std::invalid_argument where one is of
  // or gives what is no token.
  BytePair(TokenIndex tokens, const std::vector<Merge>& merges, BytePairOptions options);

  const TokenIndex& tokens() const noexcept override { return tokens_; }
  std::optional<TokenId> unknown() const noexcept override { return options_.unknown; }
  void append_ids(std::string_view word, std::vector<TokenId>& ids) const override;

 private:
  struct Joined {
    uint32_t rank;
    TokenId id;
  };
  struct Symbol;
  struct Candidate;
  const Joined* joined(TokenId left, TokenId right) const;
  std::vector<Symbol> symbols_of(std::string_view word) const;
  void join(std::vector<Symbol>& symbols) const;

  TokenIndex tokens_;
  std::unordered_map<uint64_t, Joined> merges_;
  BytePairOptions options_;
  std::array<std::optional<TokenId>, 256> bytes_;  // <0x00> to <0xFF>, with byte_fallback
};

}  // namespace kindred::model
