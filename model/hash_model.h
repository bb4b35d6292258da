// The model `hash`: a text is the sum of its words, a word the sum of itself and its character
// n-grams, each feature a few signed dimensions (feature hashing: Weinberger et al. 2009). Words
// weigh by their rarity, n-grams by their nearness to the word's beginning. It knows spelling, not
// meaning: "receive" is near "received" and "recieve", not near "get". It needs no data but the
// word list.
//
// The sum is kept in integers, then raised to the power 3/4 by dimension (Perronnin, Sanchez &
// Mensink 2010), so that a word said ten times does not drown the others, then brought to length 1.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "model/embedder.h"
#include "model/word_rarity.h"

namespace kindred::model {

class HashModel final : public Embedder {
 public:
  static constexpr size_t kDim = 512;

  explicit HashModel(WordRarity rarity);

  const Identity& identity() const override { return identity_; }
  const std::string& description() const override { return description_; }
  bool embed(std::string_view text, std::span<float> out) const override;
  // Its words: none has an id.
  std::vector<TextToken> tokenize(std::string_view text) const override;

 private:
  WordRarity rarity_;
  Identity identity_;
  std::string description_;
};

}  // namespace kindred::model
