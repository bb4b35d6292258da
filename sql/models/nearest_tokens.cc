// SPDX-License-Identifier: Apache-2.0
#include "sql/models/nearest_tokens.h"

#include <algorithm>
#include <optional>

#include "storage/nearest/nearest.h"
#include "storage/upkeep/graph_jobs.h"

namespace kindred::sql {
namespace {

using model::EmbeddingTable;
using model::SimilarToken;
using model::TokenId;

// Beyond k: float32 may put a token behind one that it is before in double.
constexpr size_t kMore = 16;

// Exactly the rows of the table, one for one.
bool are_rows_of(const OpenModel& model, const EmbeddingTable& table) {
  return model.rows != nullptr && model.rows->rows() == table.size() &&
         model.packed_rows->dim() == table.dim();
}

std::vector<TokenId> search(const OpenModel& model, std::span<const double> direction, size_t k,
                            std::span<const TokenId> excluded) {
  storage::RowLayer layer = model.rows->layer({});
  layer.graph = model.rows->graph();
  storage::populate_when_due(layer.graph);
  storage::Effort effort;
  effort.expected = k + excluded.size();
  const std::vector<float> query(direction.begin(), direction.end());
  storage::NearestStream stream(model.rows_spec, query.data(), {std::move(layer)}, effort);
  std::vector<TokenId> found;
  while (found.size() < k) {
    const std::optional<storage::Neighbor> next = stream.next();
    if (!next) break;
    const auto id = static_cast<TokenId>(next->id);
    if (std::find(excluded.begin(), excluded.end(), id) == excluded.end()) found.push_back(id);
  }
  return found;
}

}  // namespace

std::vector<SimilarToken> nearest_tokens(const OpenModel* model, const EmbeddingTable& table,
                                         std::span<const double> direction, size_t k,
                                         std::span<const TokenId> excluded) {
  k = std::min(k, table.size());
  if (model == nullptr || !are_rows_of(*model, table))
    return model::most_similar(table, direction, k, excluded);
  build_token_graph_soon(*model);
  return model::ranked(table, direction, k, search(*model, direction, k + kMore, excluded));
}

void build_token_graph_soon(const OpenModel& model) {
  if (model.rows == nullptr || model.rows->rows() < storage::kLeastUnaskedRows ||
      !storage::lacks_graph(*model.rows, model.rows_spec))
    return;
  storage::build_graph_soon(model.rows, model.rows_spec, {});
}

}  // namespace kindred::sql
