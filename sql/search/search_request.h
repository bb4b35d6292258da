// What a search is asked for: what SQLite handed over for knn() or a collection's MATCH, read.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sql/collections/collection.h"
#include "sql/module.h"
#include "sql/search/condition.h"
#include "sql/search/query_plan.h"

namespace kindred::sql {

// Distances that count: from `lower` to `upper`, each inclusive or not.
struct DistanceRange {
  double lower;
  double upper;
  bool with_lower = true;
  bool with_upper = true;
  DistanceRange() noexcept;
  bool is_below(double distance) const noexcept;  // nearer than the range
  bool is_above(double distance) const noexcept;  // farther
  // Narrows the range by one constraint. A bound that is NULL leaves nothing.
  void add(int op, sqlite3_value* bound);
};

struct SearchRequest {
  std::optional<std::string> query;  // the vector's bytes; nullopt: nothing is near it
  std::optional<uint64_t> k;         // read before any filter
  size_t expected = 0;               // rows, by LIMIT and OFFSET; 0: nobody says
  size_t ef = 0;                     // 0: what the collection or its graphs say
  bool exact = false;
  double diversity = 0;
  bool by_rowid = false;     // rows of one distance are to come by rowid
  bool with_others = false;  // SQLite leaves out some of the rows that are given
  bool nothing = false;      // query, k or a bound on the distance is NULL: no row answers
  DistanceRange range;
  Condition condition;
  std::optional<std::vector<int64_t>> only;  // ids that may answer, sorted
};

// Reads the plan's arguments. `who` opens messages: "knn()", "films". Throws if the collection is
// not readable, and what a bad query vector, k or list is worth.
SearchRequest read_request(Collection& collection, const std::vector<PlanTerm>& plan,
                           Values arguments, const std::string& who);

}  // namespace kindred::sql
