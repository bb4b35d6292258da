// SPDX-License-Identifier: Apache-2.0
#include "model/formats/tokenizer_json.h"

#include <sstream>

#include "tests/support/catch.h"
#include "tests/support/files.h"
#include "tests/support/model_files.h"

using namespace kindred;
using Ids = std::vector<model::TokenId>;

namespace {

Ids ids_of(const model::Tokenizer& tokenizer, std::string_view text) {
  Ids ids;
  tokenizer.append_ids(text, ids);
  return ids;
}

std::vector<std::string> tokens_of(const model::Tokenizer& tokenizer, std::string_view text) {
  std::vector<std::string> tokens;
  for (const model::TokenId id : ids_of(tokenizer, text)) tokens.push_back(tokenizer.token(id));
  return tokens;
}

using Tokens = std::vector<std::string>;

// A tokenizer of a model alone, or with further members.
model::Tokenizer tokenizer_of(const std::string& model, const std::string& more = "") {
  return model::read_tokenizer(R"({"model":)" + model + more + "}", "t.json");
}

std::string error(const std::string& json) {
  return test::error_of([&] { model::read_tokenizer(json, "t.json"); });
}

const std::string kWordPiece =
    R"({"type":"WordPiece","unk_token":"[UNK]","vocab":{"[UNK]":0,"un":1,"##aff":2,"##able":3,
        "a":4,"##a":5,"[CLS]":6,"able":7}})";
const std::string kBert =
    R"(,"normalizer":{"type":"BertNormalizer"},"pre_tokenizer":{"type":"BertPreTokenizer"})";
const std::string kCls = R"(,"added_tokens":[{"id":6,"content":"[CLS]","special":true}])";

}  // namespace

TEST_CASE("the ids of 46 texts under bert-base-uncased are those of Hugging Face",
          "[model][tokenizer][data]") {
  const std::string data = test::data_folder();
  if (data.empty()) {
    WARN("skipped: no folder of real data");
    return;
  }
  const model::Tokenizer tokenizer = model::read_tokenizer(
      test::file_bytes(data + "/bert-base-uncased-tokenizer/tokenizer.json"), "bert");
  const std::string vectors = data + "/tokenizer-vectors/ggml-vocab-bert-bge.gguf";
  const std::string texts = test::file_bytes(vectors + ".inp");
  std::istringstream lines(test::file_bytes(vectors + ".out"));
  const std::string separator = "\n__ggml_vocab_test__\n";
  size_t read = 0, begin = 0;
  for (std::string line; std::getline(lines, line); ++read) {
    std::istringstream numbers(line);
    const Ids expected{std::istream_iterator<model::TokenId>(numbers), {}};
    const size_t end = texts.find(separator, begin);
    const std::string text = texts.substr(begin, end - begin);
    CAPTURE(read, text);
    CHECK(ids_of(tokenizer, text) == expected);
    begin = end == texts.npos ? end : end + separator.size();
    if (begin == texts.npos) begin = texts.size();
  }
  CHECK(read == 46);
}

TEST_CASE("WordPiece takes the longest token, then the longest that goes on",
          "[model][tokenizer]") {
  const model::Tokenizer tokenizer = tokenizer_of(kWordPiece, kBert);
  CHECK(tokens_of(tokenizer, "unaffable") == Tokens{"un", "##aff", "##able"});
  CHECK(tokens_of(tokenizer, "aa able") == Tokens{"a", "##a", "able"});
  CHECK(ids_of(tokenizer, "unx a") == Ids{0, 4});  // unknown as a whole
  CHECK(ids_of(tokenizer, "").empty());
}

TEST_CASE("WordPiece counts the characters of a word, not its bytes", "[model][tokenizer]") {
  const model::Tokenizer tokenizer = tokenizer_of(
      R"({"type":"WordPiece","unk_token":"u","max_input_chars_per_word":3,
          "vocab":{"u":0,"\u00e9":1,"##\u00e9":2,"x":3,"##x":4}})",
      R"(,"pre_tokenizer":{"type":"WhitespaceSplit"})");
  CHECK(ids_of(tokenizer, "\xC3\xA9\xC3\xA9\xC3\xA9") == Ids{1, 2, 2});
  CHECK(ids_of(tokenizer, "xxxx xxx") == Ids{0, 3, 4, 4});
}

