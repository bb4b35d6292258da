// The tokens of a tokenizer by id, and the id of a spelling.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/vocabulary.h"

namespace kindred::model {

// Constant after construction, thread-safe.
class TokenIndex {
 public:
  static constexpr size_t kMaxTokens = 1 << 24;
  static constexpr size_t kMaxTokenBytes = 1024;

  TokenIndex() = default;
  // An empty spelling is an id without a token. Of a spelling that is there twice, the last id is
  // found. Throws std::invalid_argument where there are too many tokens, or one is too long.
  explicit TokenIndex(std::vector<std::string> tokens);

  size_t size() const noexcept { return tokens_.size(); }
  // REQUIRES: id < size().
  const std::string& token(TokenId id) const { return tokens_[id]; }
  std::optional<TokenId> find(std::string_view token) const noexcept;
  // Bytes of the longest token.
  size_t longest() const noexcept { return longest_; }

 private:
  struct Slot {
    uint32_t tag = 0;     // of the hash
    uint32_t number = 0;  // id + 1; 0: an empty slot
  };
  std::vector<std::string> tokens_;
  std::vector<Slot> slots_;  // a hash table with linear probing, a power of two
  size_t longest_ = 0;
};

}  // namespace kindred::model
