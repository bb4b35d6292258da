// Sub-words learned from counted words.
// SPDX-License-Identifier: Apache-2.0
#include "model/train/vocabulary_learner.h"

#include <algorithm>
#include <stdexcept>

#include "tests/support/catch.h"

using namespace kindred::model;

namespace {

WordCounts counts() {
  WordCounts counts;
  for (int i = 0; i < 20; ++i) counts.add("sailing sailing baking baking sail bake sailed \u6771");
  counts.add("zebra");
  return counts;
}

bool has(const std::vector<std::string>& pieces, const std::string& piece) {
  return std::find(pieces.begin(), pieces.end(), piece) != pieces.end();
}

VocabularyOptions options(size_t size) {
  return {.size = size, .surplus = 1.5, .least_word = 2, .least_character = 2};
}

}  // namespace

TEST_CASE("frequent words and their parts become pieces", "[model][train]") {
  const std::vector<std::string> pieces = learn_vocabulary(counts(), options(40));
  CHECK(has(pieces, "sailing"));
  CHECK(has(pieces, "sail"));
  CHECK_FALSE(has(pieces, "zebra"));
  CHECK(std::is_sorted(pieces.begin(), pieces.end()));
}

TEST_CASE("every character that is frequent enough is kept, however few pieces are wanted",
          "[model][train]") {
  const std::vector<std::string> pieces = learn_vocabulary(counts(), options(18));
  for (const char* piece : {"s", "b", "##a", "##i", "##l", "##n", "##g", "##k", "##e", "##d"})
    CHECK(has(pieces, piece));
  CHECK(has(pieces, "\u6771"));
  CHECK_FALSE(has(pieces, "z"));
  CHECK_THROWS_AS(learn_vocabulary(counts(), options(5)), std::invalid_argument);
}

TEST_CASE("no more pieces are learned than wanted, and the same each time", "[model][train]") {
  CHECK(learn_vocabulary(counts(), options(22)).size() == 22);
  CHECK(learn_vocabulary(counts(), options(1000)).size() < 60);
  CHECK(learn_vocabulary(counts(), options(30)) == learn_vocabulary(counts(), options(30)));
  CHECK(learn_vocabulary(WordCounts(), options(30)).empty());
}

TEST_CASE("learning pieces ends with what its caller throws", "[model][train]") {
  int looks = 0;
  const auto look = [&] {
    if (++looks == 2) throw std::runtime_error("interrupted");
  };
  CHECK_THROWS_WITH(learn_vocabulary(counts(), options(40), look), "interrupted");
}

TEST_CASE("the least count of a character leaves no more than are wanted", "[model][train]") {
  CHECK(least_character(WordCounts(), 10) == 2);
  CHECK(least_character(counts(), 1000) == 2);
  for (const size_t most : {1, 5, 12}) {
    VocabularyOptions few = options(most);
    few.least_character = least_character(counts(), most);
    CHECK_NOTHROW(learn_vocabulary(counts(), few));
  }
}
