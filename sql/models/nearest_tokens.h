// The tokens of a model's embedding table that are nearest to a direction, for most_similar(): by
// the segment that has the table's rows and its graph, where there are, otherwise by a scan.
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

#include "model/most_similar.h"
#include "sql/models/model_storage.h"

namespace kindred::sql {

// What model::most_similar() gives of the table, where no graph answers: then some may be missing,
// but scores and order are as there. `model` is the one the table belongs to, nullptr for one that
// is built in. Throws StorageError (kCorrupt). REQUIRES: as there.
std::vector<model::SimilarToken> nearest_tokens(const OpenModel* model,
                                                const model::EmbeddingTable& table,
                                                std::span<const double> direction, size_t k,
                                                std::span<const model::TokenId> excluded);

// Has the graph of a model's rows built in the background, if they are so many that they should
// have one and do not. REQUIRES: the model's transaction has been committed.
void build_token_graph_soon(const OpenModel& model);

}  // namespace kindred::sql
