// SPDX-License-Identifier: Apache-2.0
#include "model/formats/tokenizer_json.h"

#include <cmath>
#include <stdexcept>
#include <utility>

#include "model/byte_pair.h"
#include "model/formats/json_text.h"
#include "model/unigram.h"
#include "model/word_piece.h"

namespace kindred::model {
namespace {

// A member of the file with the way to it, for messages.
class Node {
 public:
  Node(const Json& json, std::string path) : json_(json), path_(std::move(path)) {}

  const Json& json() const { return json_; }
  bool is_null() const { return json_.is_null(); }
  Node at(const char* key) const { return {member(json_, key), path_ + "." + key}; }
  Node at(size_t i) const { return {json_[i], path_ + "[" + std::to_string(i) + "]"}; }

  [[noreturn]] void fail(const std::string& got, const std::string& wanted) const {
    throw std::runtime_error(path_ + ": got " + got + ", wanted " + wanted);
  }
  // std::invalid_argument of what is made of this node becomes an error of the file.
  template <class Make>
  auto make(Make make) const {
    try {
      return make();
    } catch (const std::invalid_argument& error) {
      throw std::runtime_error(path_ + ": " + error.what());
    }
  }

  std::string type() const { return at("type").text(); }
  std::string text() const {
    if (!json_.is_string()) fail(json_.type_name(), "a string");
    return json_.get<std::string>();
  }
  bool flag(bool otherwise) const {
    if (is_null()) return otherwise;
    if (!json_.is_boolean()) fail(json_.type_name(), "true or false");
    return json_.get<bool>();
  }
  uint64_t number(uint64_t end) const {
    if (!json_.is_number_unsigned() || json_.get<uint64_t>() >= end)
      fail(json_.is_number() ? json_.dump() : json_.type_name(),
           "a whole number below " + std::to_string(end));
    return json_.get<uint64_t>();
  }
  size_t size_of_array() const {
    if (!json_.is_array()) fail(json_.type_name(), "an array");
    return json_.size();
  }

