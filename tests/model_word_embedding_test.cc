// Word vectors as a model of texts: which words a text has, and what its vector is.
// SPDX-License-Identifier: Apache-2.0
#include "model/word_embedding.h"

#include <cmath>
#include <stdexcept>
#include <string>
#include <vector>

#include "model/checksum.h"
#include "model/unicode.h"
#include "tests/support/catch.h"
#include "tests/support/memory_model.h"

using namespace kindred::model;
using namespace kindred::test;

namespace {

struct Row {
  std::string word;
  std::vector<float> values;
};

MemoryModel model_of(const std::vector<Row>& rows) {
  MemoryModel model;
  VocabularyBuilder words;
  Checksum checksum;
  for (const Row& row : rows) {
    words.add(row.word);
    model.add_row(row.values);
    checksum.add({reinterpret_cast<const uint8_t*>(row.values.data()), row.values.size() * 4});
  }
  write_word_pack(model, words, rows.front().values.size(), checksum.value());
  return model;
}

MemoryModel small_model() {
  return model_of({{"king", {3, 0, 0}},
                   {"Paris", {0, 1, 0}},
                   {"u.s.", {0, 0, 1}},
                   {"new_york", {0, 0, 2}},
                   {"\u00E9t\u00E9", {1, 1, 1}},
                   {"zero", {0, 0, 0}},
                   {"king,", {0, -9, 0}}});
}

std::string error(const MemoryModel& model) {
  try {
    model.open();
  } catch (const std::runtime_error& e) {
    return e.what();
  }
  return "";
}

}  // namespace

TEST_CASE("a text is the mean of its words' rows at length 1", "[model][words]") {
  const MemoryModel model = small_model();
  const auto embedder = model.open();
  std::vector<float> vector(3);
  REQUIRE(embedder->embed("king Paris", vector));
  CHECK(vector[0] == Approx(3 / std::sqrt(10.0)));
  CHECK(vector[1] == Approx(1 / std::sqrt(10.0)));
  CHECK(vector[2] == 0);
}

TEST_CASE("a shorter vector is the beginning of the text's, at length 1", "[model][words]") {
  const MemoryModel model = small_model();
  const auto embedder = model.open();
  std::vector<float> vector(2);
  REQUIRE(embedder->embed("king Paris new_york", vector));
  CHECK(vector[0] == Approx(3 / std::sqrt(10.0)));
  CHECK(vector[1] == Approx(1 / std::sqrt(10.0)));
  CHECK_FALSE(embedder->embed("new_york", vector));  // nothing in the first two dimensions
}

TEST_CASE("words are looked up as spelled, lower-cased, without punctuation", "[model][words]") {
  const MemoryModel model = small_model();
  const auto embedder = model.open();
  std::string shown;
  for (const TextToken& token :
       embedder->tokenize("king, KING (Paris)\nU.S. \u00C9T\u00C9\u2026 paris  new_york ..."))
    shown += token.text + (token.id ? "=" + std::to_string(*token.id) : "") + " ";
  CHECK(shown == "king,=6 king=0 Paris=1 u.s.=2 \u00E9t\u00E9=4 paris new_york=3 ... ");
}

TEST_CASE("a text without a listed word has no vector, and the output stays", "[model][words]") {
  const MemoryModel model = small_model();
  const auto embedder = model.open();
  std::vector<float> vector{7, 7, 7};
  for (const char* text : {"", " \t\n", "...", "unlisted", "zero", "\xFF\xFE"})
    CHECK_FALSE(embedder->embed(text, vector));
  CHECK(vector == std::vector<float>{7, 7, 7});
}

TEST_CASE("the table is the file's: words by id, rows as they are", "[model][words]") {
  const MemoryModel model = small_model();
  const auto embedder = model.open();
  const EmbeddingTable& table = *embedder->table();
  CHECK(table.size() == 7);
  CHECK(table.token(1) == "Paris");
  CHECK(table.find("Paris") == 1U);
  CHECK_FALSE(table.find("paris"));
  std::vector<float> row(3);
  CHECK(embedder->word_vector("king", row));
  CHECK(row == std::vector<float>{3, 0, 0});
  CHECK_FALSE(embedder->word_vector("queen", row));
}

TEST_CASE("the identity is of name, words and rows", "[model][words]") {
  const auto checksum = [](const std::vector<Row>& rows) {
    return model_of(rows).open()->identity().checksum;
  };
  const auto a = checksum({{"a", {1, 2}}, {"b", {3, 4}}});
  CHECK(a == checksum({{"a", {1, 2}}, {"b", {3, 4}}}));
  CHECK(a != checksum({{"a", {1, 2}}, {"c", {3, 4}}}));
  CHECK(a != checksum({{"a", {1, 2}}, {"b", {3, 5}}}));
  CHECK(a != checksum({{"b", {1, 2}}, {"a", {3, 4}}}));
  const MemoryModel model = model_of({{"a", {1, 2}}});
  CHECK(model.open("glove")->description().starts_with("glove dim=2 tokenizer=words/unicode-"));
}

TEST_CASE("a pack that is cut short or damaged is refused, or is another model",
          "[model][words][pack]") {
  MemoryModel model = small_model();
  const auto identity = model.open()->identity();
  for (size_t bit = 0; bit < 8 * model.pack.size(); ++bit) {
    model.pack[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    if (error(model).empty()) CHECK_FALSE(model.open()->identity() == identity);
    model.pack[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
  }
  while (!model.pack.empty()) {
    model.pack.pop_back();
    CHECK(error(model).find("offset ") != std::string::npos);
  }
}

TEST_CASE("rows that are not the pack's are refused", "[model][words][pack]") {
  MemoryModel model = small_model();
  model.rows.resize(6 * 3);
  CHECK(error(model) == "pack: 7 rows of 3 are wanted, got 6 of 3");
  CHECK_THROWS_WITH(open_packed("m", model.pack, nullptr),
                    "pack: 7 rows of 3 are wanted, got 0 of 0");
}

TEST_CASE("lower case is by character, and punctuation is only trimmed", "[model][unicode]") {
  CHECK(to_lower("ABC \u00C9\u0130x\u03A3") == "abc \u00E9ix\u03C3");
  CHECK(to_lower("a\xFF") == "a\uFFFD");
  CHECK(trim_punctuation("(don't\u201D)") == "don't");
  CHECK(trim_punctuation("$5.") == "$5");
  CHECK(trim_punctuation("?!\u2026").empty());
  CHECK(trim_punctuation("").empty());
}
