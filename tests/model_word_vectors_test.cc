// Files of word vectors: each format is read as its program wrote it, and damage is refused.
// SPDX-License-Identifier: Apache-2.0
#include "model/formats/word_vectors.h"

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/support/catch.h"
#include "tests/support/files.h"
#include "tests/support/memory_model.h"

using namespace kindred::model;
using namespace kindred::test;

namespace {

using Bytes = std::string;

// A file of these bytes, imported.
class File {
 public:
  explicit File(const Bytes& bytes) : path_(directory_.file("vectors")) {
    std::ofstream(path_, std::ios::binary) << bytes;
  }
  const std::string& path() const { return path_; }
  ImportResult import(MemoryModel& model) const {
    return import_word_vectors(path_, model, [](size_t, size_t) {});
  }

 private:
  ScratchDirectory directory_;
  std::string path_;
};

std::string error(const Bytes& bytes) {
  const File file(bytes);
  MemoryModel model;
  try {
    file.import(model);
  } catch (const std::runtime_error& e) {
    const std::string what = e.what();
    REQUIRE(what.find(file.path()) != what.npos);
    return what.substr(what.find("', ") + 3);
  }
  return "";
}

// "king 1 2; queen 3 4": what is read of a file.
std::string read(const Bytes& bytes) {
  MemoryModel model;
  const ImportResult result = File(bytes).import(model);
  const auto embedder = model.open();
  const EmbeddingTable& table = *embedder->table();
  CHECK(table.size() == result.tokens);
  CHECK(table.dim() == result.dim);
  std::string shown = result.kind + ":";
  std::vector<float> row(result.dim);
  for (TokenId id = 0; id < table.size(); ++id) {
    table.row(id, row);
    shown += (id > 0 ? "; " : " ") + table.token(id);
    for (const float value : row) {
      char number[32];
      std::snprintf(number, sizeof number, " %g", static_cast<double>(value));
      shown += number;
    }
  }
  return shown;
}

Bytes floats(const std::vector<float>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)};
}

Bytes binary(const std::string& between = "\n") {
  return "3 2\nking " + floats({0.5F, -2}) + between + "queen " + floats({1e-20F, 4}) + between +
         "</s> " + floats({0, 0}) + between;
}

constexpr const char* kText = "2 3\nking 0.5 -2 1e-3\nqueen 4 5 6\n";
constexpr const char* kLines = "king 0.5 -2 1e-3\nqueen 4 5 6\n";

uint64_t memory(const std::string& field) {  // KiB
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with(field + ":"))
      return std::strtoull(line.c_str() + field.size() + 1, nullptr, 10);
  return 0;
}

// The row with the highest cosine to this one, of all others.
TokenId nearest_row(const EmbeddingTable& table, TokenId query) {
  std::vector<float> wanted(table.dim()), row(table.dim());
  table.row(query, wanted);
  TokenId nearest = 0;
  double highest = -std::numeric_limits<double>::infinity();
  for (TokenId id = 0; id < table.size(); ++id) {
    table.row(id, row);
    double dot = 0, squares = 0;
    for (size_t i = 0; i < row.size(); ++i) {
      dot += static_cast<double>(row[i]) * wanted[i];
      squares += static_cast<double>(row[i]) * row[i];
    }
    if (const double score = dot / std::sqrt(squares); id != query && score > highest) {
      highest = score;
      nearest = id;
    }
  }
  return nearest;
}

}  // namespace

TEST_CASE("word2vec's text, GloVe's and fastText's are told apart by their first line",
          "[model][formats]") {
  CHECK(read(kText) == "word2vec: king 0.5 -2 0.001; queen 4 5 6");
  CHECK(read(kLines) == "glove: king 0.5 -2 0.001; queen 4 5 6");
}

