// SPDX-License-Identifier: Apache-2.0
#include "model/pre_tokenizer.h"

#include "tests/support/catch.h"

using namespace kindred::model;

namespace {

using Pieces = std::vector<std::string>;

Pieces pieces(const PreTokenizer& cut, std::string_view text, bool is_first = true) {
  Pieces out;
  cut({text, is_first}, [&](std::string_view piece) { out.emplace_back(piece); });
  return out;
}

}  // namespace

TEST_CASE("BERT's pre-tokenizer cuts at white space and around punctuation", "[model][tokenizer]") {
  const PreTokenizer cut = bert_pre_tokenizer();
  CHECK(pieces(cut, "hello, world!") == Pieces{"hello", ",", "world", "!"});
  CHECK(pieces(cut,
               "a$b `c` ^+ \xE2\x82\xAC"
               "1") == Pieces{"a", "$", "b", "`", "c", "`", "^", "+",
                              "\xE2\x82\xAC"
                              "1"});
  CHECK(pieces(cut, "\xC2\xABx\xC2\xBB\xC2\xA0y") == Pieces{"\xC2\xAB", "x", "\xC2\xBB", "y"});
  CHECK(pieces(cut, "  ").empty());
  CHECK(pieces(cut, "").empty());
}

TEST_CASE("GPT-2's pattern keeps a space with what follows it", "[model][tokenizer]") {
  const PreTokenizer cut = byte_level_pre_tokenizer(false, true);
  CHECK(pieces(cut, "Hello world") == Pieces{"Hello", "\xC4\xA0world"});
  CHECK(pieces(cut, "a   b") == Pieces{"a", "\xC4\xA0\xC4\xA0",
                                       "\xC4\xA0"
                                       "b"});
  CHECK(pieces(cut, "I've 12 'cats'!!") == Pieces{"I", "'ve",
                                                  "\xC4\xA0"
                                                  "12",
                                                  "\xC4\xA0'", "cats", "'!!"});
  CHECK(pieces(cut, "we're he'll") == Pieces{"we", "'re", "\xC4\xA0he", "'ll"});
  CHECK(pieces(cut, "x'S") == Pieces{"x", "'", "S"});
  CHECK(pieces(cut, "a\n\nb") == Pieces{"a", "\xC4\x8A", "\xC4\x8A", "b"});
  CHECK(pieces(cut, "a  ") == Pieces{"a", "\xC4\xA0\xC4\xA0"});
  CHECK(pieces(cut, "x1y") == Pieces{"x", "1", "y"});
}

TEST_CASE("byte-level pieces spell each byte as a printable character", "[model][tokenizer]") {
  const PreTokenizer cut = byte_level_pre_tokenizer(false, false);
  CHECK(pieces(cut, "\xC3\xA9") == Pieces{"\xC3\x83\xC2\xA9"});    // 0xC3 0xA9 are Ã and ©
  CHECK(pieces(cut, std::string(1, '\0')) == Pieces{"\xC4\x80"});  // the first of U+0100 on
  CHECK(pieces(cut, "\x7F") == Pieces{"\xC4\xA1"});                // the 34th
  CHECK(pieces(byte_level_pre_tokenizer(true, true), "a") == Pieces{"\xC4\xA0"
                                                                    "a"});
  CHECK(pieces(byte_level_pre_tokenizer(true, true), " a") == Pieces{"\xC4\xA0"
                                                                     "a"});
}

TEST_CASE("Metaspace marks where words begin", "[model][tokenizer]") {
  const std::string mark = "\xE2\x96\x81";
  const auto cut = [&](PrependScheme scheme, bool splits) {
    return metaspace_pre_tokenizer(mark, scheme, splits);
  };
  const PreTokenizer whole = cut(PrependScheme::kAlways, false);
  CHECK(pieces(whole, "a b") == Pieces{mark + "a" + mark + "b"});
  const PreTokenizer splits = cut(PrependScheme::kAlways, true);
  CHECK(pieces(splits, "a  b") == Pieces{mark + "a", mark, mark + "b"});
  CHECK(pieces(splits, " a") == Pieces{mark + "a"});
  const PreTokenizer first = cut(PrependScheme::kFirst, true);
  CHECK(pieces(first, "a b", true) == Pieces{mark + "a", mark + "b"});
  CHECK(pieces(first, "a b", false) == Pieces{"a", mark + "b"});
  CHECK(pieces(cut(PrependScheme::kNever, true), "a b") == Pieces{"a", mark + "b"});
  CHECK(pieces(splits, "").empty());
}

TEST_CASE("each step of a sequence cuts the pieces of the one before", "[model][tokenizer]") {
  const PreTokenizer cut =
      pre_tokenizer_sequence({white_space_pre_tokenizer(), byte_level_pre_tokenizer(true, false)});
  CHECK(pieces(cut, "a b") == Pieces{"\xC4\xA0"
                                     "a",
                                     "\xC4\xA0"
                                     "b"});
}
