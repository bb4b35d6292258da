// most_similar(positive [, negative [, k [, model]]]): a table function with the k tokens (10) that
// are nearest to the sum of the positive words and vectors less the negative ones, best first:
// token and score, the cosine similarity. See model/most_similar.h. NULL has no rows.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "sql/sqlite.h"

namespace kindred::sql {

// The module for register_all(); lives as long as the process.
const sqlite3_module* most_similar_module() noexcept;

}  // namespace kindred::sql