TEST_CASE("word2vec's binary rows are read with and without a line feed between them",
          "[model][formats]") {
  CHECK(read(binary()) == "word2vec: king 0.5 -2; queen 1e-20 4; </s> 0 0");
  CHECK(read(binary("")) == read(binary()));
  CHECK(read("1 1\n\xC3\xA9_x " + floats({2})) == "word2vec: \u00E9_x 2");
}

TEST_CASE("blanks and carriage returns at line ends, tabs and signs change nothing",
          "[model][formats]") {
  CHECK(read("2 3 \r\nking 0.5 -2 1e-3 \r\nqueen\t4\t+5  6\t\n\n") == read(kText));
  CHECK(read("king 0.5 -2 1e-3 \r\n\nqueen 4 5 6 \n\r\n") == read(kLines));
}

TEST_CASE("a word may hold spaces and be a number: rows are split from the right",
          "[model][formats]") {
  CHECK(read("the 1 2\n. . . 3 4\nat name@domain.com 5 6\n7 8 9\n1 2 3 4\n") ==
        "glove: the 1 2; . . . 3 4; at name@domain.com 5 6; 7 8 9; 1 2 3 4");
  CHECK(read("2 2\nnew york 1 2\nnan 3 4\n") == "word2vec: new york 1 2; nan 3 4");
  CHECK(read("12 0.5 1\n. . 2 3\n") == "glove: 12 0.5 1; . . 2 3");
}

TEST_CASE("the first row of a word that is there twice counts", "[model][formats]") {
  CHECK(read("3 2\na 1 2\na 3 4\nb 5 6\n") == "word2vec: a 1 2; b 5 6");
}

TEST_CASE("a number that float32 cannot tell from zero is zero", "[model][formats]") {
  CHECK(read("a 1e-60 -1e-400 1\n") == "glove: a 0 0 1");
  CHECK(error("a 1e60 1 1\n") ==
        "offset 0: a finite number is wanted, got 'a' with inf as number 1");
  CHECK(error("a 1 1e400 1\n") ==
        "offset 0: a finite number is wanted, got 'a' with inf as number 2");
}

TEST_CASE("numbers are read the same whatever the locale", "[model][formats]") {
  const std::string before = std::setlocale(LC_ALL, nullptr);
  if (std::setlocale(LC_ALL, "de_DE.UTF-8") == nullptr) WARN("no German locale: C instead");
  CHECK(read(kText) == "word2vec: king 0.5 -2 0.001; queen 4 5 6");
  std::setlocale(LC_ALL, before.c_str());
}

TEST_CASE("only files of word vectors are taken for some", "[model][formats]") {
  for (const Bytes& yes : {Bytes(kText), Bytes(kLines), binary()})
    CHECK(is_word_vectors(File(yes).path()));
  for (const Bytes& no :
       {Bytes(), Bytes("\n"), Bytes("some words of a text\n"), Bytes("chapter 1\n"),
        Bytes("{\"a\": 1}\n"), Bytes("GGUF\3\0\0\0", 8), Bytes("a\0b 1 2 3\n", 10),
        Bytes("king 1 2 3"), Bytes(100000, 'x'), Bytes(100000, '\0')}) {
    CHECK_FALSE(is_word_vectors(File(no).path()));
    CHECK(error(no).starts_with("offset 0: \"<words> <dim>\" or a word and its numbers is wanted"));
  }
}

TEST_CASE("what is no file is refused by name", "[model][formats]") {
  const ScratchDirectory directory;
  CHECK_THROWS_WITH(is_word_vectors(directory.file("missing")),
                    "model file '" + directory.file("missing") +
                        "': cannot be opened: No such file or directory");
  CHECK_THROWS_WITH(is_word_vectors(directory.path()),
                    "model file '" + directory.path() + "': a regular file is wanted");
}

