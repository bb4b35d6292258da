// SPDX-License-Identifier: Apache-2.0
#include "sql/search/recall.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "storage/count_common.h"
#include "storage/nearest/nearest.h"
#include "storage/sampled_row.h"

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

// The vectors of a sample of the rows.
std::vector<std::string> sample(Collection& collection) {
  const std::string with_vector = collection.tables().rows() + " WHERE cn IS NOT NULL";
  Statement count(collection.db(), "SELECT count(*) FROM " + with_vector);
  count.step();
  const auto step = std::max<size_t>(static_cast<size_t>(count.integer(0)) / kSamples, 1);
  Statement rows(collection.db(), "SELECT id, cn FROM " + with_vector + " ORDER BY id");
  std::vector<std::string> vectors;
  for (size_t i = 0; vectors.size() < kSamples && rows.step(); ++i)
    if (i == storage::sampled_row(vectors.size(), step))
      vectors.push_back(collection.vector_of_row(rows.integer(0), rows.integer(1)));
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
    found += storage::count_common<double>(got, truth);
  }
  return wanted == 0 ? 1.0 : static_cast<double>(found) / static_cast<double>(wanted);
}

}  // namespace kindred::sql
