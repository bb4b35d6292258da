// SPDX-License-Identifier: Apache-2.0
#include "model/train/pair_collection.h"

#include <algorithm>
#include <stdexcept>

#include "model/subword_tokenizer.h"

namespace kindred::model {

StoredText PairCollection::add_text(std::string_view text) {
  const size_t first = tokens_.size();
  TokenReader reader(vocabulary_, text);
  for (Token token; reader.next(token);)
    if (token.is_listed) tokens_.push_back(token.id);
  if (tokens_.size() > UINT32_MAX) throw std::length_error("training: too much text");
  return {static_cast<uint32_t>(first), static_cast<uint32_t>(tokens_.size() - first)};
}

void PairCollection::add_pair(std::string_view group, StoredText first, StoredText second) {
  if (first.tokens < kFewestTokens || second.tokens < kFewestTokens) return;
  auto found =
      std::find_if(groups_.begin(), groups_.end(), [&](const Group& g) { return g.name == group; });
  if (found == groups_.end()) found = groups_.insert(found, {std::string(group), 1, {}, 0});
  found->pairs.emplace_back(first, second);
}

PairCollection::Group& PairCollection::draw_group() {
  double total = 0;
  for (const Group& group : groups_)
    total += group.weight * static_cast<double>(group.pairs.size());
  double place = random_.uniform() * total;
  for (Group& group : groups_) {
    place -= group.weight * static_cast<double>(group.pairs.size());
    if (place < 0) return group;
  }
  return groups_.back();
}

size_t PairCollection::next(std::span<TokenPair> batch) {
  if (groups_.empty()) return 0;
  Group& group = draw_group();
  const size_t count = std::min(batch.size(), group.pairs.size());
  if (group.next == 0 || group.next + count > group.pairs.size()) {
    random_.shuffle(std::span(group.pairs));
    group.next = 0;
  }
  const auto tokens_of = [&](StoredText text) {
    return std::span<const TokenId>(&tokens_[text.first], text.tokens);
  };
  for (size_t i = 0; i < count; ++i) {
    const auto& [first, second] = group.pairs[group.next + i];
    batch[i] = {tokens_of(first), tokens_of(second)};
  }
  group.next += count;
  return count;
}

}  // namespace kindred::model