TEST_CASE("added tokens are found in the text before it is normalised", "[model][tokenizer]") {
  const model::Tokenizer tokenizer = tokenizer_of(kWordPiece, kBert + kCls);
  CHECK(ids_of(tokenizer, "a[CLS]a") == Ids{4, 6, 4});
  CHECK(ids_of(tokenizer, "a [CLS") == Ids{4, 0, 0});
  CHECK(tokenizer.find("[CLS]") == 6);
}

TEST_CASE("added tokens keep to words and take white space as they say", "[model][tokenizer]") {
  const std::string model = R"({"type":"BPE","vocab":{"a":0," ":1},"merges":[]})";
  const auto with = [&](const std::string& more) {
    return tokenizer_of(model, R"(,"added_tokens":[{"id":2,"content":"<m>","special":true)" + more +
                                   R"(},{"id":3,"content":"<m>>","special":true}])");
  };
  CHECK(ids_of(with(""), "a <m> a") == Ids{0, 1, 2, 1, 0});
  CHECK(ids_of(with(""), "<m>><m>") == Ids{3, 2});  // the longest
  CHECK(ids_of(with(R"(,"lstrip":true)"), "a  <m> a") == Ids{0, 2, 1, 0});
  CHECK(ids_of(with(R"(,"rstrip":true)"), "a <m>  a") == Ids{0, 1, 2, 0});
  CHECK(ids_of(with(R"(,"single_word":true)"), "a<m> <m>") == Ids{0, 1, 2});
}

TEST_CASE("a normalised added token is found once the text is normalised", "[model][tokenizer]") {
  const model::Tokenizer tokenizer =
      tokenizer_of(kWordPiece, kBert + R"(,"added_tokens":[{"id":8,"content":"CafX"}])");
  CHECK(ids_of(tokenizer, "a CAFX a cafx") == Ids{4, 8, 4, 8});
}

TEST_CASE("byte-pair encoding joins the pair that was learned first", "[model][tokenizer]") {
  const std::string model =
      R"({"type":"BPE","vocab":{"a":0,"b":1,"c":2,"ab":3,"bc":4,"abc":5,"aa":6},
          "merges":["b c","a b",["a","bc"],"a a"]})";
  const model::Tokenizer tokenizer = tokenizer_of(model);
  CHECK(tokens_of(tokenizer, "abc") == Tokens{"abc"});
  CHECK(tokens_of(tokenizer, "abab") == Tokens{"ab", "ab"});
  CHECK(tokens_of(tokenizer, "aaa") == Tokens{"aa", "a"});
  CHECK(tokens_of(tokenizer, "axb") == Tokens{"ab"});  // nothing stands for x
}

TEST_CASE("byte-pair encoding reads unknown characters as it is told", "[model][tokenizer]") {
  const std::string vocabulary = R"("vocab":{"a":0,"<u>":1,"<0xC3>":2,"<0xA9>":3},"merges":[])";
  const auto with = [&](const std::string& options) {
    return tokenizer_of(R"({"type":"BPE",)" + vocabulary + options + "}");
  };
  CHECK(ids_of(with(R"(,"unk_token":"<u>")"), "axxa") == Ids{0, 1, 1, 0});
  CHECK(ids_of(with(R"(,"unk_token":"<u>","fuse_unk":true)"), "axxa") == Ids{0, 1, 0});
  CHECK(ids_of(with(R"(,"unk_token":"<u>","byte_fallback":true)"), "\xC3\xA9x") == Ids{2, 3, 1});
}

TEST_CASE("ignore_merges takes a word that is a token whole", "[model][tokenizer]") {
  const std::string model = R"({"type":"BPE","vocab":{"a":0,"b":1,"ab":2},"merges":[])";
  CHECK(ids_of(tokenizer_of(model + "}"), "ab") == Ids{0, 1});
  CHECK(ids_of(tokenizer_of(model + R"(,"ignore_merges":true})"), "ab") == Ids{2});
}

