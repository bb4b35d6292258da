// fastText models: they give what the fastText program gives.
// SPDX-License-Identifier: Apache-2.0
#include "model/fasttext_embedding.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "model/formats/fasttext_file.h"
#include "model/formats/word_vectors.h"
#include "tests/support/catch.h"
#include "tests/support/fasttext_bytes.h"
#include "tests/support/files.h"
#include "tests/support/memory_model.h"

using namespace kindred::model;
using namespace kindred::test;

namespace {

MemoryModel import(const FastTextBytes& bytes) {
  const ScratchDirectory directory;
  std::ofstream(directory.file("model"), std::ios::binary) << bytes.file();
  MemoryModel model;
  import_fasttext(directory.file("model"), model, [](size_t, size_t) {});
  return model;
}

// The real model, unpacked and imported once; its pack is empty where there are no data.
const MemoryModel& real_model() {
  static const MemoryModel model = [] {
    MemoryModel made;
    if (data_folder().empty()) return made;
    const ScratchDirectory directory;
    const std::string path = directory.file("ftm.bin");
    const std::string unpack = "xz -dc '" + data_folder() + "/fasttext-small/ftm.bin.xz' > " + path;
    if (std::system(unpack.c_str()) != 0) throw std::runtime_error("xz failed");
    import_fasttext(path, made, [](size_t, size_t) {});
    return made;
  }();
  return model;
}

std::vector<std::string> lines_of(const std::string& name) {
  std::ifstream file(data_folder() + "/fasttext-small/" + name);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  REQUIRE_FALSE(lines.empty());
  return lines;
}

std::vector<float> numbers_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<float> numbers;
  for (float number; stream >> number;) numbers.push_back(number);
  return numbers;
}

void check_near(const std::vector<float>& got, const std::vector<float>& wanted) {
  REQUIRE(got.size() == wanted.size());
  for (size_t i = 0; i < got.size(); ++i) CHECK(std::abs(got[i] - wanted[i]) < 1e-4F);
}

std::vector<float> unit(std::vector<float> vector) {
  double squares = 0;
  for (const float x : vector) squares += static_cast<double>(x) * x;
  for (float& x : vector) x = static_cast<float>(x / std::sqrt(squares));
  return vector;
}

std::vector<float> word_vector(const Embedder& embedder, const std::string& word) {
  std::vector<float> vector(embedder.identity().dim);
  REQUIRE(embedder.word_vector(word, vector));
  return vector;
}

std::vector<float> text_vector(const Embedder& embedder, const std::string& text) {
  std::vector<float> vector(embedder.identity().dim);
  REQUIRE(embedder.embed(text, vector));
  return vector;
}

}  // namespace

TEST_CASE("a real fastText model gives the vectors that fastText prints",
          "[model][fasttext][real]") {
  if (data_folder().empty()) {
    WARN("skipped: no data folder");
    return;
  }
  const auto embedder = real_model().open();
  size_t unlisted = 0;
  for (const std::string& line : lines_of("expected-word-vectors.txt")) {
    const std::string word = line.substr(0, line.find(' '));
    INFO(word);
    unlisted += embedder->table()->find(word) ? 0 : 1;
    check_near(word_vector(*embedder, word), numbers_of(line.substr(word.size())));
  }
  CHECK(unlisted >= 3);
  for (const std::string& line : lines_of("expected-sentence-vectors.tsv")) {
    const std::string text = line.substr(0, line.find('\t'));
    INFO(text);
    check_near(text_vector(*embedder, text), unit(numbers_of(line.substr(text.size()))));
  }
}

TEST_CASE("a real fastText model has fastText's neighbours", "[model][fasttext][real]") {
  if (data_folder().empty()) {
    WARN("skipped: no data folder");
    return;
  }
  const auto embedder = real_model().open();
  const EmbeddingTable& table = *embedder->table();
  std::string word;
  std::vector<std::pair<float, std::string>> nearest;
  size_t rank = 0;
  for (const std::string& line : lines_of("expected-nn.txt")) {
    if (line.starts_with("# ")) {
      word = line.substr(2);
      rank = 0;
      nearest.clear();
      const std::vector<float> query = unit(word_vector(*embedder, word));
      for (TokenId id = 0; id < table.size(); ++id) {
        if (table.token(id) == word) continue;
        std::vector<float> row(table.dim());
        table.row(id, row);
        row = unit(row);
        float cosine = 0;
        for (size_t i = 0; i < row.size(); ++i) cosine += row[i] * query[i];
        nearest.emplace_back(-cosine, table.token(id));
      }
      std::sort(nearest.begin(), nearest.end());
      continue;
    }
    const size_t space = line.find(' ');
    CHECK(nearest.at(rank).second == line.substr(0, space));
    CHECK(-nearest.at(rank).first == Approx(std::stof(line.substr(space))).margin(1e-4));
    ++rank;
  }
  CHECK(rank == 5);
}