 private:
  const Json& json_;
  std::string path_;
};

void add_normalizer(const Node& node, std::vector<NormalizerStep>& steps);

NormalizerStep read_bert_normalizer(const Node& node) {
  BertNormalizerOptions options;
  options.cleans_text = node.at("clean_text").flag(true);
  options.spaces_chinese = node.at("handle_chinese_chars").flag(true);
  options.lower_cases = node.at("lowercase").flag(true);
  options.strips_accents = node.at("strip_accents").flag(options.lower_cases);
  return bert_normalizer(options);
}

NormalizerStep read_replace(const Node& node) {
  const Node string = node.at("pattern").at("String"), regex = node.at("pattern").at("Regex");
  std::string content = node.at("content").text();
  if (!string.is_null()) {
    if (string.text().empty()) string.fail("an empty string", "one that can be found");
    return replace_normalizer(string.text(), std::move(content));
  }
  if (regex.text() == "\\s+") return replace_space_normalizer(1, false, std::move(content));
  if (regex.text() == " {2,}") return replace_space_normalizer(2, true, std::move(content));
  regex.fail('"' + regex.text() + '"', "\"\\s+\" or \" {2,}\": other patterns are not supported");
}

NormalizerStep read_normalizer(const Node& node) {
  const std::string type = node.type();
  if (type == "BertNormalizer") return read_bert_normalizer(node);
  if (type == "Replace") return read_replace(node);
  if (type == "Lowercase") return lower_case_normalizer();
  if (type == "NFC") return normal_form_normalizer(Form::kNfc);
  if (type == "NFD") return normal_form_normalizer(Form::kNfd);
  if (type == "NFKC") return normal_form_normalizer(Form::kNfkc);
  if (type == "NFKD") return normal_form_normalizer(Form::kNfkd);
  if (type == "StripAccents") return strip_accents_normalizer();
  if (type == "Prepend") return prepend_normalizer(node.at("prepend").text());
  if (type == "Strip")
    return strip_normalizer(node.at("strip_left").flag(true), node.at("strip_right").flag(true));
  if (type == "Precompiled") {
    const Node map = node.at("precompiled_charsmap");
    const std::string text = map.text();
    return map.make(
        [&] { return charsmap_normalizer(std::make_shared<const Charsmap>(decode_base64(text))); });
  }
  node.at("type").fail('"' + type + '"',
                       "BertNormalizer, Lowercase, NFC, NFD, NFKC, NFKD, Precompiled, Prepend, "
                       "Replace, Sequence, Strip or StripAccents");
}

void add_normalizer(const Node& node, std::vector<NormalizerStep>& steps) {
  if (node.is_null()) return;
  if (node.type() != "Sequence") return steps.push_back(read_normalizer(node));
  const Node members = node.at("normalizers");
  for (size_t i = 0; i < members.size_of_array(); ++i) add_normalizer(members.at(i), steps);
}

PreTokenizer read_metaspace(const Node& node) {
  const Node replacement = node.at("replacement");
  const std::string character = replacement.text();
  if (count_code_points(character) != 1) replacement.fail('"' + character + '"', "one character");
  const Node scheme = node.at("prepend_scheme");
  PrependScheme prepends =
      node.at("add_prefix_space").flag(true) ? PrependScheme::kAlways : PrependScheme::kNever;
  if (!scheme.is_null()) {
    const std::string name = scheme.text();
    if (name == "always")
      prepends = PrependScheme::kAlways;
    else if (name == "first")
      prepends = PrependScheme::kFirst;
    else if (name == "never")
      prepends = PrependScheme::kNever;
    else
      scheme.fail('"' + name + '"', "always, first or never");
  }
  return metaspace_pre_tokenizer(character, prepends, node.at("split").flag(true));
}

PreTokenizer read_pre_tokenizer(const Node& node) {
  if (node.is_null()) return {};
  const std::string type = node.type();
  if (type == "BertPreTokenizer") return bert_pre_tokenizer();
  if (type == "WhitespaceSplit") return white_space_pre_tokenizer();
  if (type == "Metaspace") return read_metaspace(node);
  if (type == "ByteLevel")
    return byte_level_pre_tokenizer(node.at("add_prefix_space").flag(true),
                                    node.at("use_regex").flag(true));
  if (type == "Sequence") {
    const Node members = node.at("pretokenizers");
    std::vector<PreTokenizer> steps;
    for (size_t i = 0; i < members.size_of_array(); ++i)
      if (!members.at(i).is_null()) steps.push_back(read_pre_tokenizer(members.at(i)));
    return pre_tokenizer_sequence(std::move(steps));
  }
  node.at("type").fail('"' + type + '"',
                       "BertPreTokenizer, ByteLevel, Metaspace, Sequence or WhitespaceSplit");
}

// {token: id}, each id once.
TokenIndex read_vocabulary(const Node& vocabulary) {
  const Json& json = vocabulary.json();
  if (!json.is_object()) vocabulary.fail(json.type_name(), "an object");
  // Ids may leave gaps, but not so many that a short file asks for a long list.
  const uint64_t end = 4 * (uint64_t{json.size()} + 1024);
  std::vector<std::string> tokens;
  for (const auto& [token, id] : json.items()) {
    if (!id.is_number_unsigned() || id.get<uint64_t>() >= end)
      vocabulary.fail("id " + id.dump() + " of \"" + token + '"',
                      "a whole number below " + std::to_string(end));
    const auto place = id.get<size_t>();
    if (place >= tokens.size()) tokens.resize(place + 1);
    if (!tokens[place].empty())
      vocabulary.fail("id " + id.dump() + " for \"" + tokens[place] + "\" and \"" + token + '"',
                      "an id for each token");
    tokens[place] = token;
  }
  return vocabulary.make([&] { return TokenIndex(std::move(tokens)); });
}

std::optional<TokenId> read_unknown(const Node& node, const TokenIndex& tokens) {
  if (node.is_null()) return std::nullopt;
  const auto id = tokens.find(node.text());
  if (!id) node.fail('"' + node.text() + '"', "a token of the vocabulary");
  return id;
}

std::unique_ptr<TokenModel> read_word_piece(const Node& node) {
  TokenIndex tokens = read_vocabulary(node.at("vocab"));
  WordPieceOptions options;
  options.unknown = read_unknown(node.at("unk_token"), tokens);
  const Node continuation = node.at("continuing_subword_prefix");
  if (!continuation.is_null()) options.continuation = continuation.text();
  const Node most = node.at("max_input_chars_per_word");
  if (!most.is_null()) options.max_characters = most.number(WordPiece::kMaxCharacters + 1);
  return node.make([&] { return std::make_unique<WordPiece>(std::move(tokens), options); });
}

BytePair::Merge read_merge(const Node& node) {
  if (node.json().is_array()) {
    if (node.size_of_array() != 2) node.fail("an array", "two tokens");
    return {node.at(size_t{0}).text(), node.at(size_t{1}).text()};
  }
  const std::string pair = node.text();
  const size_t space = pair.find(' ');
  if (space == pair.npos || pair.find(' ', space + 1) != pair.npos)
    node.fail('"' + pair + '"', "two tokens with a space between them");
  return {pair.substr(0, space), pair.substr(space + 1)};
}

std::unique_ptr<TokenModel> read_byte_pair(const Node& node) {
  for (const char* unsupported : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    const Node affix = node.at(unsupported);
    if (!affix.is_null() && !affix.text().empty())
      affix.fail('"' + affix.text() + '"', "none: not supported");
  }
  TokenIndex tokens = read_vocabulary(node.at("vocab"));
  BytePairOptions options;
  options.unknown = read_unknown(node.at("unk_token"), tokens);
  options.fuses_unknown = node.at("fuse_unk").flag(false);
  options.byte_fallback = node.at("byte_fallback").flag(false);
  options.ignores_merges = node.at("ignore_merges").flag(false);
  const Node list = node.at("merges");
  std::vector<BytePair::Merge> merges;
  for (size_t i = 0; i < list.size_of_array(); ++i) merges.push_back(read_merge(list.at(i)));
  return list.make([&] { return std::make_unique<BytePair>(std::move(tokens), merges, options); });
}

std::unique_ptr<TokenModel> read_unigram(const Node& node) {
  const Node list = node.at("vocab");
  std::vector<std::string> tokens;
  std::vector<double> scores;
  for (size_t i = 0; i < list.size_of_array(); ++i) {
    const Json& entry = list.json()[i];
    if (!entry.is_array() || entry.size() != 2 || !entry[0].is_string() || !entry[1].is_number())
      list.at(i).fail(entry.type_name(), "a token and its score");
    tokens.push_back(entry[0].get<std::string>());
    scores.push_back(entry[1].get<double>());
  }
  UnigramOptions options;
  const Node unknown = node.at("unk_id");
  if (!unknown.is_null()) options.unknown = static_cast<TokenId>(unknown.number(tokens.size()));
  options.byte_fallback = node.at("byte_fallback").flag(false);
  return list.make([&] {
    return std::make_unique<Unigram>(TokenIndex(std::move(tokens)), std::move(scores), options);
  });
}

void read_model(const Node& node, TokenizerParts& parts) {
  const std::string type = node.type();
  if (type == "WordPiece") {
    parts.name = "wordpiece";
    parts.model = read_word_piece(node);
  } else if (type == "BPE") {
    parts.name = "bpe";
    parts.model = read_byte_pair(node);
  } else if (type == "Unigram") {
    parts.name = "unigram";
    parts.model = read_unigram(node);
  } else {
    node.at("type").fail('"' + type + '"', "WordPiece, BPE or Unigram");
  }
}

void read_added_token(const Node& node, TokenizerParts& parts) {
  AddedToken token;
  token.text = node.at("content").text();
  if (token.text.empty()) return;
  token.id = static_cast<TokenId>(node.at("id").number(TokenIndex::kMaxTokens));
  // The model's id is the one that counts, whatever the list says.
  if (const auto id = parts.model->tokens().find(token.text)) token.id = *id;
  token.is_single_word = node.at("single_word").flag(false);
  token.takes_left = node.at("lstrip").flag(false);
  token.takes_right = node.at("rstrip").flag(false);
  const bool is_special = node.at("special").flag(false);
  const bool is_normalized = node.at("normalized").flag(!is_special);
  (is_normalized ? parts.added_normalized : parts.added).push_back(std::move(token));
}

}  // namespace

Tokenizer read_tokenizer(std::string_view json, const std::string& name) {
  const Json file = parse_json(json, name);
  const Node root(file, name + ": ");
  if (!file.is_object()) root.fail(file.type_name(), "an object");
  TokenizerParts parts;
  read_model(root.at("model"), parts);
  add_normalizer(root.at("normalizer"), parts.normalizer);
  parts.pre_tokenizer = read_pre_tokenizer(root.at("pre_tokenizer"));
  const Node added = root.at("added_tokens");
  if (!added.is_null())
    for (size_t i = 0; i < added.size_of_array(); ++i) read_added_token(added.at(i), parts);
  return added.make([&] { return Tokenizer(std::move(parts)); });
}

uint32_t read_max_tokens(std::string_view json, const std::string& name) {
  const Json file = parse_json(json, name);
  const Node truncation = Node(file, name + ": ").at("truncation");
  if (truncation.is_null()) return 0;
  const Node direction = truncation.at("direction");
  if (!direction.is_null() && direction.text() != "Right")
    direction.fail('"' + direction.text() + '"', "\"Right\": other ends are not supported");
  const Node length = truncation.at("max_length");
  const uint64_t tokens = length.number(uint64_t{1} << 32);
  if (tokens == 0) length.fail("0", "at least 1");
  return static_cast<uint32_t>(tokens);
}

}  // namespace kindred::model
