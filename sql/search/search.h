// One search of a collection: the nearest rows that fulfil what SQLite handed over, in ascending
// distance, or diverse ones among them. Shared by knn() and the collection's own MATCH.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sql/search/passing_rows.h"
#include "sql/search/search_request.h"

namespace kindred::sql {

class Search {
 public:
  // Reads the plan's arguments as read_request() does; nothing is searched yet.
  Search(Collection& collection, const std::vector<PlanTerm>& plan, Values arguments,
         const std::string& who);

  // The next row; nullopt after the last.
  std::optional<storage::Neighbor> next() {
    if (request_.nothing) return std::nullopt;
    return diversity() > 0 ? next_diverse() : next_near();
  }
  // The k it was given.
  std::optional<uint64_t> k() const noexcept { return request_.k; }
  int64_t ef() const noexcept {
    return static_cast<int64_t>(rows_ ? rows_->effort().ef : request_.ef);
  }
  double diversity() const noexcept { return request_.diversity; }
  bool must_be_exact() const noexcept { return rows_ ? rows_->effort().exact : request_.exact; }
  // Whether the rows given so far are certain to be the nearest.
  bool is_exact() const noexcept { return !rows_ || rows_->is_exact(); }
  // Distances computed so far.
  size_t visited() const noexcept { return rows_ ? rows_->visited() : 0; }

 private:
  std::optional<storage::Neighbor> next_near();
  std::optional<storage::Neighbor> next_diverse();

  Collection& collection_;
  const SearchRequest request_;
  uint64_t limit_ = 0;  // rows that are searched for, where there is a k
  uint64_t given_ = 0;
  bool ended_ = false;
  std::unique_ptr<PassingRows> rows_;                      // from the first row on
  std::optional<std::vector<storage::Neighbor>> diverse_;  // what is left of them, last first
};

}  // namespace kindred::sql
