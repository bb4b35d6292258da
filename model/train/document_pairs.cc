// SPDX-License-Identifier: Apache-2.0
#include "model/train/document_pairs.h"

#include <algorithm>
#include <stdexcept>
#include <unordered_set>

#include "model/word_rarity.h"

namespace kindred::model {
namespace {

uint64_t hash_of(std::span<const TokenId> tokens) {
  uint64_t hash = tokens.size();
  for (const TokenId token : tokens) hash = mix(hash ^ token);
  return hash;
}

}  // namespace

bool DocumentPairs::add(const std::vector<TokenId>& head,
                        const std::vector<std::vector<TokenId>>& parts) {
  const auto full = [](const std::vector<TokenId>& part) { return !part.empty(); };
  const auto count = static_cast<size_t>(std::count_if(parts.begin(), parts.end(), full));
  const bool pairs_parts = count >= 2;
  const bool pairs_head = !head.empty() && count >= 1;
  if (!pairs_parts && !pairs_head) return false;
  const auto index = static_cast<uint32_t>(documents_.size());
  documents_.push_back({static_cast<uint32_t>(ends_.size()), static_cast<uint32_t>(count)});
  const auto append = [&](const std::vector<TokenId>& part) {
    tokens_.insert(tokens_.end(), part.begin(), part.end());
    ends_.push_back(static_cast<uint32_t>(tokens_.size()));
  };
  append(head);
  for (const std::vector<TokenId>& part : parts)
    if (!part.empty()) append(part);
  if (tokens_.size() > UINT32_MAX) throw std::length_error("training: too much text");
  if (pairs_head) heads_.order.push_back(index);
  if (pairs_parts) bodies_.order.push_back(index);
  if (pairs_parts) parts_in_pairs_ += count;
  return true;
}

std::span<const TokenId> DocumentPairs::part(size_t index) const {
  const size_t begin = index == 0 ? 0 : ends_[index - 1];
  return std::span(tokens_).subspan(begin, ends_[index] - begin);
}

// A text that is longer than most_tokens is read from a random token on.
std::span<const TokenId> DocumentPairs::stretch(std::span<const TokenId> text) {
  if (text.size() <= options_.most_tokens) return text;
  return text.subspan(random_.below(text.size() - options_.most_tokens + 1), options_.most_tokens);
}

TokenPair DocumentPairs::head_pair(const Document& document) {
  const std::span<const TokenId> head = part(document.first_part);
  const size_t begin = ends_[document.first_part];
  const size_t end = ends_[document.first_part + document.parts];
  return {stretch(head), stretch(std::span(tokens_).subspan(begin, end - begin))};
}

TokenPair DocumentPairs::part_pair(const Document& document) {
  const size_t chosen = document.first_part + 1 + random_.below(document.parts);
  std::vector<TokenId>& rest = rests_.emplace_back();
  for (size_t index = document.first_part; index <= document.first_part + document.parts; ++index)
    if (index != chosen) {
      const std::span<const TokenId> tokens = part(index);
      rest.insert(rest.end(), tokens.begin(), tokens.end());
    }
  return {stretch(part(chosen)), stretch(rest)};
}

size_t DocumentPairs::next(std::span<TokenPair> batch) {
  const double of_heads = options_.head_share * static_cast<double>(heads_.order.size());
  const double of_parts = (1 - options_.head_share) * static_cast<double>(bodies_.order.size());
  const bool takes_heads = random_.uniform() * (of_heads + of_parts) < of_heads;
  Round& round = takes_heads ? heads_ : bodies_;
  const size_t most = std::min(batch.size(), round.order.size());
  if (round.next == 0 || round.next + most > round.order.size()) {
    random_.shuffle(std::span(round.order));
    round.next = 0;
  }
  rests_.clear();
  rests_.reserve(most);
  std::unordered_set<uint64_t> firsts;
  size_t count = 0;
  for (size_t i = 0; i < most; ++i) {
    const Document& document = documents_[round.order[round.next++]];
    const TokenPair pair = takes_heads ? head_pair(document) : part_pair(document);
    if (firsts.insert(hash_of(pair.first)).second) batch[count++] = pair;
  }
  return count;
}

}  // namespace kindred::model
