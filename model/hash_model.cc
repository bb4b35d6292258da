// SPDX-License-Identifier: Apache-2.0
#include "model/hash_model.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>

#include "model/unicode.h"

namespace kindred::model {
namespace {

// Change it whenever the same text would get another vector: stored vectors are then refused.
constexpr uint64_t kVersion = 1;

// A feature is in that many dimensions, each with a sign of its own. More make the whole vector no
// better, but fewer features are lost with the dimensions that a prefix of it leaves out.
constexpr size_t kPlaces = 4;

// A word's own feature counts kWordScale, its n-grams together kGramShare times as much (as
// vectors: it is the root of their squares' sum that does).
constexpr int64_t kWordScale = 1 << 14;
constexpr int64_t kGramShare = 2;
constexpr size_t kShortestGram = 3, kLongestGram = 4;

// A word weighs 2 for each bit of its rarity beyond kRarityOfLightest, at least 1.
constexpr unsigned kRarityOfLightest = 6, kRarityOfUnknown = 23;

// They stand around a word; no word contains them.
constexpr char32_t kBegin = U'<', kEnd = U'>';
constexpr size_t kMaxMarked = WordReader::kMaxCharacters + 2;

using Sum = std::array<int64_t, HashModel::kDim>;

// The n-gram at i of a marked word counts in proportion to length - i, for it is at the end that
// forms of a word differ.
constexpr int64_t gram_weight(size_t length, size_t i) {
  return static_cast<int64_t>(length - i);
}

constexpr int64_t integer_sqrt(int64_t x) {
  int64_t root = 0;
  while ((root + 1) * (root + 1) <= x) ++root;
  return root;
}

// By the length of a marked word: what brings the weights of its n-grams to their share.
constexpr std::array<int64_t, kMaxMarked + 1> kGramScale = [] {
  std::array<int64_t, kMaxMarked + 1> scale{};
  for (size_t length = kShortestGram; length <= kMaxMarked; ++length) {
    int64_t squares = 0;
    for (size_t n = kShortestGram; n <= kLongestGram; ++n)
      for (size_t i = 0; i + n <= length; ++i)
        squares += gram_weight(length, i) * gram_weight(length, i);
    scale[length] = kGramShare * kWordScale / integer_sqrt(squares);
  }
  return scale;
}();

void add_feature(Sum& sum, uint64_t hash, int64_t weight) {
  for (size_t place = 0; place < kPlaces; ++place) {
    sum[hash % HashModel::kDim] += (hash & HashModel::kDim) != 0 ? weight : -weight;
    hash /= 2 * HashModel::kDim;
  }
}

void add_grams(Sum& sum, std::u32string_view word, int64_t weight) {
  std::array<char32_t, kMaxMarked> marked;
  marked.front() = kBegin;
  std::copy(word.begin(), word.end(), marked.begin() + 1);
  marked[word.size() + 1] = kEnd;
  const size_t length = word.size() + 2;
  for (size_t n = kShortestGram; n <= kLongestGram; ++n)
    for (size_t i = 0; i + n <= length; ++i)
      add_feature(sum, hash_word({marked.data() + i, n}),
                  weight * gram_weight(length, i) * kGramScale[length]);
}

int64_t weight_of(uint64_t word_hash, WordRarity list) {
  const unsigned rarity = list.find(word_hash).value_or(kRarityOfUnknown);
  return rarity <= kRarityOfLightest ? 1 : 2 * (rarity - kRarityOfLightest);
}

void add_word(Sum& sum, const Word& word, WordRarity list) {
  const uint64_t hash = hash_word(word.text);
  const int64_t weight = weight_of(hash, list);
  // A lone character of a script without spaces says less than the pair it is part of.
  const bool half = word.kind == Word::Kind::kCharacter;
  add_feature(sum, hash, half ? weight * kWordScale / 2 : weight * kWordScale);
  if (word.kind == Word::Kind::kSpaced) add_grams(sum, word.text, weight);
}

// x^(3/4) with the sign of x. Square roots round the same everywhere; pow() need not.
double dampen(int64_t x) {
  const double root = std::sqrt(static_cast<double>(std::abs(x)));
  const double dampened = root * std::sqrt(root);
  return x < 0 ? -dampened : dampened;
}

// Writes the beginning of the sum as a vector of length 1. If all of it cancelled out, the vector
// is the first axis: it has a length of 1 and is nobody's neighbour in particular.
void write_unit(const Sum& sum, std::span<float> out) {
  std::array<double, HashModel::kDim> values{};
  double squares = 0;
  for (size_t i = 0; i < out.size(); ++i) {
    values[i] = dampen(sum[i]);
    squares += values[i] * values[i];
  }
  if (squares == 0) values[0] = squares = 1;
  const double length = std::sqrt(squares);
  for (size_t i = 0; i < out.size(); ++i) out[i] = static_cast<float>(values[i] / length);
}

uint64_t checksum_of(WordRarity list) {
  constexpr uint64_t kConstants[] = {kVersion,         HashModel::kDim,
                                     kPlaces,          kWordScale,
                                     kGramShare,       kShortestGram,
                                     kLongestGram,     kRarityOfLightest,
                                     kRarityOfUnknown, WordReader::kMaxCharacters};
  uint64_t h = 0;
  for (const uint64_t constant : kConstants) h = mix(h ^ constant);
  for (const uint16_t slot : list.slots()) h = (h ^ slot) * 0x100000001b3ULL;
  return mix(h);
}

}  // namespace

HashModel::HashModel(WordRarity rarity)
    : rarity_(rarity),
      identity_{"hash", kDim, "words+chargrams/unicode-" + unicode_version(), "rarity-sum",
                checksum_of(rarity)},
      description_(identity_.describe()) {}

bool HashModel::embed(std::string_view text, std::span<float> out) const {
  Sum sum{};
  bool has_content = false;
  WordReader reader(text);
  for (Word word; reader.next(word); has_content = true) add_word(sum, word, rarity_);
  if (has_content) write_unit(sum, out);
  return has_content;
}

std::vector<TextToken> HashModel::tokenize(std::string_view text) const {
  std::vector<TextToken> tokens;
  WordReader reader(text);
  for (Word word; reader.next(word);) tokens.push_back({to_utf8(word.text), std::nullopt});
  return tokens;
}

}  // namespace kindred::model
