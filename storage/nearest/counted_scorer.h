// A query's scorer with an account of what comparing it with rows has taken, and what that costs.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "storage/format.h"
#include "storage/nearest/scorer.h"

namespace kindred::storage {

// In ns; of float32 and int8 at 384 dimensions.
struct SearchCosts {
  double graph;  // a distance in a graph, waiting for its node included
  double scan;   // a row in a scan
  double look;   // a row that is looked at exactly, where all that are found are; else 0
};
SearchCosts search_costs(const VectorSpec& spec) noexcept;

struct CountedScorer {
  CountedScorer(const VectorSpec& spec, const void* query)
      : scorer(spec, query), costs(search_costs(spec)) {}

  // A row is looked at: by itself, or with all others in the order in which they lie.
  void count_look() noexcept;
  void count_look_in_order() noexcept;

  Scorer scorer;
  const SearchCosts costs;
  size_t visited = 0;    // distances computed, by codes and exactly; without the sharpened ones
  size_t sharpened = 0;  // rows whose coarse codes did not say enough: int8 codes were compared
  double cost = 0;       // us of CPU, as much as constants can say
};

// Rows looked at one by one cost so many times as much as those looked at in the order in which
// they lie: they come from anywhere in memory (0.58 against 0.11 us at 1 KiB).
inline constexpr size_t kAstray = 5;

}  // namespace kindred::storage
