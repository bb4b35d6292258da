// The list of words: what it finds, and what the one in the library holds.
// SPDX-License-Identifier: Apache-2.0
#include "model/word_rarity.h"

#include <optional>
#include <string>
#include <string_view>

#include "tests/support/catch.h"

namespace {

using kindred::model::hash_word;
using kindred::model::WordRarity;
using kindred::model::WordRarityBuilder;

std::optional<unsigned> rarity_of(std::u32string_view word) {
  return WordRarity::built_in().find(hash_word(word));
}

}  // namespace

TEST_CASE("a list finds the words put into it and no others", "[model][word_rarity]") {
  WordRarityBuilder builder(16);
  CHECK_FALSE(WordRarity(builder.slots()).find(hash_word(U"sea")));
  builder.insert(hash_word(U"the"), 4);
  builder.insert(hash_word(U"sea"), 13);
  const WordRarity list(builder.slots());
  CHECK(list.find(hash_word(U"the")) == 4u);
  CHECK(list.find(hash_word(U"sea")) == 13u);
  CHECK_FALSE(list.find(hash_word(U"ship")));
}

TEST_CASE("a list finds every word when all slots but one are taken", "[model][word_rarity]") {
  WordRarityBuilder builder(16);
  for (char32_t c = U'a'; c < U'a' + 15; ++c)
    builder.insert(hash_word(std::u32string(1, c)), 1 + c - U'a');
  for (char32_t c = U'a'; c < U'a' + 15; ++c)
    CHECK(WordRarity(builder.slots()).find(hash_word(std::u32string(1, c))) == 1 + c - U'a');
  CHECK_FALSE(WordRarity(builder.slots()).find(hash_word(U"z")));
}

TEST_CASE("the first of two insertions of a word counts", "[model][word_rarity]") {
  WordRarityBuilder builder(4);
  builder.insert(hash_word(U"sea"), 13);
  builder.insert(hash_word(U"sea"), 20);
  CHECK(WordRarity(builder.slots()).find(hash_word(U"sea")) == 13u);
}

TEST_CASE("the built-in list knows common words from rare ones", "[model][word_rarity]") {
  CHECK(rarity_of(U"the") == 4u);
  CHECK(rarity_of(U"sea").value() > rarity_of(U"of").value());
  CHECK(rarity_of(U"zebra").value() > rarity_of(U"sea").value());
  CHECK_FALSE(rarity_of(U"frobnicator"));
}

TEST_CASE("the built-in list takes few strangers for words it knows", "[model][word_rarity]") {
  int taken = 0;
  for (int i = 0; i < 10000; ++i) {
    std::u32string stranger = U"qqqq";
    for (const char c : std::to_string(i)) stranger += static_cast<char32_t>(c);
    if (rarity_of(stranger)) ++taken;
  }
  CHECK(taken < 50);  // a fingerprint has 11 bits
}