TEST_CASE("word vectors that are cut short anywhere are refused", "[model][formats]") {
  for (const Bytes& whole : {Bytes(kText), binary(""), Bytes(kLines)})
    for (size_t size = 0; size < whole.size(); ++size) {
      const Bytes cut = whole.substr(0, size);
      INFO(size);
      if (whole == kLines && size == whole.find('\n') + 1)
        CHECK(error(cut).empty());  // a list without a count may end after any line
      else
        CHECK_FALSE(error(cut).empty());
    }
}

TEST_CASE("a flipped bit is refused or changes a word or a number, never the shape",
          "[model][formats]") {
  for (const Bytes& whole : {Bytes(kText), binary(), Bytes(kLines)})
    for (size_t bit = 0; bit < 8 * whole.size(); ++bit) {
      Bytes flipped = whole;
      flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ 1 << bit % 8);
      MemoryModel model;
      try {
        const ImportResult result = File(flipped).import(model);
        CHECK(model.rows.size() == result.dim * result.tokens);
        CHECK(model.open()->table()->size() == result.tokens);
      } catch (const std::runtime_error& e) {
        CHECK(std::string(e.what()).find(", offset ") != std::string::npos);
      }
    }
}

TEST_CASE("a first line that lies is refused before anything is made of it", "[model][formats]") {
  CHECK(error("0 3\nking 1 2 3\n") == "offset 0: at least one word is wanted, got 0");
  CHECK(error("1 0\nking\n") == "offset 0: dim 1..65536 is wanted, got 0");
  CHECK(error("1 65537\nking 1\n") == "offset 0: dim 1..65536 is wanted, got 65537");
  CHECK(error("4000000000 300\nking 1 2 3\n") ==
        "offset 0: a file that holds 4000000000 words of dim 300 is wanted, got 26 bytes");
  CHECK(error("18446744073709551615 65536\n" + Bytes(100, '\1')).starts_with("offset 0: a file "));
  CHECK(error("3 3\nking 1 2 3\nqueen 4 5 6.00000000\n") ==
        "offset 36: 3 words is wanted, got 2 before the end");
  CHECK(error("1 3\nking 1 2 3\nqueen 4 5 6\n") ==
        "offset 15: the end after 1 words is wanted, got 12 more bytes");
  CHECK(error("2" + binary().substr(1)).find("the end after 2 words is wanted") !=
        std::string::npos);
  CHECK(error("3 3" + binary("").substr(3)).starts_with("offset "));
  CHECK(error("3 1" + binary("").substr(3)).starts_with("offset "));
}

TEST_CASE("a damaged row is refused with its place", "[model][formats]") {
  CHECK(error("2 3\nking 1 2 3\nqueen 4 5\n") ==
        "offset 15: a word and 3 numbers is wanted, got 'queen 4 5'");
  CHECK(error("king 1 2 3\nqueen 4 x 6\n") == "offset 19: a number is wanted, got 'x'");
  CHECK(error("king 1 2 3\nqueen 4 5,0 6\n") == "offset 19: a number is wanted, got '5,0'");
  CHECK(error("king 1 2 3\nqueen 4 nan 6\n") ==
        "offset 11: a finite number is wanted, got 'queen' with nan as number 2");
  CHECK(error("king 1 2 3\n 4 5 6\n") == "offset 11: a word and 3 numbers is wanted, got ' 4 5 6'");
  CHECK(error("king 1 2 3\nqueen 4 5 6") ==
        "offset 22: a line feed after the last line (is the file cut short?) is wanted, got the "
        "end");
  CHECK(error("2 2\nki\nng " + floats({1, 2})).starts_with("offset "));
  CHECK(error("1 1\n " + floats({0, 2})) ==
        "offset 4: a word of 1..65535 bytes and a space is wanted, got ''");
  const float nan = std::numeric_limits<float>::quiet_NaN();
  CHECK(error("1 2\nking " + floats({1, nan})) ==
        "offset 13: a finite number is wanted, got 'king' with nan as number 2");
}