TEST_CASE("byte-level BPE knows every text", "[model][tokenizer]") {
  const model::Tokenizer tokenizer = tokenizer_of(
      R"({"type":"BPE","vocab":{"h":0,"i":1,"hi":2,"\u0120":3,"\u0120hi":4,"\u00c3":5,"\u00a9":6},
          "merges":["h i","\u0120 hi"]})",
      R"(,"pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false})");
  CHECK(ids_of(tokenizer, "hi hi") == Ids{2, 4});
  CHECK(ids_of(tokenizer, "\xC3\xA9") == Ids{5, 6});
}

TEST_CASE("Unigram finds the cut with the highest score", "[model][tokenizer]") {
  const model::Tokenizer tokenizer = tokenizer_of(
      R"({"type":"Unigram","unk_id":0,"vocab":[["<unk>",0.0],["a",0.0],["b",0.0],["c",0.0],
          ["d",0.0],["cd",1.0],["ab",2.0],["abc",5.0],["abcd",10.0]]})");
  CHECK(tokens_of(tokenizer, "abcdacd") == Tokens{"abcd", "a", "cd"});
  CHECK(tokens_of(tokenizer, "abcd\xC3\xA9xab") == Tokens{"abcd", "<unk>", "ab"});
  CHECK(tokens_of(tokenizer, "xx") == Tokens{"<unk>"});
  CHECK(ids_of(tokenizer, "").empty());
}

TEST_CASE("Unigram reads unknown characters as bytes where it is told to", "[model][tokenizer]") {
  const model::Tokenizer tokenizer = tokenizer_of(
      R"({"type":"Unigram","unk_id":0,"byte_fallback":true,
          "vocab":[["u",-1],["a",-1],["<0xC3>",-1],["<0xA9>",-1]]})");
  CHECK(ids_of(tokenizer,
               "a\xC3\xA9"
               "a") == Ids{1, 2, 3, 1});
  CHECK(ids_of(tokenizer, "a\xC3\xAA") == Ids{1, 0});
}

TEST_CASE("a Unigram token that is listed twice has its last id", "[model][tokenizer]") {
  const model::Tokenizer tokenizer =
      tokenizer_of(R"({"type":"Unigram","unk_id":0,"vocab":[["u",0],["a",-3],["a",-1]]})");
  CHECK(ids_of(tokenizer, "a") == Ids{2});
}

TEST_CASE("invalid UTF-8 is read as U+FFFD", "[model][tokenizer]") {
  const model::Tokenizer tokenizer =
      tokenizer_of(R"({"type":"BPE","vocab":{"a":0,"\ufffd":1},"merges":[]})");
  CHECK(ids_of(tokenizer,
               "\xFF"
               "a\xC3\xC3"
               "a\xE2\x82") == Ids{1, 0, 1, 1, 0, 1, 1});
  CHECK(ids_of(tokenizer, "\xED\xA0\x80") == Ids{1, 1, 1});  // a surrogate
}

TEST_CASE("long texts of one character take a tokenizer no longer than their length",
          "[model][tokenizer]") {
  const std::string text(3'000'000, 'a');
  CHECK(ids_of(tokenizer_of(kWordPiece, kBert), text) == Ids{0});
  const model::Tokenizer pairs =
      tokenizer_of(R"({"type":"BPE","vocab":{"a":0,"aa":1,"aaaa":2},"merges":["a a","aa aa"]})");
  CHECK(ids_of(pairs, text).size() == text.size() / 4);
  const model::Tokenizer unigram =
      tokenizer_of(R"({"type":"Unigram","unk_id":0,"vocab":[["u",0],["a",-3],["aa",-4]]})");
  CHECK(ids_of(unigram, text).size() == text.size() / 2);
}