TEST_CASE("rows of a real fastText model are those of its .vec", "[model][fasttext][real]") {
  if (data_folder().empty()) {
    WARN("skipped: no data folder");
    return;
  }
  MemoryModel words;
  const ImportResult result = import_word_vectors(data_folder() + "/fasttext-small/ftm-3000.vec",
                                                  words, [](size_t, size_t) {});
  CHECK(result.tokens == 3000);
  const auto from_text = words.open();
  const auto embedder = real_model().open();
  for (TokenId id = 0; id < 3000; ++id) {
    REQUIRE(embedder->table()->token(id) == from_text->table()->token(id));
    const std::string word = embedder->table()->token(id);
    check_near(word_vector(*embedder, word), word_vector(*from_text, word));
  }
}

TEST_CASE("words too short for an n-gram have no vector", "[model][fasttext]") {
  FastTextBytes bytes;
  bytes.minn = 5;
  bytes.maxn = 6;
  const MemoryModel model = import(bytes);
  const auto embedder = model.open();
  std::vector<float> vector(2, 7);
  CHECK_FALSE(embedder->word_vector("ab", vector));
  CHECK_FALSE(embedder->embed("ab  \n cd", vector));
  CHECK_FALSE(embedder->embed("", vector));
  CHECK(vector == std::vector<float>{7, 7});
  CHECK(embedder->word_vector("abc", vector));
  CHECK(embedder->embed("ab sea", vector));
}

TEST_CASE("a text's tokens are its pieces, listed or not", "[model][fasttext]") {
  const MemoryModel model = import({});
  const auto tokens = model.open()->tokenize("sea, \tseas\n");
  REQUIRE(tokens.size() == 2);
  CHECK(tokens[0].text == "sea,");
  CHECK_FALSE(tokens[0].id);
  CHECK(tokens[1].id == 2U);
}

TEST_CASE("a shorter vector of a text is its beginning at length 1", "[model][fasttext]") {
  const MemoryModel model = import({});
  const auto embedder = model.open();
  std::vector<float> vector(1);
  REQUIRE(embedder->embed("sea shore", vector));
  CHECK(vector[0] == 1);
}

TEST_CASE("a supervised model takes the mean of words, end of text and sequences",
          "[model][fasttext]") {
  FastTextBytes bytes;
  bytes.model = 3;
  bytes.word_ngrams = 2;
  bytes.minn = bytes.maxn = 0;
  bytes.labels = {"__label__x"};
  const MemoryModel model = import(bytes);
  const auto embedder = model.open();
  const auto bucket = [](std::string_view a, std::string_view b) {
    const auto hash = [](std::string_view word) {
      return static_cast<uint64_t>(int64_t{static_cast<int32_t>(fasttext_hash(word))});
    };
    return (hash(a) * 116049371 + hash(b)) % 3;
  };
  // Rows (i + 1, 1): words 0..2, buckets 3..5; "shore" is not listed and has no n-grams.
  double first = 2 + 3 + 1;  // sea seas </s>
  for (const auto& [a, b] : {std::pair("sea", "shore"), {"shore", "seas"}, {"seas", "</s>"}})
    first += 4 + static_cast<double>(bucket(a, b));
  check_near(text_vector(*embedder, "sea __label__y shore seas"),
             unit({static_cast<float>(first), 6}));
}

TEST_CASE("a supervised model with n-grams counts each of a word's rows", "[model][fasttext]") {
  FastTextBytes bytes;
  bytes.model = 3;
  const MemoryModel model = import(bytes);
  double first = 2 + 1, second = 2;
  WordParts{3, 4, 3}.each("sea", [&](uint64_t bucket) {
    first += 4 + static_cast<double>(bucket);
    ++second;
  });
  check_near(text_vector(*model.open(), "sea"),
             unit({static_cast<float>(first), static_cast<float>(second)}));
}

TEST_CASE("a fastText pack that is cut short is refused, and so are flips outside the buckets",
          "[model][fasttext][pack]") {
  MemoryModel model = import({});
  const auto identity = model.open()->identity();
  const size_t buckets = model.pack.size() - 8 - 3 * 2 * sizeof(float);
  for (size_t bit = 0; bit < 8 * model.pack.size(); ++bit) {
    const uint8_t mask = static_cast<uint8_t>(1 << bit % 8);
    model.pack[bit / 8] ^= mask;
    try {
      const auto embedder = model.open();
      const bool in_bucket = bit / 8 >= buckets && bit / 8 < model.pack.size() - 8;
      if (!in_bucket) CHECK_FALSE(embedder->identity() == identity);
      std::vector<float> vector(2);
      if (embedder->embed("sea shore", vector)) CHECK(std::isfinite(vector[0] + vector[1]));
    } catch (const std::runtime_error&) {
    }
    model.pack[bit / 8] ^= mask;
  }
  while (!model.pack.empty()) {
    model.pack.pop_back();
    CHECK_THROWS_AS(model.open(), std::runtime_error);
  }
}
