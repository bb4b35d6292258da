// fastText's model files: what is in one becomes a pack, and what is damaged is refused.
// SPDX-License-Identifier: Apache-2.0
#include "model/formats/fasttext_file.h"

#include <fstream>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include "model/word_parts.h"
#include "tests/support/catch.h"
#include "tests/support/fasttext_bytes.h"
#include "tests/support/files.h"
#include "tests/support/memory_model.h"

using namespace kindred::model;
using namespace kindred::test;

namespace {

ImportResult import(const std::string& bytes, MemoryModel& model) {
  const ScratchDirectory directory;
  const std::string path = directory.file("model");
  std::ofstream(path, std::ios::binary) << bytes;
  return import_fasttext(path, model, [](size_t, size_t) {});
}

std::string error(const std::string& bytes) {
  MemoryModel model;
  try {
    import(bytes, model);
  } catch (const std::runtime_error& e) {
    const std::string what = e.what();
    return what.substr(what.find("', ") + 3);
  }
  return "";
}

bool is_one(const std::string& bytes) {
  const ScratchDirectory directory;
  std::ofstream(directory.file("model"), std::ios::binary) << bytes;
  return is_fasttext(directory.file("model"));
}

std::vector<uint64_t> buckets_of(const WordParts& parts, const std::string& word) {
  std::vector<uint64_t> buckets;
  parts.each(word, [&](uint64_t bucket) { buckets.push_back(bucket); });
  return buckets;
}

}  // namespace

TEST_CASE("a fastText file is known by its first bytes", "[model][fasttext]") {
  CHECK(is_one(FastTextBytes().file()));
  CHECK_FALSE(is_one(""));
  CHECK_FALSE(is_one("\xBA\x16\x4F"));
  CHECK_FALSE(is_one("3 2\nking 1 2\n"));
  FastTextBytes swapped;
  swapped.magic = static_cast<int32_t>(__builtin_bswap32(793712314));
  CHECK_FALSE(is_one(swapped.file()));
  CHECK(error(swapped.file()).starts_with("offset 0: fastText's magic number"));
}

TEST_CASE("n-grams are those of the word in its frame, in characters", "[model][fasttext]") {
  CHECK(buckets_of({3, 6, 1}, "sea").size() == 6);  // <se sea ea> <sea sea> <sea>
  CHECK(buckets_of({1, 2, 1}, "a").size() == 3);    // a <a a>, but not < and >
  CHECK(buckets_of({3, 3, 1}, "\u00E9t\u00E9").size() == 3);
  CHECK(buckets_of({3, 6, 1}, "</s>").empty());
  CHECK(buckets_of({3, 6, 0}, "sea").empty());
  CHECK(buckets_of({0, 0, 9}, "sea").empty());
}

TEST_CASE("bytes beyond ASCII are sign-extended before they are hashed", "[model][fasttext]") {
  CHECK(fasttext_hash("a") == 0xE40C292CU);  // FNV-1a
  CHECK(fasttext_hash("\xC3") == (2166136261U ^ 0xFFFFFFC3U) * 16777619U);
}

TEST_CASE("a word's row is the mean of its own and its n-grams'", "[model][fasttext]") {
  MemoryModel model;
  FastTextBytes bytes;
  const ImportResult result = import(bytes.file(), model);
  CHECK(result.kind == "fasttext");
  CHECK(result.dim == 2);
  CHECK(result.tokens == 3);
  double sum = 2;  // its own row
  const auto buckets = buckets_of({3, 4, 3}, "sea");
  for (const uint64_t bucket : buckets) sum += 4 + static_cast<double>(bucket);
  CHECK(model.rows[0] == 1);  // of </s>, which has no n-grams
  CHECK(model.rows[2] == Approx(sum / static_cast<double>(buckets.size() + 1)));
  CHECK(model.rows[3] == 1);
}

TEST_CASE("a version 11 model with labels has no n-grams", "[model][fasttext]") {
  FastTextBytes bytes;
  bytes.model = 3;
  bytes.version = 11;
  bytes.labels = {"__label__x"};
  MemoryModel model;
  CHECK(import(bytes.file(), model).tokens == 3);
  CHECK(model.rows == std::vector<float>{1, 1, 2, 1, 3, 1});
}

TEST_CASE("compressed and pruned models are refused as what they are", "[model][fasttext]") {
  FastTextBytes bytes;
  bytes.is_compressed = 1;
  CHECK(error(bytes.file())
            .find("a model that is not compressed is wanted, got a compressed one "
                  "(.ftz)") != std::string::npos);
  bytes.pruned = 0;
  CHECK(error(bytes.file()) ==
        "offset 84: a dictionary that was not pruned is wanted, got a pruned one (.ftz)");
}

TEST_CASE("a fastText file that is cut short anywhere or goes on is refused", "[model][fasttext]") {
  const std::string whole = FastTextBytes().file();
  CHECK(error(whole).empty());
  for (size_t size = 0; size < whole.size(); ++size)
    CHECK(error(whole.substr(0, size)).starts_with("offset "));
  CHECK(error(whole + '\0').starts_with("offset "));
}

TEST_CASE("a flipped bit is refused or leaves a model of the same shape", "[model][fasttext]") {
  const std::string whole = FastTextBytes().file();
  for (size_t bit = 0; bit < 8 * whole.size(); ++bit) {
    std::string flipped = whole;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ 1 << bit % 8);
    MemoryModel model;
    try {
      const ImportResult result = import(flipped, model);
      CHECK(result.dim == 2);
      CHECK(result.tokens == 3);
      std::vector<float> vector(2);
      model.open()->embed("sea shore", vector);
    } catch (const std::runtime_error& e) {
      CHECK(std::string(e.what()).find("offset ") != std::string::npos);
    }
  }
}

TEST_CASE("sizes that lie are refused before anything is made of them", "[model][fasttext]") {
  const auto with = [](auto change) {
    FastTextBytes bytes;
    change(bytes);
    return error(bytes.file());
  };
  using B = FastTextBytes;
  CHECK(with([](B& b) { b.version = 13; }) == "offset 4: version 11..12 is wanted, got 13");
  CHECK(with([](B& b) { b.dim = 0; }) == "offset 8: dim 1..65536 is wanted, got 0");
  CHECK(with([](B& b) { b.model = 4; }) == "offset 36: model 1..3 is wanted, got 4");
  CHECK(with([](B& b) { b.maxn = 256; }) == "offset 48: maxn 0..255 is wanted, got 256");
  CHECK(with([](B& b) { b.entries = 4; }) == "offset 72: labels 1..1 is wanted, got 0");
  CHECK(with([](B& b) { b.rows = INT64_MAX; }).find("6 x 2 as the input's size is wanted") !=
        std::string::npos);
  CHECK(with([](B& b) { b.output_rows = 2; }).find("2 x 2 numbers up to the end of the file") !=
        std::string::npos);
  CHECK(with([](B& b) {
          b.words = {"a", "a"};
        }).find("a word that is not there yet") != std::string::npos);
  CHECK(with([](B& b) {
          b.words = {"a", ""};
        }).find("a word of 1..65535 bytes") != std::string::npos);
  CHECK(with([](B& b) {
          b.input.assign(12, 1.0F);
          b.input[11] = std::numeric_limits<float>::infinity();
        }).find("a finite number is wanted, got inf") != std::string::npos);
}
