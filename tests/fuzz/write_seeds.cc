// Writes a few small files for each fuzzer to begin with. Usage: write_seeds FOLDER
// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include "model/formats/fasttext_file.h"
#include "model/formats/word_vectors.h"
#include "tests/support/fasttext_bytes.h"
#include "tests/support/memory_model.h"

using namespace kindred;

namespace {

class Folder {
 public:
  explicit Folder(std::filesystem::path path) : path_(std::move(path)) {
    std::filesystem::create_directories(path_);
  }
  std::string write(const std::string& bytes) {
    const std::string file = path_ / ("seed" + std::to_string(count_++));
    std::ofstream(file, std::ios::binary) << bytes;
    return file;
  }

 private:
  std::filesystem::path path_;
  int count_ = 0;
};

std::string pack_seed(const test::MemoryModel& model) {
  std::string bytes;
  bytes += static_cast<char>(model.rows.size() / model.dim);
  bytes += static_cast<char>(model.dim);
  return bytes.append(model.pack.begin(), model.pack.end());
}

void write(const std::filesystem::path& folder) {
  const auto silent = [](size_t, size_t) {};
  Folder words(folder / "word_vectors"), fasttext(folder / "fasttext"),
      packs(folder / "packed_model");
  using std::string_literals::operator""s;
  for (const std::string& bytes :
       {"2 3\nsea 0.5 -2 1e-3\nshore 4 5 6\n"s, "sea 0.5 -2 1e-3\n. . . 4 5 6\n"s,
        "2 1\nsea \0\0\0\x3F\nshore \0\0\0\x40\n"s, "1 2\r\nsea\t+1e-60 0x1 \r\n"s}) {
    test::MemoryModel model;
    try {
      import_word_vectors(words.write(bytes), model, silent);
      packs.write(pack_seed(model));
    } catch (const std::runtime_error&) {  // a seed may be damaged
    }
  }
  test::FastTextBytes plain, supervised;
  supervised.model = 3;
  supervised.word_ngrams = 2;
  supervised.labels = {"__label__x"};
  for (const test::FastTextBytes& bytes : {plain, supervised}) {
    test::MemoryModel model;
    import_fasttext(fasttext.write(bytes.file()), model, silent);
    packs.write(pack_seed(model));
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: write_seeds FOLDER\n");
    return 2;
  }
  write(argv[1]);
  return 0;
}
