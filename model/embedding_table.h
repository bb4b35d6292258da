// The embedding table of a model: a row for each token, looked up by the token's id.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "model/vocabulary.h"

namespace kindred::model {

// Constant after construction, thread-safe.
class EmbeddingTable {
 public:
  virtual ~EmbeddingTable() = default;

  // Ids are 0..size() - 1.
  virtual size_t size() const noexcept = 0;
  virtual size_t dim() const noexcept = 0;
  // REQUIRES: id < size().
  virtual std::string token(TokenId id) const = 0;
  // The id of the token that is spelled so, byte by byte; nullopt if the table lists none.
  virtual std::optional<TokenId> find(std::string_view token) const = 0;
  // Writes the token's row as the table has it, not brought to length 1.
  // REQUIRES: id < size(), out.size() == dim().
  virtual void row(TokenId id, std::span<float> out) const = 0;
};

}  // namespace kindred::model
