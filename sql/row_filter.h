// A condition on a collection's stored columns as searches ask it: of all rows at once, which gives
// the list of those that pass, or of one row after the other. Which of the two costs less depends
// on how many pass, which it guesses from a sample.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sql/collection.h"
#include "sql/condition.h"
#include "sql/statement.h"

namespace kindred::sql {

class RowFilter {
 public:
  using Ids = std::vector<int64_t>;

  // REQUIRES: both outlive it; the condition is not empty and does not change.
  RowFilter(Collection& collection, const Condition& condition);

  // The ids that pass, sorted; only those among `only`, sorted, where it is set.
  Ids list(const std::optional<Ids>& only);
  // The same, or nullopt if asking candidates for `wanted` rows one by one looks cheaper.
  // `layers` are the rows there are.
  std::optional<Ids> list_if_few(const std::vector<storage::RowLayer>& layers,
                                 const std::optional<Ids>& only, size_t wanted);

  // After list_if_few() gave nothing: how many candidates it is likely to take until `wanted` have
  // passed, and how many may be asked before that has cost half of what the list would.
  size_t candidates(size_t wanted) const;
  size_t worth_probing(size_t candidates) const;

  // Whether the row passes.
  bool passes(int64_t id);

 private:
  bool read(Statement& list, const std::optional<Ids>& only, size_t most, Ids& ids) const;
  Statement listing() const;
  double guess_share(const std::vector<storage::RowLayer>& layers, double few);

  Collection* collection_;
  const Condition* condition_;
  Statement probe_;
  std::string probed_table_;  // the one it reads
  size_t rows_ = 0;           // rows there are
  double share_ = 1;          // of them that pass, guessed
};

}  // namespace kindred::sql
