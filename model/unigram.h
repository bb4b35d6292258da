// A unigram language model: of all ways to cut a text into tokens the one whose tokens have the
// highest sum of scores (Kudo 2018), by dynamic programming. A character that is no token scores
// ten less than the worst token; neighbouring ones make one unknown token.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "model/token_model.h"

namespace kindred::model {

struct UnigramOptions {
  std::optional<TokenId> unknown;
  bool byte_fallback = false;  // an unknown character is its bytes: <0x0A>
};

class Unigram final : public TokenModel {
 public:
  // A score for each token. Throws std::invalid_argument where one is not finite, or their number
  // is another.
  Unigram(TokenIndex tokens, std::vector<double> scores, UnigramOptions options);

  const TokenIndex& tokens() const noexcept override { return tokens_; }
  std::optional<TokenId> unknown() const noexcept override { return options_.unknown; }
  void append_ids(std::string_view text, std::vector<TokenId>& ids) const override;

 private:
  struct Edge {
    uint64_t key = 0;  // node << 8 | byte, + 1; 0: an empty slot
    uint32_t child = 0;
  };
  struct Step;
  void add_edges(std::string_view token, TokenId id);
  uint32_t* child(uint32_t node, char byte);
  void follow(std::string_view text, size_t begin, std::vector<Step>& best) const;
  void append_unknown(std::string_view text, std::vector<TokenId>& reversed) const;

  TokenIndex tokens_;
  std::vector<double> scores_;
  double unknown_score_ = 0;
  std::vector<Edge> edges_;     // a trie as a hash table with linear probing, a power of two
  std::vector<uint32_t> ends_;  // of each node of the trie: the token's id + 1, or 0
  UnigramOptions options_;
  std::array<std::optional<TokenId>, 256> bytes_;  // <0x00> to <0xFF>, with byte_fallback
};

}  // namespace kindred::model
