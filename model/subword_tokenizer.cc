// SPDX-License-Identifier: Apache-2.0
#include "model/subword_tokenizer.h"

#include <algorithm>

#include "model/word_rarity.h"

namespace kindred::model {
namespace {

// Of a word that is not split: what it begins with stands for it too, as forms of a word differ at
// the end.
constexpr size_t kStemCharacters = 4;

// Whether pieces of a word are its letters, and not more of it than that, in another script than
// Latin. (Latin ones are left: abbreviations and names are spelt out of letters.)
bool is_spelt_out(std::u32string_view word, size_t pieces) {
  return pieces > 1 && word.size() < 2 * pieces && std::none_of(word.begin(), word.end(), is_latin);
}

}  // namespace

void TokenReader::add_unlisted(std::u32string_view text) {
  tokens_[count_++] = {false, 0, hash_word(text), text};
}

void TokenReader::split(const Word& word) {
  position_ = count_ = 0;
  if (word.kind != Word::Kind::kPair) {
    std::u32string_view rest = word.text;
    while (!rest.empty()) {
      const Vocabulary::Match match = vocabulary_.longest(rest, /*inside=*/count_ > 0);
      if (match.length == 0) break;
      tokens_[count_++] = {true, match.id, 0, {}};
      rest.remove_prefix(match.length);
    }
    if (rest.empty() && !is_spelt_out(word.text, count_)) return;
  }
  count_ = 0;
  add_unlisted(word.text);
  if (word.kind == Word::Kind::kSpaced && word.text.size() > kStemCharacters)
    add_unlisted(word.text.substr(0, kStemCharacters));
}

bool TokenReader::next(Token& token) {
  while (position_ == count_) {
    Word word;
    if (!words_.next(word)) return false;
    split(word);
  }
  token = tokens_[position_++];
  return true;
}

std::vector<TokenId> tokenize(const Vocabulary& vocabulary, std::string_view text) {
  std::vector<TokenId> ids;
  TokenReader reader(vocabulary, text);
  for (Token token; reader.next(token);)
    if (token.is_listed) ids.push_back(token.id);
  return ids;
}

}  // namespace kindred::model
