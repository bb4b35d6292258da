// Pieces of words, and texts as tokens.
// SPDX-License-Identifier: Apache-2.0
#include "model/vocabulary.h"

#include <stdexcept>
#include <string>
#include <vector>

#include "model/subword_tokenizer.h"
#include "tests/support/catch.h"

using namespace kindred::model;

namespace {

// Listed tokens as their pieces, others as "?".
std::vector<std::string> tokens(const Vocabulary& vocabulary, std::string_view text) {
  std::vector<std::string> result;
  TokenReader reader(vocabulary, text);
  for (Token token; reader.next(token);)
    result.push_back(token.is_listed ? vocabulary.piece(token.id) : "?");
  return result;
}

using Pieces = std::vector<std::string>;

}  // namespace

TEST_CASE("ids count the pieces in ascending order", "[model][vocabulary]") {
  const Vocabulary vocabulary({"sea", "##s", "a", "\u00e9"});
  REQUIRE(vocabulary.size() == 4);
  CHECK(vocabulary.piece(0) == "##s");
  CHECK(vocabulary.piece(1) == "a");
  CHECK(vocabulary.piece(3) == "\u00e9");
}

TEST_CASE("the longest piece is found, at a word's beginning and inside", "[model][vocabulary]") {
  const Vocabulary vocabulary({"s", "se", "sea", "##s", "##side", "seasides"});
  CHECK(vocabulary.longest(U"seaside", false).length == 3);
  CHECK(vocabulary.piece(vocabulary.longest(U"seaside", false).id) == "sea");
  CHECK(vocabulary.piece(vocabulary.longest(U"side", true).id) == "##side");
  CHECK(vocabulary.longest(U"seasides", false).length == 8);
  CHECK(vocabulary.longest(U"x", false).length == 0);
  CHECK(vocabulary.longest(U"ea", true).length == 0);
  CHECK(vocabulary.longest(U"", false).length == 0);
  CHECK(Vocabulary().longest(U"sea", false).length == 0);
}

TEST_CASE("a vocabulary refuses pieces that are empty, too long or there twice",
          "[model][vocabulary]") {
  CHECK_THROWS_AS(Vocabulary({"a", ""}), std::invalid_argument);
  CHECK_THROWS_AS(Vocabulary({"##"}), std::invalid_argument);
  CHECK_THROWS_AS(Vocabulary({"a", "b", "a"}), std::invalid_argument);
  CHECK_THROWS_AS(Vocabulary({std::string(65, 'x')}), std::invalid_argument);
  CHECK_NOTHROW(Vocabulary({std::string(64, 'x')}));
}

TEST_CASE("words are split into the longest pieces from the left", "[model][tokenizer]") {
  const Vocabulary vocabulary({"sea", "sail", "##ing", "##s", "##side", "a"});
  CHECK(tokens(vocabulary, "Sailing: a SEASIDE, seas") ==
        Pieces{"sail", "##ing", "a", "sea", "##side", "sea", "##s"});
  CHECK(tokenize(vocabulary, "seas a").size() == 3);
}

TEST_CASE("a word with a character that has no piece is not split", "[model][tokenizer]") {
  const Vocabulary vocabulary({"a", "b", "##a", "##b"});
  CHECK(tokens(vocabulary, "ab abc") == Pieces{"a", "##b", "?"});
  CHECK(tokens(vocabulary, "abcab") == Pieces{"?", "?"});  // the word and what it begins with
  CHECK(tokens(vocabulary, "\u6771\u4eac") == Pieces{"?", "?", "?"});  // characters and their pair
  CHECK(tokenize(vocabulary, "abc a").size() == 1);
}

TEST_CASE("no text has more tokens than twice its bytes", "[model][tokenizer]") {
  const Vocabulary vocabulary({"a", "##a"});
  CHECK(tokens(vocabulary, std::string(1000, 'a')).size() == 1000);
  CHECK(tokens(vocabulary, "").empty());
  CHECK(tokens(vocabulary, "\xff\xfe...").empty());
}

TEST_CASE("code points go to UTF-8 and back", "[model][vocabulary]") {
  const std::string text = "a\u00e9\u6771\U0001F600";
  CHECK(to_code_points(text).size() == 4);
  CHECK(to_utf8(to_code_points(text)) == text);
  CHECK(to_code_points("\xff") == std::u32string(1, U'\uFFFD'));
}
