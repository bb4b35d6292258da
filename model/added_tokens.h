// Tokens that a tokenizer looks for in the text itself before it cuts it into pieces: "[CLS]",
// "<mask>". Of those that begin at one place the longest counts.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/token_index.h"

namespace kindred::model {

struct AddedToken {
  TokenId id = 0;
  std::string text;             // valid UTF-8
  bool is_single_word = false;  // only where no letter, digit or _ is beside it
  bool takes_left = false;      // the white space before it belongs to it
  bool takes_right = false;     // the white space behind it belongs to it
};

// Constant after construction, thread-safe.
class AddedTokens {
 public:
  static constexpr size_t kMaxTokens = 100'000;

  AddedTokens() = default;
  // Throws what TokenIndex throws, and std::invalid_argument where there are too many.
  explicit AddedTokens(std::vector<AddedToken> tokens);

  bool empty() const noexcept { return tokens_.empty(); }
  // Hands out the text's parts in order: `text` between tokens, never empty, or the id of a token.
  struct Part {
    std::string_view text;
    std::optional<TokenId> id;
  };
  void split(std::string_view text, const std::function<void(Part)>& sink) const;

 private:
  const AddedToken* longest_at(std::string_view text, size_t at) const;

  std::vector<AddedToken> tokens_;
  TokenIndex index_;                              // id: the place in tokens_
  std::array<std::vector<size_t>, 256> lengths_;  // of tokens by first byte, descending
};

}  // namespace kindred::model
