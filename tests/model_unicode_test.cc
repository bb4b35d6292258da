// What a word is, and which spellings are the same word.
// SPDX-License-Identifier: Apache-2.0
#include "model/unicode.h"

#include <string>
#include <vector>

#include "tests/support/catch.h"

namespace {

using kindred::model::Word;
using kindred::model::WordReader;
using Words = std::vector<std::u32string>;

Words words(std::string_view text) {
  Words out;
  WordReader reader(text);
  for (Word word; reader.next(word);) out.emplace_back(word.text);
  return out;
}

std::string utf8(char32_t c) {
  std::string out;
  const auto put = [&](char32_t byte) { out.push_back(static_cast<char>(byte)); };
  const auto put_tail = [&](int shift) { put(0x80 | (c >> shift & 0x3F)); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xC0 | c >> 6);
    put_tail(0);
  } else if (c < 0x10000) {
    put(0xE0 | c >> 12);
    put_tail(6);
    put_tail(0);
  } else {
    put(0xF0 | c >> 18);
    put_tail(12);
    put_tail(6);
    put_tail(0);
  }
  return out;
}

std::vector<Word::Kind> kinds(std::string_view text) {
  std::vector<Word::Kind> out;
  WordReader reader(text);
  for (Word word; reader.next(word);) out.push_back(word.kind);
  return out;
}

}  // namespace

TEST_CASE("words are runs of letters and digits in lower case", "[model][unicode]") {
  CHECK(words("The quick-brown FOX, H2O; 3.14!") ==
        Words{U"the", U"quick", U"brown", U"fox", U"h2o", U"3", U"14"});
  CHECK(words("don't") == Words{U"don", U"t"});
}

TEST_CASE("a text without letters, digits or emoji has no words", "[model][unicode]") {
  CHECK(words("").empty());
  CHECK(words(" \t\r\n").empty());
  CHECK(words("...!?-- $%&/()=+*~ \u2014 \u00a0 \u20ac \u2192").empty());
  CHECK(words(std::string_view("\0\0\0", 3)).empty());
  CHECK(words("\u0301 \u200d").empty());  // a mark and a joiner with nothing to join
}

TEST_CASE("accents and case do not tell words apart", "[model][unicode]") {
  CHECK(words("Caf\u00e9 CAFE\u0301 cafe") == Words{U"cafe", U"cafe", U"cafe"});
  CHECK(words("\u00c5ngstr\u00f6m") == Words{U"angstrom"});
  CHECK(words("STRASSE stra\u00dfe") == Words{U"strasse", U"strasse"});
  CHECK(words("\u039f\u03b4\u03cc\u03c2 \u039f\u0394\u039f\u03a3").at(0) ==
        words("\u039f\u03b4\u03cc\u03c2 \u039f\u0394\u039f\u03a3").at(1));  // final sigma
  CHECK(words("\u0130stanbul") == Words{U"istanbul"});
}

TEST_CASE("compatibility forms are their plain letters", "[model][unicode]") {
  CHECK(words("\uff46\uff55\uff4c\uff4c \ufb01re x\u00b2") == Words{U"full", U"fire", U"x2"});
}

TEST_CASE("what is invisible does not split a word", "[model][unicode]") {
  CHECK(words("co\u00adoper\u200date") == Words{U"cooperate"});
}

TEST_CASE("optional vowel points are dropped, vowels that are letters stay", "[model][unicode]") {
  CHECK(words("\u05e9\u05c1\u05b8\u05dc\u05d5\u05b9\u05dd") == Words{U"\u05e9\u05dc\u05d5\u05dd"});
  CHECK(words("\u0643\u064e\u062a\u064e\u0628") == Words{U"\u0643\u062a\u0628"});
  CHECK(words("\u0915\u0940") != words("\u0915\u093e"));  // Devanagari ki, ka
}

TEST_CASE("Hangul is composed however it was typed", "[model][unicode]") {
  CHECK(words("\u1112\u1161\u11ab\u1100\u1173\u11af") == Words{U"\ud55c\uae00"});
  CHECK(words("\ud55c\uae00") == Words{U"\ud55c\uae00"});
}

TEST_CASE("scripts without spaces give characters and pairs of neighbours", "[model][unicode]") {
  using enum Word::Kind;
  CHECK(words("\u6771\u4eac\u90fd") ==
        Words{U"\u6771", U"\u4eac", U"\u6771\u4eac", U"\u90fd", U"\u4eac\u90fd"});
  CHECK(kinds("\u6771\u4eac\u90fd") ==
        std::vector{kCharacter, kCharacter, kPair, kCharacter, kPair});
  CHECK(kinds("\u6771\u3002\u4eac") == std::vector{kCharacter, kCharacter});
  CHECK(kinds("iPhone\u624b\u673a") == std::vector{kSpaced, kCharacter, kCharacter, kPair});
  CHECK(words("\u0e01\u0e49\u0e32") ==
        Words{U"\u0e01\u0e49", U"\u0e32", U"\u0e01\u0e49\u0e32"});  // Thai: the tone mark stays on
}

TEST_CASE("half-width kana are the same as full-width ones", "[model][unicode]") {
  CHECK(words("\uff76\uff9e\uff77") == words("\u30ac\u30ad"));
  CHECK(words("\u304b\u3099") == words("\u304c"));
}

TEST_CASE("an emoji is a word of one character", "[model][unicode]") {
  CHECK(words("\U0001F600!\U0001F6A2") == Words{U"\U0001F600", U"\U0001F6A2"});
  CHECK(kinds("\U0001F600\U0001F6A2").size() == 2);  // no pairs
}

TEST_CASE("invalid UTF-8 separates words and is none", "[model][unicode]") {
  CHECK(words("ship\xff"
              "sea") == Words{U"ship", U"sea"});
  CHECK(words("\xff\xfe\x80\xbf").empty());
  CHECK(words("ship\xe2\x82") == Words{U"ship"});                   // cut short
  CHECK(words("\xed\xa0\x80x") == Words{U"x"});                     // a surrogate
  CHECK(words("\xc0\xafx\xf4\x90\x80\x80y") == Words{U"x", U"y"});  // overlong, beyond Unicode
  CHECK(words("\ufffd").empty());
}

TEST_CASE("a run without end is read as words of bounded length", "[model][unicode]") {
  const std::string run(1000, 'a');
  size_t total = 0;
  for (const std::u32string& word : words(run)) {
    CHECK(word.size() <= WordReader::kMaxCharacters);
    total += word.size();
  }
  CHECK(total == run.size());
  std::string marks = "a";
  for (int i = 0; i < 1000; ++i) marks += "\u0301";
  CHECK(words(marks) == Words{U"a"});
  std::string wide;
  for (int i = 0; i < 100; ++i) wide += "\ufdfa";  // eighteen characters each when folded
  for (const std::u32string& word : words(wide)) CHECK(word.size() <= WordReader::kMaxCharacters);
}

TEST_CASE("every code point can be read", "[model][unicode]") {
  for (char32_t c = 1; c < 0x110000; ++c) {
    const std::string text = utf8(c);
    WordReader reader(text);
    Word word;
    size_t count = 0;
    for (; reader.next(word); ++count)
      if (word.text.empty() || word.text.size() > WordReader::kMaxCharacters) FAIL(unsigned(c));
    if (count > 1) FAIL(unsigned(c));
  }
}
