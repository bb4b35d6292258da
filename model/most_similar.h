// The tokens of an embedding table that are nearest in direction to a combination of words and
// vectors: "king" - "man" + "woman" (Mikolov et al. 2013). Words enter at length 1 and vectors as
// they are given; tokens that were named are no answers (gensim's most_similar).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "model/embedder.h"

namespace kindred::model {

// What is looked for. Not thread-safe; borrows the model.
class Combination {
 public:
  // REQUIRES: model.table() != nullptr.
  explicit Combination(const Embedder& model);

  // Adds `weight` times the word's row at length 1, and keeps the word's tokens out of the answers;
  // returns false if the model has no such word. A word is the token that is spelled so; or else
  // the one token as which the model reads it ("King": king); or else the sum of its pieces
  // ("kitten": kit ##ten), if it is in the library's list of English words and its pieces are more
  // than two letters long on average: what falls into letters means nothing; or else what the
  // model makes of a word that it does not list (fastText, of its n-grams).
  bool add_word(std::string_view word, double weight);
  // REQUIRES: v.size() == model.table()->dim(), finite.
  void add_vector(std::span<const float> v, double weight);

  // Whether nothing has been added.
  bool empty() const noexcept { return parts_ == 0; }
  // At length 1; empty if everything cancels out.
  std::vector<double> direction() const;
  const std::vector<TokenId>& excluded() const noexcept { return excluded_; }

 private:
  std::vector<TokenId> pieces_of(std::string_view word) const;
  void add(const std::vector<double>& v, double factor);

  const Embedder& model_;
  const EmbeddingTable& table_;
  std::vector<double> sum_;
  std::vector<TokenId> excluded_;
  double lengths_ = 0;  // of all that was added
  size_t parts_ = 0;
};

struct SimilarToken {
  TokenId id;
  double score;  // cosine similarity
};

// The k tokens nearest to `direction`, best first, of equal scores the smaller id first, without
// those excluded and those whose row is zero. Every row is compared; order and scores are those of
// double arithmetic.
// REQUIRES: direction.size() == table.dim(), of length 1.
std::vector<SimilarToken> most_similar(const EmbeddingTable& table,
                                       std::span<const double> direction, size_t k,
                                       std::span<const TokenId> excluded);

// The k best of these tokens, in the same order, with the same scores. REQUIRES: no row of theirs
// is zero.
std::vector<SimilarToken> ranked(const EmbeddingTable& table, std::span<const double> direction,
                                 size_t k, std::span<const TokenId> tokens);

}  // namespace kindred::model
