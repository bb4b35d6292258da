// SPDX-License-Identifier: Apache-2.0
#include "sql/nearest_tokens.h"

#include <algorithm>
#include <optional>

#include "math/metric.h"
#include "sql/boundary.h"
#include "sql/models.h"
#include "storage/graph_jobs.h"
#include "storage/nearest.h"

namespace kindred::sql {
namespace {

using model::EmbeddingTable;
using model::TokenId;

// Exactly the rows of the table, one for one.
bool are_rows_of(const OpenModel& model, const EmbeddingTable& table) {
  return model.rows != nullptr && model.rows->rows() == table.size() &&
         model.packed_rows->dim() == table.dim();
}

std::vector<TokenNeighbor> search(const OpenModel& model, std::span<const float> query, size_t k,
                                  const std::set<TokenId>& excluded) {
  storage::RowLayer layer = model.rows->layer({});
  layer.graph = model.rows->graph();
  storage::populate_when_due(layer.graph);
  storage::Effort effort;
  effort.expected = k + excluded.size();
  storage::NearestStream stream(model.rows_spec, query.data(), {std::move(layer)}, effort);
  std::vector<TokenNeighbor> found;
  while (found.size() < k) {
    const std::optional<storage::Neighbor> next = stream.next();
    if (!next) break;
    const auto id = static_cast<TokenId>(next->id);
    if (excluded.count(id) == 0) found.push_back({id, next->distance});
  }
  return found;
}

std::vector<TokenNeighbor> scan(const EmbeddingTable& table, std::span<const float> query, size_t k,
                                const std::set<TokenId>& excluded) {
  std::vector<TokenNeighbor> found;
  std::vector<float> row(table.dim());
  for (TokenId id = 0; id < table.size(); ++id) {
    if (excluded.count(id) > 0) continue;
    table.row(id, row);
    const std::optional<double> distance = math::distance(
        math::Metric::kCosine, math::Element::kFloat32, query.data(), row.data(), row.size());
    if (distance) found.push_back({id, *distance});
  }
  const auto middle = found.begin() + static_cast<ptrdiff_t>(std::min(k, found.size()));
  std::partial_sort(found.begin(), middle, found.end(),
                    [](const TokenNeighbor& a, const TokenNeighbor& b) {
                      return a.distance != b.distance ? a.distance < b.distance : a.id < b.id;
                    });
  found.erase(middle, found.end());
  return found;
}

}  // namespace

std::vector<TokenNeighbor> nearest_tokens(sqlite3* db, std::string_view model,
                                          std::span<const float> query, size_t k,
                                          const std::set<TokenId>& excluded) {
  const SharedEmbedder embedder = require_model(db, model, "most_similar()");
  const EmbeddingTable* table = embedder->table();
  if (table == nullptr)
    throw Error(SQLITE_ERROR, "most_similar(): " + std::string(model) + " has no embedding table");
  if (query.size() != table->dim())
    throw Error(SQLITE_ERROR, "most_similar(): dimensions differ: " + std::to_string(table->dim()) +
                                  " and " + std::to_string(query.size()));
  const std::shared_ptr<const OpenModel> open = find_open_model(db, model);
  if (!open || !are_rows_of(*open, *table)) return scan(*table, query, k, excluded);
  build_token_graph_soon(*open);
  return search(*open, query, k, excluded);
}

void build_token_graph_soon(const OpenModel& model) {
  if (model.rows == nullptr || model.rows->rows() < storage::kLeastUnaskedRows ||
      !storage::lacks_graph(*model.rows, model.rows_spec))
    return;
  storage::build_graph_soon(model.rows, model.rows_spec, {});
}

}  // namespace kindred::sql
