// A static embedding: a text is the sum of its tokens' rows, brought to length 1 (a weighted mean,
// for how long a row is decides how much its token counts). The order of words does not matter.
// Tokens that the table does not list get rows of random signs by their hash (feature hashing:
// Weinberger et al. 2009), so that texts in unknown scripts are near where they share words.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>

#include "model/embedder.h"
#include "model/token_table.h"

namespace kindred::model {

class StaticEmbedding final : public Embedder {
 public:
  // Throws what TokenTable throws. `file` is borrowed for the model's life.
  StaticEmbedding(std::string name, std::span<const uint8_t> file);

  const Identity& identity() const override { return identity_; }
  const std::string& description() const override { return description_; }
  bool embed(std::string_view text, std::span<float> out) const override;
  std::vector<TextToken> tokenize(std::string_view text) const override;
  const EmbeddingTable* table() const noexcept override { return &table_; }

 private:
  void add_unlisted(uint64_t hash, std::span<int32_t> sum) const;

  TokenTable table_;
  Identity identity_;
  std::string description_;
};

}  // namespace kindred::model
