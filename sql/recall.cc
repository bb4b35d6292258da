// SPDX-License-Identifier: Apache-2.0
#include "sql/recall.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "storage/nearest.h"

namespace kindred::sql {
namespace {

constexpr size_t kSamples = 100;
constexpr size_t kNearest = 10;

// The distances of the nearest rows, ascending.
std::vector<double> nearest(Collection& collection, const std::string& query,
                            const storage::Effort& effort) {
  storage::NearestStream stream(collection.vectors(), query.data(), collection.layers(std::nullopt),
                                effort);
  std::vector<double> distances;
  while (distances.size() < kNearest) {
    const std::optional<storage::Neighbor> row = stream.next();
    if (!row) break;
    distances.push_back(row->distance);
  }
  return distances;
}

// The vectors of rows at or after places that divide the rowids evenly.
std::vector<std::string> sample(Collection& collection) {
  const std::string& rows = collection.tables().rows();
  Statement ends(collection.db(), "SELECT min(id), max(id) FROM " + rows + " WHERE cn IS NOT NULL");
  std::vector<std::string> vectors;
  if (!ends.step() || ends.is_null(0)) return vectors;
  const auto first = static_cast<uint64_t>(ends.integer(0));
  const uint64_t width = static_cast<uint64_t>(ends.integer(1)) - first;
  Statement next(collection.db(), "SELECT id, cn FROM " + rows +
                                      " WHERE id >= ?1 AND cn IS NOT NULL ORDER BY id LIMIT 1");
  for (size_t i = 0; i < kSamples; ++i) {
    const ResetGuard reset(next);
    const uint64_t place = width / kSamples * i + width % kSamples * i / kSamples;
    if (!next.bind(1, static_cast<int64_t>(first + place)).step()) break;
    vectors.push_back(collection.vector_of_row(next.integer(0), next.integer(1)));
  }
  return vectors;
}

}  // namespace

double measure_recall(Collection& collection) {
  collection.require_readable();
  collection.session().sealing.settle(collection);
  storage::Effort usual;
  usual.ef = collection.manifest().read().ef;
  storage::Effort exact;
  exact.exact = true;
  size_t wanted = 0;
  size_t found = 0;
  for (const std::string& query : sample(collection)) {
    const std::vector<double> truth = nearest(collection, query, exact);
    const std::vector<double> got = nearest(collection, query, usual);
    wanted += truth.size();
    if (truth.empty()) continue;
    // Of rows at one distance any will do: bit vectors have them by the dozen.
    const auto near = std::upper_bound(got.begin(), got.end(), truth.back()) - got.begin();
    found += std::min(static_cast<size_t>(near), truth.size());
  }
  return wanted == 0 ? 1.0 : static_cast<double>(found) / static_cast<double>(wanted);
}

}  // namespace kindred::sql
