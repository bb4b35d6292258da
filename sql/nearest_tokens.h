// The tokens of a model's embedding table that are nearest to a vector, for most_similar(): by the
// segment that has the table's rows and its graph, where there are, otherwise by a scan.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <set>
#include <span>
#include <string_view>
#include <vector>

#include "model/embedding_table.h"
#include "sql/model_storage.h"
#include "sql/sqlite.h"

namespace kindred::sql {

struct TokenNeighbor {
  model::TokenId id;
  double distance;  // cosine, in [0, 2]
};

// At most k tokens but the excluded ones, by ascending distance, then id; approximate where a graph
// answers. Tokens whose row is zero have no distance. Throws Error if there is
// no such model, it has no table, or the query has another dimension; what open_model() throws; and
// StorageError (kCorrupt).
std::vector<TokenNeighbor> nearest_tokens(sqlite3* db, std::string_view model,
                                          std::span<const float> query, size_t k,
                                          const std::set<model::TokenId>& excluded);

// Has the graph of a model's rows built in the background, if they are so many that they should
// have one and do not. REQUIRES: the model's transaction has been committed.
void build_token_graph_soon(const OpenModel& model);

}  // namespace kindred::sql
