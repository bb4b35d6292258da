// SPDX-License-Identifier: Apache-2.0
#include "sql/search/diversity.h"

#include <algorithm>
#include <limits>
#include <string>

#include "math/metric.h"

namespace kindred::sql {
namespace {

struct Candidate {
  storage::Neighbor neighbor;
  std::string vector;
  double nearest_chosen = std::numeric_limits<double>::infinity();
  bool chosen = false;
};

std::vector<Candidate> with_vectors(Collection& collection,
                                    const std::vector<storage::Neighbor>& neighbors) {
  Statement row(collection.db(), "SELECT cn FROM " + collection.tables().rows() + " WHERE id = ?1");
  std::vector<Candidate> candidates;
  for (const storage::Neighbor& neighbor : neighbors) {
    const ResetGuard reset(row);
    if (!row.bind(1, neighbor.id).step() || row.is_null(0)) continue;
    candidates.push_back({neighbor, collection.vector_of_row(neighbor.id, row.integer(0))});
  }
  return candidates;
}

}  // namespace

std::vector<storage::Neighbor> diversify(Collection& collection,
                                         std::vector<storage::Neighbor> candidates, size_t k,
                                         double diversity) {
  const storage::VectorSpec& spec = collection.vectors();
  std::vector<Candidate> rows = with_vectors(collection, candidates);
  std::vector<storage::Neighbor> chosen;
  InterruptCheck stop_if_interrupted(collection.db());
  while (chosen.size() < std::min(k, rows.size())) {
    stop_if_interrupted();
    Candidate* best = nullptr;
    double best_score = std::numeric_limits<double>::infinity();
    for (Candidate& row : rows) {
      if (row.chosen) continue;
      const double apart = chosen.empty() ? 0 : row.nearest_chosen;
      const double score = (1 - diversity) * row.neighbor.distance - diversity * apart;
      if (best != nullptr && score >= best_score) continue;
      best = &row;
      best_score = score;
    }
    best->chosen = true;
    chosen.push_back(best->neighbor);
    for (Candidate& row : rows)
      if (!row.chosen)
        row.nearest_chosen = std::min(row.nearest_chosen,
                                      math::distance(spec.metric, spec.element, best->vector.data(),
                                                     row.vector.data(), spec.dim)
                                          .value_or(std::numeric_limits<double>::infinity()));
  }
  return chosen;
}

}  // namespace kindred::sql
