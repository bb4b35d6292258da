// An embedding by a tokenizer and a table with a row for each of its tokens: the mean of the rows
// of a text's tokens, as Model2Vec and the StaticEmbedding of sentence-transformers have it. The
// unknown token counts with the latter only, and no special tokens are added.
//
// Its pack, little-endian: magic "kindredS"; u32 version (2 with bit 1 of the flags, else 1), dim,
// rows, flags (bit 0: the model's own library gives vectors of length 1; bit 1: the unknown token
// counts), max tokens, max characters (0: any); u64 checksum of the rows, bytes of the tokenizer;
// tokenizer.json; u64 checksum of all that is before it.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/packed_model.h"
#include "model/tokenizer.h"

namespace kindred::model {

// What a pack says beside the tokenizer.
struct TokenizedPack {
  uint32_t dim = 0;
  uint32_t rows = 0;
  bool is_normalized = false;   // by the model's own library
  bool counts_unknown = false;  // the row of the unknown token is one like any other
  uint32_t max_tokens = 0;      // of a text that count; 0: all
  uint32_t max_characters = 0;  // of a text that are read; 0: all
  uint64_t rows_checksum = 0;
};

// The checksum of rows, added in order.
class RowsChecksum {
 public:
  void add(std::span<const float> row) noexcept;
  uint64_t value() const noexcept;

 private:
  uint64_t hash_ = 0;
};

void write_tokenized_pack(const TokenizedPack& pack, std::string_view tokenizer_json,
                          PackWriter& writer);

class TokenizedEmbedding final : public Embedder, private EmbeddingTable {
 public:
  static constexpr std::string_view kMagic = "kindredS";

  // Throws std::runtime_error with an offset where the pack is none, or the rows are not its rows.
  TokenizedEmbedding(std::string name, std::span<const uint8_t> pack,
                     std::shared_ptr<const PackedRows> rows);

  const Identity& identity() const override { return identity_; }
  const std::string& description() const override { return description_; }
  bool embed(std::string_view text, std::span<float> out) const override;
  std::vector<TextToken> tokenize(std::string_view text) const override;
  const EmbeddingTable* table() const noexcept override { return this; }

  // The vector as the model's own library gives it, which is not of length 1 for each model; false
  // if no token of the text counts. REQUIRES: out.size() == identity().dim.
  bool encode(std::string_view text, std::span<float> out) const;

 private:
  size_t size() const noexcept override { return pack_.rows; }
  size_t dim() const noexcept override { return pack_.dim; }
  std::string token(TokenId id) const override;
  std::optional<TokenId> find(std::string_view token) const override;
  void row(TokenId id, std::span<float> out) const override;

  bool counts(TokenId id) const;
  std::vector<TokenId> read_ids(std::string_view text) const;
  std::vector<TokenId> ids_of(std::string_view text) const;
  std::vector<double> sum_of(const std::vector<TokenId>& ids, size_t dims) const;

  TokenizedPack pack_;
  std::unique_ptr<const Tokenizer> tokenizer_;
  std::shared_ptr<const PackedRows> rows_;
  Identity identity_;
  std::string description_;
};

}  // namespace kindred::model
