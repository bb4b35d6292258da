// SPDX-License-Identifier: Apache-2.0
#include "storage/building/small_world.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <limits>
#include <string>
#include <vector>

#include "tests/support/graph_file.h"

namespace kindred::test {
namespace {

using storage::CodedRows;
using storage::SmallWorld;

constexpr uint32_t kRows = 2000;
constexpr size_t kM = 4;

// How many of the rows are not linked to the one that is nearest to them.
size_t lacking_nearest(const SmallWorld& world, const CodedRows& rows) {
  size_t lacking = 0;
  for (uint32_t row = 0; row < kRows; ++row) {
    const storage::CodedQuery query = rows.query(row);
    uint32_t nearest = row == 0 ? 1 : 0;
    for (uint32_t other = 0; other < kRows; ++other)
      if (other != row && rows.key(row, query, other) < rows.key(row, query, nearest))
        nearest = other;
    const std::vector<uint32_t> links = world.links(row, 0);
    CHECK(links.size() <= 2 * kM);
    CHECK(std::count(links.begin(), links.end(), row) == 0);
    if (std::count(links.begin(), links.end(), nearest) == 0) ++lacking;
  }
  return lacking;
}

}  // namespace

TEST_CASE("rows that are linked once more lack their nearest less often", "[storage][graph]") {
  Random random(1);
  const storage::VectorSpec spec{math::Element::kFloat32, math::Metric::kCosine, 12};
  const Clusters clusters(spec, "even", random);
  const GraphFile file(spec, clusters.vectors(kRows, random));
  const CodedRows rows = coded_rows(file.segment(), spec);
  SmallWorld world(rows, kRows, {.m = kM, .ef_construction = 64, .threads = 1});
  for (uint32_t row = 0; row < kRows; ++row) world.add(row, 0);
  const size_t before = lacking_nearest(world, rows);
  for (uint32_t row = 0; row < kRows; ++row) world.relink(row);
  const size_t after = lacking_nearest(world, rows);
  CAPTURE(before, after);
  CHECK(before >= 20);
  CHECK(after <= before / 2);
}

TEST_CASE("rows that are infinitely far from each other are linked all the same",
          "[storage][graph]") {
  constexpr uint32_t kFew = 50;
  const storage::VectorSpec spec{math::Element::kFloat32, math::Metric::kL2, 4};
  std::vector<std::string> vectors;
  for (uint32_t row = 0; row < kFew; ++row) {
    const float far[] = {1e30F, static_cast<float>(row) * 1e30F, 1, 0};
    vectors.emplace_back(reinterpret_cast<const char*>(far), sizeof far);
  }
  const GraphFile file(spec, vectors);
  const CodedRows rows = coded_rows(file.segment(), spec);
  REQUIRE(rows.key(0, rows.query(0), 1) == std::numeric_limits<float>::infinity());
  SmallWorld world(rows, kFew, {.m = kM, .ef_construction = 64, .threads = 1});
  for (uint32_t row = 0; row < kFew; ++row) world.add(row, row == 0 ? 1 : 0);
  for (uint32_t row = 0; row < kFew; ++row) CHECK_FALSE(world.links(row, 0).empty());
  for (uint32_t row = 0; row < kFew; ++row) world.relink(row);
  for (uint32_t row = 0; row < kFew; ++row) CHECK_FALSE(world.links(row, 0).empty());
}

}  // namespace kindred::test
