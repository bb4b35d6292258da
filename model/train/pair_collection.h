// Pairs of texts in memory, in groups of one kind each (titles with abstracts, neighbouring
// sentences, ...), handed out in shuffled batches of one group: a pair's counter-examples are then
// of its own kind, which is what makes them hard.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/train/pair_source.h"
#include "model/train/random.h"
#include "model/vocabulary.h"

namespace kindred::model {

// A text that a collection has, as a range of its tokens.
struct StoredText {
  uint32_t first = 0;
  uint32_t tokens = 0;
};

// The text that begins where `first` does and ends where `last` does, added after it.
inline StoredText join(StoredText first, StoredText last) {
  return {first.first, last.first + last.tokens - first.first};
}

class PairCollection final : public PairSource {
 public:
  // A text of fewer tokens makes no pair.
  static constexpr size_t kFewestTokens = 1;

  // `vocabulary` is borrowed.
  PairCollection(const Vocabulary& vocabulary, uint64_t seed)
      : vocabulary_(vocabulary), random_(seed) {}

  StoredText add_text(std::string_view text);
  // The group of that name; a new one has weight 1.
  void add_pair(std::string_view group, StoredText first, StoredText second);

  struct Group {
    std::string name;
    double weight;  // batches are drawn from groups in proportion to weight * pairs
    std::vector<std::pair<StoredText, StoredText>> pairs;
    size_t next = 0;
  };
  std::vector<Group>& groups() noexcept { return groups_; }
  size_t tokens() const noexcept { return tokens_.size(); }

  // Never ends; a group whose pairs are used up is shuffled anew.
  size_t next(std::span<TokenPair> batch) override;

 private:
  Group& draw_group();

  const Vocabulary& vocabulary_;
  Random random_;
  std::vector<TokenId> tokens_;
  std::vector<Group> groups_;
};

}  // namespace kindred::model
