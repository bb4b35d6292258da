// A condition on a collection's stored columns as searches ask it: of all rows at once, which gives
// the list of those that pass, or of one row after the other; and what each of the two costs, which
// depends on how many pass. That is not known before the list is made, which is therefore made
// little by little, as far as it is worth it.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sql/collections/collection.h"
#include "sql/search/condition.h"
#include "sql/statement.h"

namespace kindred::sql {

class RowFilter {
 public:
  using Ids = std::vector<int64_t>;

  // Of the ids in `only`, sorted, where it is set, and of `rows` rows in all. REQUIRES: all outlive
  // it; the condition is not empty and does not change.
  RowFilter(Collection& collection, const Condition& condition, const std::optional<Ids>& only,
            size_t rows);
  ~RowFilter();
  RowFilter(RowFilter&&) noexcept = default;

  // Goes on with the list until about `most` us of CPU have been spent on it in all. Whether it is
  // whole.
  bool list_some(double most);
  // The ids that pass, sorted: what has been listed, and the rest. Can be taken once.
  Ids take_list();

  // How many of the rows pass, which passes() knows from then on: some few, now.
  size_t count_passing(const Ids& ids);
  // To be called before anybody can change the collection: what has been begun is not gone on with.
  // What has been counted is kept: it tells costs alone.
  void forget();
  // Whether the row passes.
  bool passes(int64_t id);
  // What that has cost so far, in us of CPU: as much as constants can say.
  double cost() const noexcept;

  // What asking one row costs, in us of CPU.
  static double probe_cost() noexcept;

  // What comparing the listed rows costs, in us of CPU.
  double compare_cost() const noexcept;
  // The share of the rows that pass, if it is known.
  std::optional<double> known_share() const noexcept { return share_; }

 private:
  // A part of the condition that an index answers.
  struct Indexed {
    size_t part;
    bool has_rest;
    size_t rows = 0;                        // it gives, counted so far
    bool whole = false;                     // these are all
    std::optional<size_t> fulfilling = {};  // how many of them fulfil the rest, if counted
  };

  bool is_gradual() const noexcept;
  void begin_list();
  void end_list();
  bool probe(int64_t id);
  size_t count_found(size_t part, size_t most);
  size_t count_fulfilling(size_t part);
  void count(double most);
  void count(Indexed& indexed, double most);
  double counted() const noexcept;
  const Indexed* lead() const noexcept;
  bool may_lead(const Indexed& indexed) const noexcept;
  double least_row_cost(const Indexed& indexed) const noexcept;
  double least_cost(const Indexed& indexed) const noexcept;
  double cost_of(const Indexed& indexed) const noexcept;
  std::optional<double> list_cost() const noexcept;

  Collection* collection_;
  const Condition* condition_;
  const std::optional<Ids>* only_;
  size_t rows_;
  std::vector<Indexed> indexed_;
  Statement list_;  // under way
  Ids listed_;
  size_t read_ = 0;  // rows of list_
  bool is_listed_ = false;
  bool has_forgotten_ = false;
  std::optional<double> share_;  // of the rows, in the last list that was whole
  Statement probe_;
  std::string probed_name_;  // the collection's when it was prepared
  size_t probed_ = 0;
  Ids known_;  // ids that count_passing() has asked, in any order
  std::vector<char> known_passes_;
};

}  // namespace kindred::sql
