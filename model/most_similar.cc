// SPDX-License-Identifier: Apache-2.0
#include "model/most_similar.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "math/metric.h"
#include "math/quantize.h"
#include "model/unicode.h"
#include "model/word_rarity.h"

namespace kindred::model {
namespace {

double length(std::span<const double> v) {
  double squares = 0;
  for (const double x : v) squares += x * x;
  return std::sqrt(squares);
}

// Whether the text is one word of the list, in more letters than two a piece.
bool is_sum_of_pieces(std::string_view text, size_t pieces) {
  WordReader words(text);
  Word word, further;
  if (!words.next(word) || word.kind != Word::Kind::kSpaced) return false;
  const size_t letters = word.text.size();
  const bool is_known = WordRarity::built_in().find(hash_word(word.text)).has_value();
  return is_known && letters > 2 * pieces && !words.next(further);
}

// Cosine similarities of all rows, computed in float32; -infinity for a row that is no answer.
std::vector<float> rough_scores(const EmbeddingTable& table, std::span<const double> direction,
                                std::span<const TokenId> excluded) {
  constexpr float kNone = -std::numeric_limits<float>::infinity();
  const std::vector<float> query(direction.begin(), direction.end());
  std::vector<float> row(table.dim());
  std::vector<float> scores(table.size(), kNone);
  for (TokenId id = 0; id < scores.size(); ++id) {
    table.row(id, row);
    const auto distance = math::distance(math::Metric::kCosine, math::Element::kFloat32,
                                         query.data(), row.data(), row.size());
    if (distance) scores[id] = static_cast<float>(1 - *distance);
  }
  for (const TokenId id : excluded) scores[id] = kNone;
  return scores;
}

// The k-th highest score less what rounding may have hidden: the k best are at or above it.
float threshold(std::vector<float> scores, size_t k, size_t dim) {
  if (k >= scores.size()) return std::numeric_limits<float>::lowest();
  const auto kth = scores.begin() + static_cast<std::ptrdiff_t>(k - 1);
  std::nth_element(scores.begin(), kth, scores.end(), std::greater<>());
  return std::max(*kth - 4 * math::rounding_error(dim), std::numeric_limits<float>::lowest());
}

double exact_score(std::span<const double> direction, const std::vector<float>& row) {
  double dot = 0, squares = 0;
  for (size_t i = 0; i < row.size(); ++i) {
    const auto x = static_cast<double>(row[i]);
    dot += direction[i] * x;
    squares += x * x;
  }
  return std::clamp(dot / std::sqrt(squares), -1.0, 1.0);
}

}  // namespace

Combination::Combination(const Embedder& model)
    : model_(model), table_(*model.table()), sum_(table_.dim()) {}

std::vector<TokenId> Combination::pieces_of(std::string_view word) const {
  if (const auto id = table_.find(word)) return {*id};
  std::vector<TokenId> pieces;
  for (const TextToken& token : model_.tokenize(word)) {
    if (!token.id || token.is_unknown) return {};
    pieces.push_back(*token.id);
  }
  if (pieces.size() > 1 && !is_sum_of_pieces(word, pieces.size())) pieces.clear();
  return pieces;
}

bool Combination::add_word(std::string_view word, double weight) {
  const std::vector<TokenId> pieces = pieces_of(word);
  std::vector<double> vector(sum_.size());
  std::vector<float> row(sum_.size());
  if (pieces.empty()) {
    if (!model_.word_vector(word, row)) return false;
    std::copy(row.begin(), row.end(), vector.begin());
  }
  for (const TokenId id : pieces) {
    table_.row(id, row);
    for (size_t i = 0; i < row.size(); ++i) vector[i] += static_cast<double>(row[i]);
  }
  excluded_.insert(excluded_.end(), pieces.begin(), pieces.end());
  const double norm = length(vector);
  add(vector, norm > 0 ? weight / norm : 0);
  return true;
}

void Combination::add_vector(std::span<const float> v, double weight) {
  add(std::vector<double>(v.begin(), v.end()), weight);
}

void Combination::add(const std::vector<double>& v, double factor) {
  for (size_t i = 0; i < v.size(); ++i) sum_[i] += factor * v[i];
  lengths_ += std::abs(factor) * length(v);
  ++parts_;
}

std::vector<double> Combination::direction() const {
  constexpr double kRounding = 1e-12;  // of what has cancelled out
  const double norm = length(sum_);
  if (norm <= kRounding * lengths_) return {};
  std::vector<double> unit = sum_;
  for (double& x : unit) x /= norm;
  return unit;
}

std::vector<SimilarToken> most_similar(const EmbeddingTable& table,
                                       std::span<const double> direction, size_t k,
                                       std::span<const TokenId> excluded) {
  if (k == 0 || table.size() == 0) return {};
  const std::vector<float> scores = rough_scores(table, direction, excluded);
  const float least = threshold(scores, k, table.dim());
  std::vector<TokenId> tokens;
  for (TokenId id = 0; id < scores.size(); ++id)
    if (scores[id] >= least) tokens.push_back(id);
  return ranked(table, direction, k, tokens);
}

std::vector<SimilarToken> ranked(const EmbeddingTable& table, std::span<const double> direction,
                                 size_t k, std::span<const TokenId> tokens) {
  std::vector<SimilarToken> found;
  std::vector<float> row(table.dim());
  for (const TokenId id : tokens) {
    table.row(id, row);
    found.push_back({id, exact_score(direction, row)});
  }
  std::sort(found.begin(), found.end(), [](const SimilarToken& a, const SimilarToken& b) {
    return a.score != b.score ? a.score > b.score : a.id < b.id;
  });
  if (found.size() > k) found.resize(k);
  return found;
}

}  // namespace kindred::model
