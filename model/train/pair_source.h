// Where a trainer's pairs of texts come from, batch by batch.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>

#include "model/vocabulary.h"

namespace kindred::model {

// Two texts that say much the same, as tokens.
struct TokenPair {
  std::span<const TokenId> first, second;
};

class PairSource {
 public:
  virtual ~PairSource() = default;
  // Writes the next batch to the beginning of `batch` and returns how many pairs it has; 0 at the
  // end. Pairs of a batch are each other's counter-examples: they should be of one kind, but not of
  // one text. The spans live until the next call.
  virtual size_t next(std::span<TokenPair> batch) = 0;
};

}  // namespace kindred::model
