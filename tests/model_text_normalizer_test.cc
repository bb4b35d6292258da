// SPDX-License-Identifier: Apache-2.0
#include "model/text_normalizer.h"

#include <stdexcept>

#include "tests/support/catch.h"

using namespace kindred::model;
using namespace std::string_literals;

namespace {

std::string after(const NormalizerStep& step, std::string_view text) {
  std::string out;
  step(text, out);
  return out;
}

// A trie unit of Darts-clone.
constexpr uint32_t unit(uint32_t label, uint32_t offset, bool has_leaf) {
  return label | offset << 10 | (has_leaf ? 1U << 8 : 0);
}

// A charsmap of one rule: the byte 'A' begins what becomes "b".
std::string charsmap_of_a() {
  std::vector<uint32_t> units(256);
  units[0] = unit(0, 1, false);         // the root's children are at 1 ^ label
  units[1 ^ 'A'] = unit('A', 2, true);  // its leaf is at 1 ^ 'A' ^ 2
  units[1 ^ 'A' ^ 2] = 1U << 31 | 2;    // the place of "b" in the pool
  std::string bytes(4, '\0');
  bytes[1] = static_cast<char>(units.size() * 4 >> 8);
  bytes.append(reinterpret_cast<const char*>(units.data()), units.size() * 4);
  return bytes + "x\0b\0"s;
}

}  // namespace

TEST_CASE("BERT's normalizer cleans, spaces Han, strips accents and lower-cases",
          "[model][tokenizer]") {
  const NormalizerStep bert = bert_normalizer({});
  CHECK(after(bert, "H\xC3\xA9llo\tW\x01orld\n") == "hello world ");
  CHECK(after(bert,
              "a\xE6\x88\x91"
              "b") == "a \xE6\x88\x91 b");
  CHECK(after(bert, "\xEF\xBF\xBDx\xE2\x80\x8Dy\xC2\xA0z\xC2\x85") == "xy z");   // U+FFFD ZWJ NBSP
  CHECK(after(bert, "\xC4\xB0\xE2\x84\xAA") == "ik");                            // U+0130, Kelvin
  CHECK(after(bert, "\xED\x95\x9C") == "\xE1\x84\x92\xE1\x85\xA1\xE1\x86\xAB");  // Hangul
  CHECK(after(bert, "\0a"s) == "a");
}

TEST_CASE("BERT's normalizer does only what it is asked to", "[model][tokenizer]") {
  BertNormalizerOptions none{false, false, false, false};
  CHECK(after(bert_normalizer(none), "\xC3\x89\t\xE6\x88\x91\0"s) == "\xC3\x89\t\xE6\x88\x91\0"s);
  BertNormalizerOptions cased;
  cased.lower_cases = false;
  cased.strips_accents = false;
  CHECK(after(bert_normalizer(cased),
              "\xC3\x89"
              "A\t") ==
        "\xC3\x89"
        "A ");
  BertNormalizerOptions accents = cased;
  accents.lower_cases = true;
  CHECK(after(bert_normalizer(accents), "\xC3\x89\xC4\xB0") == "\xC3\xA9i\xCC\x87");
}

TEST_CASE("normal forms compose and decompose", "[model][tokenizer]") {
  CHECK(after(normal_form_normalizer(Form::kNfd), "\xC3\xA9") == "e\xCC\x81");
  CHECK(after(normal_form_normalizer(Form::kNfc), "e\xCC\x81") == "\xC3\xA9");
  CHECK(after(normal_form_normalizer(Form::kNfkc), "\xEF\xAC\x81\xC2\xB2") == "fi2");
  CHECK(after(normal_form_normalizer(Form::kNfkd), "\xEF\xB7\xBA").size() == 33);  // 18 for one
  CHECK(after(strip_accents_normalizer(), "e\xCC\x81") == "e");
  CHECK(after(lower_case_normalizer(), "\xC3\x89X") == "\xC3\xA9x");
}

TEST_CASE("white space is stripped and replaced", "[model][tokenizer]") {
  CHECK(after(strip_normalizer(true, true), " \xC2\xA0 a b\n") == "a b");
  CHECK(after(strip_normalizer(true, false), " a ") == "a ");
  CHECK(after(strip_normalizer(false, true), " a ") == " a");
  CHECK(after(strip_normalizer(true, true), "  ").empty());
  CHECK(after(replace_space_normalizer(1, false, " "), "a\t\n b\xE3\x80\x80") == "a b ");
  CHECK(after(replace_space_normalizer(2, true, "_"), "a b  c   \t") == "a b_c_\t");
  CHECK(after(replace_normalizer("``", "\""), "``a```") == "\"a\"`");
  CHECK(after(prepend_normalizer("_"), "a") == "_a");
  CHECK(after(prepend_normalizer("_"), "").empty());
}

TEST_CASE("a compiled charsmap replaces what its trie has", "[model][tokenizer]") {
  const Charsmap map(charsmap_of_a());
  std::string out;
  map.append_normal_form(out,
                         "xAyA\xCC\x81"
                         "A\xCC\x81\xCC\x81\xCC\x81z");
  // A short cluster is replaced as a whole by what it begins with, a long one by the character.
  CHECK(out ==
        "xbyb"
        "b\xCC\x81\xCC\x81\xCC\x81z");
}

TEST_CASE("a broken charsmap is refused or finds nothing", "[model][tokenizer]") {
  const std::string whole = charsmap_of_a();
  CHECK_THROWS_AS(Charsmap(""), std::invalid_argument);
  CHECK_THROWS_AS(Charsmap(whole.substr(0, 100)), std::invalid_argument);
  CHECK_THROWS_AS(Charsmap("\x03\0\0\0abcd"s), std::invalid_argument);
  for (size_t bit = 0; bit < 8 * whole.size(); bit += 3) {
    std::string flipped = whole;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ 1 << bit % 8);
    if (bit < 32) continue;  // the length
    std::string out;
    Charsmap(flipped).append_normal_form(out, "xAy");
    CHECK(out.size() <= 3 + whole.size());
  }
}

TEST_CASE("base64 is decoded or refused", "[model][tokenizer]") {
  CHECK(decode_base64("aGVsbG8=") == "hello");
  CHECK(decode_base64("aGVsbG8h") == "hello!");
  CHECK(decode_base64("aGU=") == "he");
  CHECK(decode_base64("+/8=") == "\xFB\xFF");
  CHECK(decode_base64("").empty());
  CHECK_THROWS_AS(decode_base64("abc"), std::invalid_argument);
  CHECK_THROWS_AS(decode_base64("ab*="), std::invalid_argument);
}
