// A condition on a collection's stored columns as searches ask it: of all rows at once, which gives
// the list of those that pass, or of one row after the other; and what each of the two costs, which
// depends on how many pass. That is guessed from a sample.
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

  // Of the ids in `only`, sorted, where it is set. REQUIRES: all outlive it; the condition is not
  // empty and does not change.
  RowFilter(Collection& collection, const Condition& condition, const std::optional<Ids>& only);
  ~RowFilter();
  RowFilter(RowFilter&&) noexcept = default;

  // The ids that pass, sorted; or nullopt if listing them takes more than `most` us of CPU in all,
  // and the next call goes on from there.
  std::optional<Ids> list(double most);
  Ids list();

  // How many of the rows pass, which passes() knows from then on: some few, now.
  size_t count_passing(const Ids& ids);
  // To be called before anybody can change the collection: what has been begun is not gone on with.
  void forget();
  // Whether the row passes.
  bool passes(int64_t id);
  // What that has cost so far, in us of CPU: as much as constants can say.
  double cost() const noexcept;

  // What list() and comparing the rows costs, in us of CPU. `layers` are the rows there are, of
  // which a sample is asked: of so many that it has cost no more than `most` us in all.
  double list_cost(const std::vector<storage::RowLayer>& layers, double most);

 private:
  void end_list();
  bool probe(int64_t id);
  void sample(const std::vector<storage::RowLayer>& layers, size_t rows);

  Collection* collection_;
  const Condition* condition_;
  const std::optional<Ids>* only_;
  Statement list_;  // under way
  Ids listed_;
  size_t read_ = 0;  // rows of list_
  Statement probe_;
  std::string probed_table_;  // the one it reads
  size_t probed_ = 0;
  Ids known_;  // ids that count_passing() has asked, in any order
  std::vector<char> known_passes_;
  double at_ = 0.5;  // of a sample's next row, as a share of those that may answer
  size_t sampled_ = 0;
  size_t passed_ = 0;  // of the sample
};

}  // namespace kindred::sql
