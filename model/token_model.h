// The part of a tokenizer that knows tokens: a piece of normalised text -> token ids.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "model/token_index.h"

namespace kindred::model {

// Constant after construction, thread-safe.
class TokenModel {
 public:
  virtual ~TokenModel() = default;
  virtual const TokenIndex& tokens() const noexcept = 0;
  // What stands for text that no token fits; nullopt: such text gives none.
  virtual std::optional<TokenId> unknown() const noexcept = 0;
  // Appends the ids of a piece, which is valid UTF-8.
  virtual void append_ids(std::string_view piece, std::vector<TokenId>& ids) const = 0;
};

}  // namespace kindred::model