TEST_CASE("numbers of the other byte order are refused or finite", "[model][formats]") {
  Bytes swapped = "1 2\nking ";
  for (const float value : {1.5F, -0.25F}) {
    const Bytes bytes = floats({value});
    swapped.append(bytes.rbegin(), bytes.rend());
  }
  MemoryModel model;
  CHECK(File(swapped).import(model).tokens == 1);  // nothing in such a file tells
  for (const float value : model.rows) CHECK(std::isfinite(value));
}

TEST_CASE("memory does not grow with the file, only with its words", "[model][formats]") {
  const ScratchDirectory directory;
  const std::string path = directory.file("large");
  constexpr size_t kWords = 6000, kDim = 300;
  {
    std::ofstream file(path);
    for (size_t i = 0; i < kWords; ++i) {
      file << "word" << i;
      for (size_t j = 0; j < kDim; ++j) file << " 0.1234567";
      file << '\n';
    }
  }
  struct Discard final : PackWriter {
    void add_row(std::span<const float> row) override { rows += row.size() / kDim; }
    void append(std::span<const uint8_t> bytes) override { pack += bytes.size(); }
    size_t rows = 0, pack = 0;
  } discard;
  std::ofstream("/proc/self/clear_refs") << "5";  // the peak begins anew
  const uint64_t before = memory("VmRSS");
  size_t told = 0, total = 0;
  import_word_vectors(path, discard, [&](size_t done, size_t all) {
    CHECK(done >= told);
    told = done;
    total = all;
  });
  const uint64_t peak = memory("VmHWM");
  CHECK(discard.rows == kWords);
  CHECK(told == total);
  CHECK(total == std::filesystem::file_size(path));
  CHECK(peak - before < 4096);  // of 18 MB
}

TEST_CASE("what the progress throws ends the import", "[model][formats]") {
  const File file(kText);
  MemoryModel model;
  CHECK_THROWS_WITH(import_word_vectors(file.path(), model,
                                        [](size_t, size_t) { throw std::runtime_error("stop"); }),
                    "stop");
}

TEST_CASE("rows of dim 65,536 are read", "[model][formats]") {
  std::vector<float> row(65536, 0.25F);
  MemoryModel model;
  const Bytes bytes = "2 65536\na " + floats(row) + "b " + floats(row);
  CHECK(File(bytes).import(model).tokens == 2);
  Bytes line = "a";
  for (size_t i = 0; i < row.size(); ++i) line += " 0.25";
  MemoryModel lines;
  CHECK(File(line + "\n").import(lines).dim == 65536);
  CHECK(std::equal(row.begin(), row.end(), lines.rows.begin()));
}

TEST_CASE("a real word2vec file has its 33,222 words", "[model][formats][real]") {
  const std::string folder = data_folder();
  if (folder.empty()) {
    WARN("skipped: no data folder");
    return;
  }
  const ScratchDirectory directory;
  const std::string path = directory.file("vec100.bin");
  REQUIRE(std::system(
              ("xz -dc '" + folder + "/word2vec-wiki-100d/vec100.bin.xz' > " + path).c_str()) == 0);
  CHECK(is_word_vectors(path));
  MemoryModel model;
  const ImportResult result = import_word_vectors(path, model, [](size_t, size_t) {});
  CHECK(result.kind == "word2vec");
  CHECK(result.dim == 100);
  CHECK(result.tokens == 33222);
  const auto embedder = model.open();
  CHECK(embedder->table()->token(0) == "</s>");
  // The nearest of some words as they were worked out from the file by another program.
  std::ifstream truth(folder + "/word2vec-wiki-100d/groundtruth-cosine-top100.ivecs",
                      std::ios::binary);
  std::vector<int32_t> nearest(101);
  for (TokenId query = 0; query < 10 * 33; query += 33) {
    truth.read(reinterpret_cast<char*>(nearest.data()), 101 * sizeof(int32_t));
    REQUIRE(truth.good());
    CHECK(nearest_row(*embedder->table(), query) == static_cast<TokenId>(nearest[1]));
  }
}
