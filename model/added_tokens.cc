// SPDX-License-Identifier: Apache-2.0
#include "model/added_tokens.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "model/utf8.h"

namespace kindred::model {
namespace {

bool is_word_character(char32_t c) {
  return c == '_' || is_letter(c) || is_number(c) || is_nonspacing_mark(c);
}

// Where the character that ends at `end` begins. REQUIRES: end > 0.
size_t before(std::string_view text, size_t end) {
  do --end;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80);
  return end;
}

bool stands_alone(std::string_view text, size_t begin, size_t end) {
  size_t left = begin > 0 ? before(text, begin) : 0;
  if (begin > 0 && is_word_character(next_code_point(text, left))) return false;
  return end == text.size() || !is_word_character(next_code_point(text, end));
}

size_t skip_space_back(std::string_view text, size_t begin, size_t limit) {
  while (begin > limit) {
    const size_t left = before(text, begin);
    size_t at = left;
    if (!is_white_space(next_code_point(text, at))) break;
    begin = left;
  }
  return std::max(begin, limit);
}

size_t skip_space(std::string_view text, size_t end) {
  for (size_t at = end; at < text.size() && is_white_space(next_code_point(text, at));) end = at;
  return end;
}

}  // namespace

AddedTokens::AddedTokens(std::vector<AddedToken> tokens) : tokens_(std::move(tokens)) {
  if (tokens_.size() > kMaxTokens)
    throw std::invalid_argument("got " + std::to_string(tokens_.size()) +
                                " added tokens, wanted at most " + std::to_string(kMaxTokens));
  std::vector<std::string> texts;
  for (const AddedToken& token : tokens_) {
    if (!token.text.empty())
      lengths_[static_cast<unsigned char>(token.text.front())].push_back(token.text.size());
    texts.push_back(token.text);
  }
  index_ = TokenIndex(std::move(texts));
  for (std::vector<size_t>& lengths : lengths_) {
    std::sort(lengths.begin(), lengths.end(), std::greater<>());
    lengths.erase(std::unique(lengths.begin(), lengths.end()), lengths.end());
  }
}

const AddedToken* AddedTokens::longest_at(std::string_view text, size_t at) const {
  for (const size_t length : lengths_[static_cast<unsigned char>(text[at])]) {
    if (length > text.size() - at) continue;
    if (const auto found = index_.find(text.substr(at, length))) return &tokens_[*found];
  }
  return nullptr;
}

void AddedTokens::split(std::string_view text, const std::function<void(Part)>& sink) const {
  size_t read = 0;  // handed out
  for (size_t at = 0; at < text.size();) {
    const AddedToken* token = longest_at(text, at);
    if (token == nullptr) {
      ++at;
      continue;
    }
    size_t begin = at, end = at + token->text.size();
    at = end;
    if (token->is_single_word && !stands_alone(text, begin, end)) continue;
    if (token->takes_left) begin = skip_space_back(text, begin, read);
    if (token->takes_right) at = end = skip_space(text, end);
    if (begin > read) sink({text.substr(read, begin - read), std::nullopt});
    sink({{}, token->id});
    read = end;
  }
  if (read < text.size()) sink({text.substr(read), std::nullopt});
}

}  // namespace kindred::model
