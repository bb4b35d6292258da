// Vocabularies in packs: what is written is found where it lies, and damage is refused.
// SPDX-License-Identifier: Apache-2.0
#include "model/packed_vocabulary.h"

#include <chrono>
#include <ctime>
#include <stdexcept>
#include <string>
#include <vector>

#include "model/checksum.h"
#include "tests/support/catch.h"
#include "tests/support/memory_model.h"

using namespace kindred::model;
using kindred::test::MemoryModel;

namespace {

std::vector<uint8_t> pack_of(const std::vector<std::string>& tokens) {
  VocabularyBuilder builder;
  for (const std::string& token : tokens) builder.add(token);
  MemoryModel model;
  builder.append_to(model);
  return model.pack;
}

std::string error(const std::vector<uint8_t>& pack, size_t offset = 0) {
  try {
    PackedVocabulary vocabulary(pack, offset);
  } catch (const std::runtime_error& e) {
    return e.what();
  }
  return "";
}

std::string numbered(size_t i) {
  return "token" + std::to_string(i * 7919);
}

}  // namespace

TEST_CASE("tokens get ids in order, and a second one of a spelling none", "[model][pack]") {
  VocabularyBuilder builder;
  CHECK(builder.add("king"));
  CHECK(builder.add(""));
  CHECK_FALSE(builder.add("king"));
  CHECK(builder.add("k"));
  REQUIRE(builder.size() == 3);
  CHECK(builder.token(0) == "king");
  CHECK(builder.token(1).empty());
  CHECK(builder.token(2) == "k");
}

TEST_CASE("each of many tokens is found by its spelling, and nothing else is", "[model][pack]") {
  constexpr size_t kTokens = 5000;
  std::vector<std::string> tokens;
  for (size_t i = 0; i < kTokens; ++i) tokens.push_back(numbered(i));
  const std::vector<uint8_t> pack = pack_of(tokens);
  const PackedVocabulary vocabulary(pack, 0);
  REQUIRE(vocabulary.size() == kTokens);
  CHECK(vocabulary.bytes() == pack.size());
  for (TokenId id = 0; id < kTokens; ++id) {
    CHECK(vocabulary.token(id) == tokens[id]);
    CHECK(vocabulary.find(tokens[id]) == id);
    CHECK_FALSE(vocabulary.find(tokens[id] + "x"));
  }
  CHECK_FALSE(vocabulary.find(""));
}

TEST_CASE("an empty vocabulary finds nothing", "[model][pack]") {
  const std::vector<uint8_t> pack = pack_of({});
  CHECK(PackedVocabulary(pack, 0).size() == 0);
  CHECK_FALSE(PackedVocabulary(pack, 0).find("a"));
  CHECK_FALSE(PackedVocabulary().find("a"));
}

TEST_CASE("a vocabulary that is cut short, or has a bit flipped anywhere, is refused",
          "[model][pack]") {
  std::vector<uint8_t> pack = pack_of({"king", "queen", "man"});
  CHECK(error(pack).empty());
  for (size_t size = 0; size < pack.size(); ++size)
    CHECK(error({pack.begin(), pack.begin() + static_cast<std::ptrdiff_t>(size)})
              .starts_with("pack, offset "));
  for (size_t bit = 0; bit < 8 * pack.size(); ++bit) {
    pack[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    CHECK(error(pack).starts_with("pack, offset "));
    pack[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
  }
  CHECK_FALSE(error(pack, pack.size() + 1).empty());
}

TEST_CASE("places that lead out of the pack are refused even with the right checksum",
          "[model][pack]") {
  const std::vector<uint8_t> whole = pack_of({"king", "queen"});
  const auto with = [&](size_t offset, uint8_t value) {
    std::vector<uint8_t> pack = whole;
    pack[offset] = value;
    Checksum checksum;
    checksum.add(std::span(pack).first(pack.size() - 8));
    for (size_t i = 0; i < 8; ++i)
      pack[pack.size() - 8 + i] = static_cast<uint8_t>(checksum.value() >> (8 * i));
    return error(pack);
  };
  CHECK(with(16, 4).empty());
  CHECK(with(16, 99) == "pack, offset 16: an end in ascending order is wanted, got 99");
  CHECK(with(20, 3) == "pack, offset 20: an end in ascending order is wanted, got 3");
  CHECK(with(24, 9) == "pack, offset 24: slots of at most 2 is wanted, got 9");
}

TEST_CASE("a vocabulary of 400,000 tokens opens within 20 ms", "[model][pack]") {
  std::vector<std::string> tokens;
  for (size_t i = 0; i < 400000; ++i) tokens.push_back(numbered(i));
  const std::vector<uint8_t> pack = pack_of(tokens);
  double best = 1;  // second of CPU
  for (int i = 0; i < 5; ++i) {
    const std::clock_t begin = std::clock();
    const PackedVocabulary vocabulary(pack, 0);
    best = std::min(best, static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC);
    CHECK(vocabulary.size() == tokens.size());
  }
  INFO(best * 1000 << " ms");
#if defined(__OPTIMIZE__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  CHECK(best < 0.020);
#endif
}

TEST_CASE("a checksum does not depend on how its bytes are cut", "[model][pack]") {
  std::vector<uint8_t> bytes(1000);
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(i * 37);
  Checksum whole;
  whole.add(bytes);
  for (const size_t step : {1, 7, 31, 32, 33, 64, 999}) {
    Checksum pieces;
    for (size_t i = 0; i < bytes.size(); i += step)
      pieces.add(std::span(bytes).subspan(i, std::min(step, bytes.size() - i)));
    CHECK(pieces.value() == whole.value());
  }
  Checksum longer = whole;
  longer.add(std::vector<uint8_t>{0});
  CHECK(longer.value() != whole.value());
}