TEST_CASE("what a tokenizer.json has that is not supported is named", "[model][tokenizer]") {
  const auto with = [&](const std::string& more) {
    return error(R"({"model":)" + kWordPiece + more + "}");
  };
  CHECK(with("").empty());
  CHECK_THAT(with(R"(,"normalizer":{"type":"Nmt"})"), ContainsSubstring("t.json") &&
                                                          ContainsSubstring("normalizer.type") &&
                                                          ContainsSubstring("got \"Nmt\""));
  CHECK_THAT(with(R"(,"pre_tokenizer":{"type":"Split"})"), ContainsSubstring("pre_tokenizer.type"));
  CHECK_THAT(with(R"(,"normalizer":{"type":"Sequence","normalizers":[{"type":"NFC"},{}]})"),
             ContainsSubstring("normalizers[1].type"));
  CHECK_THAT(with(R"(,"normalizer":{"type":"Replace","pattern":{"Regex":"a+"},"content":"b"})"),
             ContainsSubstring("got \"a+\""));
  CHECK_THAT(with(R"(,"normalizer":{"type":"Precompiled","precompiled_charsmap":"AAAA"})"),
             ContainsSubstring("precompiled_charsmap"));
  CHECK_THAT(error(R"({"model":{"type":"WordLevel","vocab":{}}})"),
             ContainsSubstring("got \"WordLevel\""));
  CHECK_THAT(error(R"({"model":{"type":"BPE","vocab":{},"merges":[],"end_of_word_suffix":"x"}})"),
             ContainsSubstring("end_of_word_suffix"));
  CHECK_THAT(error("{}"), ContainsSubstring("model.type"));
  CHECK_THAT(error("[]"), ContainsSubstring("wanted an object"));
}

TEST_CASE("a tokenizer.json whose ids cannot be right is refused", "[model][tokenizer]") {
  const auto vocabulary = [&](const std::string& json) {
    return error(R"({"model":{"type":"WordPiece","vocab":)" + json + "}}");
  };
  CHECK(vocabulary(R"({"a":0,"b":2})").empty());
  CHECK_THAT(vocabulary(R"({"a":0,"b":0})"), ContainsSubstring("an id for each token"));
  CHECK_THAT(vocabulary(R"({"a":4000000000})"), ContainsSubstring("wanted a whole number below"));
  CHECK_THAT(vocabulary(R"({"a":-1})"), ContainsSubstring("wanted a whole number below"));
  CHECK_THAT(vocabulary(R"({"a":"0"})"), ContainsSubstring("wanted a whole number below"));
  CHECK_THAT(vocabulary("[]"), ContainsSubstring("wanted an object"));
  CHECK_THAT(vocabulary(R"({")" + std::string(2000, 'x') + R"(":0})"), ContainsSubstring("bytes"));
  CHECK_THAT(error(R"({"model":{"type":"BPE","vocab":{"a":0},"merges":["a a"]}})"),
             ContainsSubstring("\"aa\""));
  CHECK_THAT(error(R"({"model":{"type":"BPE","vocab":{"a":0},"merges":["aa"]}})"),
             ContainsSubstring("merges[0]"));
  CHECK_THAT(error(R"({"model":{"type":"Unigram","unk_id":7,"vocab":[["a",0]]}})"),
             ContainsSubstring("unk_id"));
  CHECK_THAT(error(R"({"model":{"type":"Unigram","vocab":[["a"]]}})"),
             ContainsSubstring("vocab[0]"));
  CHECK_THAT(error(R"({"model":)" + kWordPiece +
                   R"(,"added_tokens":[{"id":1,"content":"[X]","special":true}]})"),
             ContainsSubstring("its id 1 is that of \"un\""));
  CHECK_THAT(error(R"({"model":)" + kWordPiece +
                   R"(,"added_tokens":[{"id":4000000000,"content":"[X]"}]})"),
             ContainsSubstring("added_tokens[0].id"));
  CHECK_THAT(
      error(R"({"model":)" + kWordPiece + R"(,"added_tokens":[{"id":9000000,"content":"[X]"}]})"),
      ContainsSubstring("got id 9000000"));
}

TEST_CASE("a tokenizer.json that is cut or nested without end is refused", "[model][tokenizer]") {
  const std::string whole = R"({"model":)" + kWordPiece + kBert + kCls + "}";
  REQUIRE(error(whole).empty());
  for (size_t length = 0; length < whole.size(); ++length)
    CHECK(error(whole.substr(0, length)) != "");
  CHECK_THAT(error(std::string(5'000'000, '[')), ContainsSubstring("nested deeper"));
  std::string nested = "null";
  for (int i = 0; i < 200; ++i) nested = R"({"type":"Sequence","normalizers":[)" + nested + "]}";
  CHECK_THAT(error(R"({"model":)" + kWordPiece + R"(,"normalizer":)" + nested + "}"),
             ContainsSubstring("nested deeper"));
}
