// SPDX-License-Identifier: Apache-2.0
#include "model/tokenizer.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace kindred::model {

Tokenizer::Tokenizer(TokenizerParts parts) : parts_(std::move(parts)) {
  const TokenIndex& tokens = parts_.model->tokens();
  size_ = tokens.size();
  // Ids may leave gaps, but not so many that a short file asks for a long list.
  const size_t end =
      4 * (tokens.size() + parts_.added.size() + parts_.added_normalized.size() + 1024);
  const auto add = [&](const AddedToken& token) {
    if (token.id >= end)
      throw std::invalid_argument("added token \"" + token.text + "\": got id " +
                                  std::to_string(token.id) + ", wanted one below " +
                                  std::to_string(end));
    if (token.id < tokens.size()) {
      const std::string& other = tokens.token(token.id);
      if (!other.empty() && other != token.text)
        throw std::invalid_argument("added token \"" + token.text + "\": its id " +
                                    std::to_string(token.id) + " is that of \"" + other + "\"");
      if (!other.empty()) return;
    }
    if (token.id >= beyond_.size()) beyond_.resize(token.id + size_t{1});
    std::string& place = beyond_[token.id];
    if (!place.empty() && place != token.text)
      throw std::invalid_argument("added token \"" + token.text + "\": its id " +
                                  std::to_string(token.id) + " is that of \"" + place + "\"");
    place = token.text;
  };
  for (const AddedToken& token : parts_.added) add(token);
  for (const AddedToken& token : parts_.added_normalized) add(token);
  size_ = std::max(size_, beyond_.size());
  added_ = AddedTokens(parts_.added);
  std::vector<AddedToken> normalized = parts_.added_normalized;
  for (AddedToken& token : normalized) {
    std::string text;
    normalize(token.text, text);
    token.text = std::move(text);
  }
  added_normalized_ = AddedTokens(std::move(normalized));
}

const std::string& Tokenizer::token(TokenId id) const {
  if (id < beyond_.size() && !beyond_[id].empty()) return beyond_[id];
  static const std::string none;
  return id < parts_.model->tokens().size() ? parts_.model->tokens().token(id) : none;
}

std::optional<TokenId> Tokenizer::find(std::string_view token) const {
  if (const auto id = parts_.model->tokens().find(token)) return id;
  for (const auto* added : {&parts_.added, &parts_.added_normalized})
    for (const AddedToken& candidate : *added)
      if (candidate.text == token) return candidate.id;
  return std::nullopt;
}

// Appends what the steps make of `text`.
void Tokenizer::normalize(std::string_view text, std::string& out) const {
  if (parts_.normalizer.empty()) {
    out += text;
    return;
  }
  std::string before;
  for (const NormalizerStep& step : parts_.normalizer) {
    const bool is_first = &step == &parts_.normalizer.front();
    if (!is_first) {
      before.swap(out);
      out.clear();
    }
    step(is_first ? text : std::string_view(before), out);
  }
}

// `part` is normalised.
void Tokenizer::append_part(TextPart part, std::vector<TokenId>& ids) const {
  if (!parts_.pre_tokenizer) return parts_.model->append_ids(part.text, ids);
  const TokenModel& model = *parts_.model;
  parts_.pre_tokenizer(part, [&](std::string_view piece) { model.append_ids(piece, ids); });
}

void Tokenizer::append_ids(std::string_view text, std::vector<TokenId>& ids) const {
  std::string valid, normalized;
  bool is_first = true;
  const auto append_normalized = [&](AddedTokens::Part part) {
    part.id ? ids.push_back(*part.id) : append_part({part.text, is_first}, ids);
    is_first = false;
  };
  const auto append = [&](AddedTokens::Part part) {
    if (part.id) return append_normalized(part);
    normalized.clear();
    normalize(part.text, normalized);
    if (added_normalized_.empty())
      append_normalized({normalized, std::nullopt});
    else
      added_normalized_.split(normalized, append_normalized);
  };
  text = valid_utf8(text, valid);
  added_.empty() ? append({text, std::nullopt}) : added_.split(text, append);
}

}  // namespace kindred::model
