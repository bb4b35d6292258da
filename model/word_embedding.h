// A table of word vectors (word2vec, GloVe, fastText's .vec) as a model: a text is the mean of its
// words' rows, brought to length 1. Rows count as they are, long ones more, as gensim has it.
//
// A text is split at white space. Each piece is looked up as it is spelled, then lower-cased, then
// without the punctuation around it, then both; the first that is listed is its word. Pieces that
// are not listed are passed over. Nothing else is folded: the file decides what its words are.
//
// Pack, little-endian: "kindredW"; u32 version; u32 dim; the vocabulary (packed_vocabulary.h);
// u64 checksum of the rows.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "model/embedder.h"
#include "model/packed_table.h"

namespace kindred::model {

class WordEmbedding final : public Embedder {
 public:
  static constexpr std::string_view kMagic = "kindredW";
  // See open_packed().
  WordEmbedding(std::string name, std::span<const uint8_t> pack,
                std::shared_ptr<const PackedRows> rows);

  const Identity& identity() const override { return identity_; }
  const std::string& description() const override { return description_; }
  // False too if no word of the text is listed, or their sum has no direction.
  bool embed(std::string_view text, std::span<float> out) const override;
  std::vector<TextToken> tokenize(std::string_view text) const override;
  const EmbeddingTable* table() const noexcept override { return &table_; }

 private:
  std::optional<TokenId> find_word(std::string_view piece) const;

  PackedTable table_;
  Identity identity_;
  std::string description_;
};

// Writes the pack of words whose rows the writer has been given.
void write_word_pack(PackWriter& pack, const VocabularyBuilder& words, size_t dim,
                     uint64_t rows_checksum);

}  // namespace kindred::model
