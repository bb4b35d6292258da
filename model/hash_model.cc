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

// A word's own dimension counts kWordScale; its n-grams together kGramShare times as much (as
// lengths: each of n has kGramShare * kWordScale / sqrt(n)).
constexpr int64_t kWordScale = 256;
constexpr int64_t kGramShare = 2;
constexpr size_t kShortestGram = 3, kLongestGram = 4;

// A word weighs its rarity beyond that of the most frequent one, at least 1.
constexpr unsigned kRarityOfThe = 4, kRarityOfUnknown = 23;

// They stand around a word; no word contains them.
constexpr char32_t kBegin = U'<', kEnd = U'>';
constexpr size_t kMaxMarked = WordReader::kMaxCharacters + 2;

using Sum = std::array<int64_t, HashModel::kDim>;

constexpr int64_t integer_sqrt(int64_t x) {
  int64_t root = 0;
  while ((root + 1) * (root + 1) <= x) ++root;
  return root;
}

constexpr size_t gram_count(size_t marked_length) {
  size_t count = 0;
  for (size_t n = kShortestGram; n <= kLongestGram && n <= marked_length; ++n)
    count += marked_length - n + 1;
  return count;
}

// By the length of a word with its marks: the scale of each of its n-grams.
constexpr std::array<int64_t, kMaxMarked + 1> kGramScale = [] {
  std::array<int64_t, kMaxMarked + 1> scale{};
  constexpr int64_t kShare = kGramShare * kWordScale;
  for (size_t length = kShortestGram; length <= kMaxMarked; ++length)
    scale[length] = integer_sqrt(kShare * kShare / static_cast<int64_t>(gram_count(length)));
  return scale;
}();

void add_feature(Sum& sum, uint64_t hash, int64_t weight) {
  sum[hash % HashModel::kDim] += (hash & HashModel::kDim) != 0 ? weight : -weight;
}

void add_grams(Sum& sum, std::u32string_view word, int64_t weight) {
  std::array<char32_t, kMaxMarked> marked;
  marked.front() = kBegin;
  std::copy(word.begin(), word.end(), marked.begin() + 1);
  marked[word.size() + 1] = kEnd;
  const size_t length = word.size() + 2;
  const int64_t gram_weight = weight * kGramScale[length];
  for (size_t n = kShortestGram; n <= kLongestGram; ++n)
    for (size_t i = 0; i + n <= length; ++i)
      add_feature(sum, hash_word({marked.data() + i, n}), gram_weight);
}

void add_word(Sum& sum, const Word& word, WordRarity list) {
  const uint64_t hash = hash_word(word.text);
  const unsigned rarity = std::max(list.find(hash).value_or(kRarityOfUnknown), kRarityOfThe);
  const int64_t weight = rarity - kRarityOfThe + 1;
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
  uint64_t h = kVersion;
  for (const uint64_t constant :
       {uint64_t{HashModel::kDim}, static_cast<uint64_t>(kWordScale),
        static_cast<uint64_t>(kGramShare), uint64_t{kShortestGram}, uint64_t{kLongestGram},
        uint64_t{kRarityOfThe}, uint64_t{kRarityOfUnknown}, uint64_t{WordReader::kMaxCharacters}})
    h = mix(h ^ constant);
  for (const uint16_t slot : list.slots()) h = (h ^ slot) * 0x100000001b3ULL;
  return mix(h);
}

}  // namespace

HashModel::HashModel(WordRarity rarity)
    : rarity_(rarity),
      identity_{"hash", kDim, "words+chargrams", "rarity-sum", checksum_of(rarity)} {}

bool HashModel::embed(std::string_view text, std::span<float> out) const {
  Sum sum{};
  bool has_content = false;
  WordReader reader(text);
  for (Word word; reader.next(word); has_content = true) add_word(sum, word, rarity_);
  if (has_content) write_unit(sum, out);
  return has_content;
}

}  // namespace kindred::model
