// Maximal marginal relevance (Carbonell & Goldstein 1998): answers that are near the query but not
// near each other.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <vector>

#include "sql/collections/collection.h"
#include "storage/nearest/nearest.h"

namespace kindred::sql {

// Chooses k of the candidates, which come nearest first, one after the other: each time the one of
// least (1 - diversity) * distance to the query - diversity * distance to the nearest one chosen.
// `diversity`: 0 (the k nearest) to 1.
std::vector<storage::Neighbor> diversify(Collection& collection,
                                         std::vector<storage::Neighbor> candidates, size_t k,
                                         double diversity);

}  // namespace kindred::sql
