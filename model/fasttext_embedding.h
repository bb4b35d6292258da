// A fastText model: words and the buckets of their n-grams, so that every word has a vector. What
// it gives for a text has the direction of what the fastText program prints for it.
//
// A word's vector is the mean of its own row and its n-grams' rows, in the table already worked
// out; that of a word that is not listed is the mean of its n-grams' rows. A text is split at white
// space. Its vector is the mean of its words' vectors, each brought to length 1; of a supervised
// model (labels) the mean of all rows: of words, their n-grams, "</s>" at the end, and sequences of
// words where the model has them.
//
// Pack, little-endian: "kindredF"; u32 version; u32 dim; u32 shortest, longest n-gram; u32 words of
// the longest sequence; u32 1 if it is supervised, else 0; u64 buckets b; the vocabulary
// (packed_vocabulary.h); f32 buckets[b][dim]; u64 checksum of the table's rows and the buckets.
// Buckets are not compared with it when a pack is opened: they may be gigabytes.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "model/embedder.h"
#include "model/packed_table.h"
#include "model/vector_sum.h"
#include "model/word_parts.h"

namespace kindred::model {

// What a fastText model is besides its words and rows.
struct FastTextShape {
  static constexpr int32_t kLongestSequence = 255;

  size_t dim = 0;
  WordParts parts;
  uint32_t longest_sequence = 1;  // words; 1: there are none
  bool is_supervised = false;
};

class FastTextEmbedding final : public Embedder {
 public:
  static constexpr std::string_view kMagic = "kindredF";
  // See open_packed().
  FastTextEmbedding(std::string name, std::span<const uint8_t> pack,
                    std::shared_ptr<const PackedRows> rows);

  const Identity& identity() const override { return identity_; }
  const std::string& description() const override { return description_; }
  // False too if no word of the text has a vector. Throws std::runtime_error where a bucket in the
  // pack is damaged so that a value is not finite.
  bool embed(std::string_view text, std::span<float> out) const override;
  std::vector<TextToken> tokenize(std::string_view text) const override;
  const EmbeddingTable* table() const noexcept override { return &table_; }
  // Of any word but those too short to have an n-gram.
  bool word_vector(std::string_view word, std::span<float> out) const override;

 private:
  struct Open;  // what is read of a pack
  FastTextEmbedding(std::string name, Open open);
  void require_finite(const VectorSum& sum) const;
  void add_bucket(uint64_t bucket, VectorSum& sum) const;
  size_t add_word(std::string_view word, VectorSum& sum) const;
  void add_words(std::string_view text, VectorSum& sum) const;
  void add_features(std::string_view text, VectorSum& sum) const;

  FastTextShape shape_;
  PackedTable table_;
  const uint8_t* buckets_;
  Identity identity_;
  std::string description_;
};

// Writes the pack up to the buckets; they follow, then their checksum.
void write_fasttext_pack(PackWriter& pack, const VocabularyBuilder& words,
                         const FastTextShape& shape);

}  // namespace kindred::model
