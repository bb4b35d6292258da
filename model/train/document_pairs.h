// Pairs of texts out of documents: a head (a title, a question) with the body, and a part of the
// body (a sentence) with the rest of the document. Which part, and which stretch of a long rest, is
// drawn anew each time, so that no pair comes twice before all documents have come once.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "model/train/pair_source.h"
#include "model/train/random.h"
#include "model/vocabulary.h"

namespace kindred::model {

class DocumentPairs final : public PairSource {
 public:
  struct Options {
    size_t most_tokens = 64;   // of a text
    double head_share = 0.33;  // of the batches, where each document has a head and parts
    uint64_t seed = 1;
  };
  explicit DocumentPairs(Options options) : options_(options), random_(options.seed) {}

  // A document of a head, which may be empty, and the parts of its body. Parts without tokens are
  // left out, and a document that makes no pair altogether. Returns whether it was taken.
  bool add(const std::vector<TokenId>& head, const std::vector<std::vector<TokenId>>& parts);

  // Documents that make pairs, and how many pairs without drawing one twice.
  size_t size() const noexcept { return documents_.size(); }
  size_t pairs() const noexcept { return heads_.order.size() + parts_in_pairs_; }

  // Never ends if there is a document. A batch is of heads or of parts, and of each document, and
  // of equal first texts, it has one pair at most.
  size_t next(std::span<TokenPair> batch) override;

 private:
  struct Document {
    uint32_t first_part;  // in ends_: the head's, then those of the body's parts
    uint32_t parts;       // of the body
  };
  // Documents in a random order that is drawn anew when all have come.
  struct Round {
    std::vector<uint32_t> order;
    size_t next = 0;
  };
  std::span<const TokenId> part(size_t index) const;
  TokenPair head_pair(const Document& document);
  TokenPair part_pair(const Document& document);
  std::span<const TokenId> stretch(std::span<const TokenId> text);

  Options options_;
  Random random_;
  std::vector<TokenId> tokens_;
  std::vector<uint32_t> ends_;  // of parts, in tokens_
  std::vector<Document> documents_;
  Round heads_, bodies_;
  size_t parts_in_pairs_ = 0;
  std::vector<std::vector<TokenId>> rests_;  // of the batch
};

}  // namespace kindred::model
