// Graphs that begin with that of an older segment.
// SPDX-License-Identifier: Apache-2.0
#include "storage/building/graph_base.h"

#include <algorithm>
#include <cstring>
#include <fstream>
#include <set>
#include <sstream>

#include "storage/building/graph_builder.h"
#include "tests/support/catch.h"
#include "tests/support/graph_file.h"

using namespace kindred::storage;
using namespace kindred::test;
using kindred::math::Element;
using kindred::math::Metric;

namespace {

constexpr size_t kRows = 12000;
constexpr size_t kTen = 10;

std::string content(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream bytes;
  bytes << file.rdbuf();
  return bytes.str();
}

// An older segment with its graph, and a newer one: the first `gone` rows have other vectors, and
// 3,000 rows more have come.
struct Pair {
  Pair(const VectorSpec& spec, size_t gone, const std::string& shape = "clusters")
      : rows(std::max(kRows, least_graph_rows(spec))),
        random(1),
        clusters(spec, shape, random),
        vectors(clusters.vectors(rows, random)),
        older(spec, vectors),
        newer(spec, changed(gone)) {
    older.build({.ef_construction = 64});
    older.segment().expect_graph();
  }
  std::vector<std::string> changed(size_t gone) {
    for (size_t i = 0; i < gone; ++i) vectors[i * 7 % rows] = clusters.vector(random);
    for (size_t i = 0; i < 3000; ++i) vectors.push_back(clusters.vector(random));
    return vectors;
  }
  // Builds the newer one's graph; returns how many rows were inserted for it.
  size_t build(bool with_base, size_t threads) {
    if (with_base) newer.segment().set_graph_base(older.segment().shared_from_this());
    size_t inserted = 0;
    build_graph(newer.segment(), newer.spec(), {.ef_construction = 64, .threads = threads},
                newer.graph_path(), [&](size_t, size_t total) { inserted = total; });
    return inserted;
  }
  double recall() {
    const auto graph = newer.open();
    REQUIRE(graph != nullptr);
    Random asked(9);
    double sum = 0;
    for (size_t q = 0; q < 200; ++q) {
      const std::string query = clusters.vector(asked);
      const Found found = newer.search_with(graph, query, kTen, {});
      CHECK_FALSE(found.is_exact);
      CHECK(newer.wrong_distances(query, found.rows) == 0);
      sum += newer.recall(query, found.rows, kTen) / 200;
    }
    return sum;
  }

  size_t rows;
  Random random;
  Clusters clusters;
  std::vector<std::string> vectors;
  GraphFile older;
  GraphFile newer;
};

}  // namespace

TEST_CASE("a graph that begins with an older one misses no more rows than a fresh one",
          "[storage][graph]") {
  for (const Metric metric : {Metric::kCosine, Metric::kL2, Metric::kL1}) {
    for (const size_t gone : {size_t{0}, kRows / 10}) {
      CAPTURE(kindred::math::metric_name(metric), gone);
      Pair pair({Element::kFloat32, metric, 48}, gone);
      CHECK(pair.build(/*with_base=*/false, 1) == kRows + 3000);
      const double fresh = pair.recall();
      CHECK(pair.build(/*with_base=*/true, 1) == gone + 3000);
      const double continued = pair.recall();
      CAPTURE(fresh, continued);
      CHECK(continued >= fresh - 0.005);
    }
  }
}

TEST_CASE("a graph of equal rows is continued as long as one of each is left", "[storage][graph]") {
  Pair pair({Element::kBit, Metric::kHamming, 64}, kRows / 10, "twins");
  CHECK(pair.build(/*with_base=*/true, 1) == 0);
  CHECK(pair.newer.open()->size() == 300);
  CHECK(pair.recall() >= 0.98);
}

TEST_CASE("a graph of bit vectors is continued like any other", "[storage][graph]") {
  Pair pair({Element::kBit, Metric::kHamming, 64}, kRows / 10);
  pair.build(/*with_base=*/false, 1);
  const double fresh = pair.recall();
  CHECK(pair.build(/*with_base=*/true, 1) < kRows / 10 + 3000 + 100);
  const double continued = pair.recall();
  CAPTURE(fresh, continued);
  CHECK(continued >= fresh - 0.005);
}

TEST_CASE("an older graph of which too much is gone is not begun with", "[storage][graph]") {
  Pair pair({Element::kInt8, Metric::kL2, 32}, kRows / 4);
  CHECK(pair.build(/*with_base=*/true, 1) == kRows + 3000);
}

TEST_CASE("a damaged older graph is not begun with", "[storage][graph]") {
  Pair pair({Element::kInt8, Metric::kL2, 32}, 0);
  std::string bytes = content(pair.older.graph_path());
  bytes[kGraphPage + 100000] ^= 4;
  std::ofstream(pair.older.graph_path(), std::ios::binary | std::ios::in) << bytes;
  CHECK(pair.build(/*with_base=*/true, 1) == kRows + 3000);
}

// What a program with a defect might write.
TEST_CASE("where an older graph links to a node many times, the new one does so once",
          "[storage][graph][damage]") {
  Pair pair({Element::kFloat32, Metric::kCosine, 32}, 500);
  std::string bytes = content(pair.older.graph_path());
  GraphHeader header;
  std::memcpy(&header, bytes.data(), sizeof header);
  const NodeLayout layout(header, header.node_stride - 2 * header.m * sizeof(uint32_t));
  for (size_t node = 0; node < header.nodes; ++node)
    for (size_t link = 0; link < layout.links; ++link) {
      const uint32_t other = 7;
      const size_t at = GraphPlan(header).nodes + node * layout.stride + layout.links_at;
      std::memcpy(&bytes[at + link * sizeof other], &other, sizeof other);
    }
  pair.older.seal(bytes);
  std::ofstream(pair.older.graph_path(), std::ios::binary | std::ios::in) << bytes;
  CHECK(pair.build(/*with_base=*/true, 1) == 3500);
  const auto graph = pair.newer.open();
  for (uint32_t node = 0; node < graph->size(); ++node) {
    const auto links = graph->links(0, node);
    REQUIRE(std::set<uint32_t>(links.begin(), links.end()).size() == links.size());
  }
}

TEST_CASE("one thread continues the same graph to the same bytes", "[storage][graph]") {
  Pair pair({Element::kFloat32, Metric::kCosine, 32}, 500);
  pair.build(/*with_base=*/true, 1);
  const std::string first = content(pair.newer.graph_path());
  pair.build(/*with_base=*/true, 1);
  CHECK(content(pair.newer.graph_path()) == first);
}
