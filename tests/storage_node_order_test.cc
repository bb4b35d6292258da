// SPDX-License-Identifier: Apache-2.0
#include "storage/building/node_order.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>

#include "tests/support/graph_file.h"

namespace kindred::test {
namespace {

using storage::CodedRows;
using storage::NodeOrder;
using storage::SmallWorld;

constexpr uint32_t kRows = 3000;
constexpr size_t kM = 4;

// Linked rows in clusters, in an order that knows nothing of these.
struct World {
  World() {
    for (uint32_t row = 0; row < kRows; ++row) world.add(row, 0);
  }
  std::vector<uint32_t> arrange(std::vector<uint32_t> order) const {
    NodeOrder(world, kRows).arrange(order, 0);
    return order;
  }

  storage::VectorSpec spec{math::Element::kFloat32, math::Metric::kCosine, 12};
  Random random{1};
  Clusters clusters{spec, "even", random};
  GraphFile file{spec, clusters.vectors(kRows, random)};
  CodedRows rows = coded_rows(file.segment(), spec);
  SmallWorld world{rows, kRows, {.m = kM, .ef_construction = 32, .threads = 1}};
};

// Each `step`-th row.
std::vector<uint32_t> rows_in_steps(uint32_t step) {
  std::vector<uint32_t> all;
  for (uint32_t row = 0; row < kRows; row += step) all.push_back(row);
  return all;
}

// The part of the links between these rows that lead to a row that is at most 16 places away.
double share_nearby(const SmallWorld& world, const std::vector<uint32_t>& order) {
  std::vector<int64_t> place(kRows, -1);
  for (size_t i = 0; i < order.size(); ++i) place[order[i]] = static_cast<int64_t>(i);
  size_t nearby = 0;
  size_t all = 0;
  for (const uint32_t row : order)
    for (const uint32_t link : world.links(row, 0)) {
      if (place[link] < 0) continue;
      ++all;
      nearby += std::abs(place[link] - place[row]) <= 16 ? 1 : 0;
    }
  return static_cast<double>(nearby) / static_cast<double>(all);
}

}  // namespace

TEST_CASE("rows that are linked lie near each other in a graph file", "[storage][graph]") {
  const World linked;
  for (const uint32_t step : {1U, 3U}) {  // all, or those of one level among others
    const std::vector<uint32_t> given = rows_in_steps(step);
    std::vector<uint32_t> arranged = linked.arrange(given);
    CHECK(share_nearby(linked.world, given) < 0.05);
    CHECK(share_nearby(linked.world, arranged) > 0.3);
    CHECK(linked.arrange(given) == arranged);
    std::sort(arranged.begin(), arranged.end());
    CHECK(arranged == given);
  }
}

TEST_CASE("rows without links between them keep their order in a graph file", "[storage][graph]") {
  const World linked;
  std::vector<uint32_t> apart;
  std::vector<bool> is_linked(kRows);
  for (uint32_t row = kRows; row-- > 0;) {
    const std::vector<uint32_t> links = linked.world.links(row, 0);
    if (is_linked[row] || std::any_of(links.begin(), links.end(), [&](uint32_t link) {
          return std::find(apart.begin(), apart.end(), link) != apart.end();
        }))
      continue;
    apart.push_back(row);
    for (const uint32_t link : links) is_linked[link] = true;
  }
  REQUIRE(apart.size() > 100);
  CHECK(linked.arrange(apart) == apart);
  CHECK(linked.arrange({}).empty());
}

}  // namespace kindred::test
