// What a stream of neighbours promises where a graph answers: filters, deleted rows, odd data.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <numeric>
#include <thread>

#include "storage/log/changed_ids.h"
#include "storage/log/tail.h"
#include "tests/support/catch.h"
#include "tests/support/graph_file.h"

using namespace kindred::storage;
using namespace kindred::test;
using kindred::math::Element;
using kindred::math::Metric;

namespace {

constexpr size_t kTen = 10;
constexpr size_t kQueries = 20;

// Which rows pass a filter of a selectivity: any, those nearest to the query, those farthest.
std::vector<bool> passing(const GraphFile& file, const std::string& query, double part,
                          const std::string& how, Random& random) {
  std::vector<bool> passes(file.rows());
  if (how == "random") {
    for (size_t row = 0; row < passes.size(); ++row)
      passes[row] = random.below(100000) < static_cast<int64_t>(part * 100000);
    return passes;
  }
  std::vector<Neighbor> rows = file.sorted(query);
  if (how == "farthest") std::reverse(rows.begin(), rows.end());
  rows.resize(static_cast<size_t>(part * static_cast<double>(rows.size())));
  for (const Neighbor& row : rows) passes[static_cast<size_t>(row.id)] = true;
  return passes;
}

RowLayer only(const GraphFile& file, const std::vector<bool>& passes) {
  RowLayer layer = file.layer();
  layer.only.emplace();
  for (uint32_t row = 0; row < passes.size(); ++row)
    if (passes[row]) layer.only->push_back(row);
  return layer;
}

// Checks that each row of k and of all comes once, in order, with its distance.
void check_searches(const GraphFile& file, const std::string& query, size_t k) {
  const Found few = file.search(query, k);
  CHECK(few.rows.size() == std::min(k, file.sorted(query).size()));
  CHECK(file.wrong_distances(query, few.rows) == 0);
  CHECK(file.recall(query, few.rows, k) >= 0.9);
  const Found all = file.search(query, file.rows() + 1);
  CHECK(all.rows.size() == file.sorted(query).size());
  CHECK(file.wrong_distances(query, all.rows) == 0);
}

}  // namespace

TEST_CASE("a filter of any selectivity and correlation gets its k nearest rows",
          "[storage][graph][filter]") {
  // One query in a thousand finds less than half, which one depends on how the threads take turns:
  // it may not decide about the mean.
  constexpr size_t kQueries = 60;
  Random random(1);
  const VectorSpec spec{Element::kFloat32, Metric::kCosine, 16};
  Clusters clusters(spec, "clusters", random);
  GraphFile file(spec, clusters.vectors(40000, random));
  file.build({.ef_construction = 64});
  size_t by_graph = 0;
  for (const std::string how : {"random", "nearest", "farthest"})
    for (const double part : {0.00005, 0.001, 0.01, 0.1, 0.3, 0.5, 0.9}) {
      INFO(how << " " << part);
      double recall = 0;
      for (size_t q = 0; q < kQueries; ++q) {
        const std::string query = clusters.vector(random);
        const std::vector<bool> passes = passing(file, query, part, how, random);
        const auto count = static_cast<size_t>(std::count(passes.begin(), passes.end(), true));
        const Found found = file.search_in({only(file, passes)}, query, kTen, {});
        CHECK(found.rows.size() == std::min(kTen, count));
        CHECK(file.wrong_distances(query, found.rows) == 0);
        for (const Neighbor& row : found.rows) CHECK(passes[static_cast<size_t>(row.id)]);
        recall += file.recall(query, found.rows, kTen, &passes) / kQueries;
        // Never more than a scan of the rows that pass and a search that was broken off. Where many
        // pass, those between them are read along.
        const size_t scanned = count > file.rows() / 4 ? file.rows() : count;
        CHECK(found.visited <= scanned + count / 4 + 500);
        by_graph += found.is_exact ? 0 : 1;
      }
      CAPTURE(recall);
      CHECK(recall >= 0.98);
    }
  CHECK(by_graph >= 5 * kQueries);
}

TEST_CASE("a filter that nothing or everything passes is answered like any other",
          "[storage][graph][filter]") {
  Random random(2);
  const VectorSpec spec{Element::kFloat32, Metric::kL2, 16};
  Clusters clusters(spec, "clusters", random);
  GraphFile file(spec, clusters.vectors(15000, random));
  file.build({.ef_construction = 64});
  double recall = 0;
  for (size_t q = 0; q < kQueries; ++q) {
    const std::string query = clusters.vector(random);
    const std::vector<bool> none(file.rows());
    CHECK(file.search_in({only(file, none)}, query, kTen, {}).rows.empty());
    const std::vector<bool> all(file.rows(), true);
    const Found found = file.search_in({only(file, all)}, query, kTen, {});
    CHECK(found.rows.size() == kTen);
    CHECK(found.visited < file.rows() / 4);
    CHECK_FALSE(found.is_exact);
    recall += file.recall(query, found.rows, kTen) / kQueries;
  }
  CHECK(recall >= 0.98);
}

TEST_CASE("of equal rows a filter gets those that pass", "[storage][graph][filter]") {
  Random random(14);
  const VectorSpec spec{Element::kBit, Metric::kHamming, 64};
  Clusters twins(spec, "twins", random);
  GraphFile file(spec, twins.vectors(40000, random));
  file.build({.ef_construction = 64});
  size_t by_graph = 0;
  for (const std::string how : {"random", "nearest", "farthest"})
    for (const double part : {0.001, 0.3, 0.5, 0.9}) {
      INFO(how << " " << part);
      double recall = 0;
      for (size_t q = 0; q < kQueries; ++q) {
        const std::string query = twins.vector(random);
        const std::vector<bool> passes = passing(file, query, part, how, random);
        const Found found = file.search_in({only(file, passes)}, query, kTen, {});
        CHECK(found.rows.size() == kTen);
        CHECK(file.wrong_distances(query, found.rows) == 0);
        for (const Neighbor& row : found.rows) CHECK(passes[static_cast<size_t>(row.id)]);
        recall += file.recall(query, found.rows, kTen, &passes) / kQueries;
        by_graph += found.is_exact ? 0 : 1;
      }
      CHECK(recall >= 0.98);
    }
  CHECK(by_graph >= 3 * kQueries);
}

TEST_CASE("a filter that refuses the query's own cluster finds the nearest of others",
          "[storage][graph][filter]") {
  constexpr size_t kClusters = 100;
  constexpr size_t kOfCluster = 300;
  const VectorSpec spec{Element::kFloat32, Metric::kL2, 24};
  Random random(15);
  const auto vector_of = [&](size_t cluster) {
    Random of_centre(cluster);
    std::vector<float> v = of_centre.vector(spec.dim);
    for (float& x : v) x += 0.3F * (random.uniform() + random.uniform());
    return bytes_of(v);
  };
  std::vector<std::string> rows;
  for (size_t row = 0; row < kClusters * kOfCluster; ++row)
    rows.push_back(vector_of(row % kClusters));
  GraphFile file(spec, rows);
  file.build({.seed = 1, .threads = 1});
  double recall = 0;
  size_t by_graph = 0;
  for (size_t cluster = 0; cluster < kClusters; ++cluster) {
    std::vector<bool> passes(rows.size());
    for (size_t row = 0; row < rows.size(); ++row) passes[row] = row % kClusters != cluster;
    const std::string query = vector_of(cluster);
    const Found found = file.search_in({only(file, passes)}, query, kTen, {});
    recall += file.recall(query, found.rows, kTen, &passes) / kClusters;
    by_graph += found.is_exact ? 0 : 1;
  }
  CHECK(recall >= 0.98);
  CHECK(by_graph >= kClusters * 3 / 4);
}

TEST_CASE("a filtered search of a graph ends soon after its budget", "[storage][graph][filter]") {
  Random random(3);
  const VectorSpec spec{Element::kFloat32, Metric::kL2, 16};
  Clusters clusters(spec, "clusters", random);
  GraphFile file(spec, clusters.vectors(5000, random));
  file.build({.ef_construction = 64});
  const auto graph = file.open();
  std::vector<uint64_t> rows(5000 / 64 + 1);
  rows[7] = 1;  // one row that passes: all others would be looked at
  for (const size_t budget : {size_t{0}, size_t{100}, size_t{1000}, size_t{100000}}) {
    Scorer scorer(spec, clusters.vector(random).data());
    const GraphFilter filter{rows, 1, budget};
    size_t distances = 0;
    const auto hits =
        graph->search(scorer.coded_query(file.segment().block()), {20}, &filter, distances);
    CHECK(distances <= budget + 500);
    CHECK(distances <= file.rows() + 500);
    CHECK(hits.has_value() == (budget == 100000));
    CHECK_FALSE(graph->is_damaged());
  }
}

TEST_CASE("dead rows, and rows that a newer layer decides about, are never found in a graph",
          "[storage][graph]") {
  Random random(4);
  const VectorSpec spec{Element::kFloat32, Metric::kCosine, 16};
  Clusters clusters(spec, "clusters", random);
  GraphFile file(spec, clusters.vectors(12000, random));
  file.build({.ef_construction = 64});
  for (const int64_t one_in : {2, 10}) {
    DeadRows dead;
    ChangedIds changed;
    std::vector<bool> alive(file.rows(), true);
    for (size_t row = 0; row < file.rows(); ++row) {
      if (!random.one_in(one_in)) continue;
      alive[row] = false;
      if (random.one_in(2))
        dead.add(row);
      else
        changed.add(static_cast<int64_t>(row), 7);
    }
    RowLayer layer = file.layer(dead);
    layer.newer.push_back({changed.table(), 7});
    double recall = 0;
    for (size_t q = 0; q < kQueries; ++q) {
      const std::string query = clusters.vector(random);
      const Found found = file.search_in({layer}, query, kTen, {});
      CHECK(found.rows.size() == kTen);
      CHECK_FALSE(found.is_exact);
      for (const Neighbor& row : found.rows) CHECK(alive[static_cast<size_t>(row.id)]);
      CHECK(file.wrong_distances(query, found.rows) == 0);
      recall += file.recall(query, found.rows, kTen, &alive) / kQueries;
    }
    CAPTURE(recall, one_in);
    CHECK(recall >= 0.97);
  }
}

TEST_CASE("k rows come in ascending order although all near ones are dead", "[storage][graph]") {
  Random random(5);
  const auto [dim, shape] = GENERATE(table<size_t, const char*>({{24, "clusters"}, {64, "norms"}}));
  INFO(shape);
  const VectorSpec spec{Element::kFloat32, Metric::kL2, dim};
  Clusters clusters(spec, shape, random);
  GraphFile file(spec, clusters.vectors(12000, random));
  file.build({.ef_construction = 64});
  const bool by_log = GENERATE(true, false);
  for (size_t q = 0; q < kQueries; ++q) {
    const std::string query = clusters.vector(random);
    const std::vector<Neighbor> all = file.sorted(query);
    const auto gone = static_cast<size_t>(20 + random.below(600));
    DeadRows dead;
    ChangedIds changed;
    std::vector<bool> alive(file.rows(), true);
    for (size_t i = 0; i < gone; ++i) {
      if (random.one_in(20)) continue;
      alive[static_cast<size_t>(all[i].id)] = false;
      if (by_log)
        changed.add(all[i].id, 7);
      else
        dead.add(static_cast<size_t>(all[i].id));
    }
    RowLayer layer = file.layer(dead);
    layer.newer.push_back({changed.table(), 7});
    const Found found = file.search_in({layer}, query, 30, {});
    INFO(gone << " of the nearest gone");
    CHECK(found.rows.size() == 30);
    CHECK(file.wrong_distances(query, found.rows) == 0);
    for (const Neighbor& row : found.rows) CHECK(alive[static_cast<size_t>(row.id)]);
    CHECK(file.recall(query, found.rows, 30, &alive) >= 0.9);
  }
}

TEST_CASE("rows of a tail and of a graph come in one ascending order", "[storage][graph]") {
  Random random(6);
  const VectorSpec spec{Element::kFloat32, Metric::kL2, 16};
  Clusters clusters(spec, "clusters", random);
  const std::vector<std::string> vectors = clusters.vectors(8000, random);
  const std::vector<std::string> later = clusters.vectors(2000, random);
  GraphFile file(spec, vectors);
  file.build({.ef_construction = 64});
  Tail tail(spec, "films_log");
  std::vector<std::string> both = vectors;
  for (const std::string& vector : later) {
    const auto id = static_cast<int64_t>(both.size());
    tail.append({id, 1, id, static_cast<int64_t>(Op::kPut), vector});
    both.push_back(vector);
  }
  const GraphFile whole(spec, both);
  size_t from_tail = 0;
  double recall = 0;
  for (size_t q = 0; q < kQueries; ++q) {
    const std::string query = clusters.vector(random);
    const Found found = file.search_in({tail.slice(), file.layer()}, query, 50, {});
    CHECK_FALSE(found.is_exact);
    CHECK(found.rows.size() == 50);
    CHECK(whole.wrong_distances(query, found.rows) == 0);
    for (const Neighbor& row : found.rows) from_tail += row.id >= 8000 ? 1 : 0;
    recall += whole.recall(query, found.rows, 50) / kQueries;
  }
  CHECK(recall >= 0.98);
  CHECK(from_tail > 100);  // about a fifth of 1,000
  CHECK(from_tail < 400);
}

TEST_CASE("a stream over a graph ascends, whatever the graph has missed", "[storage][graph]") {
  Random random(7);
  constexpr Quantization kNone = Quantization::kNone;
  const auto [spec, shape] = GENERATE(
      table<VectorSpec, std::string>({{{Element::kFloat32, Metric::kCosine, 32}, "even"},
                                      {{Element::kFloat32, Metric::kL2, 32}, "norms"},
                                      {{Element::kFloat32, Metric::kDot, 32}, "clusters"},
                                      {{Element::kFloat32, Metric::kL1, 32}, "norms"},
                                      {{Element::kFloat32, Metric::kCosine, 32, 0, kNone}, "even"},
                                      {{Element::kFloat32, Metric::kL2, 32, 0, kNone}, "norms"},
                                      {{Element::kFloat32, Metric::kDot, 32, 0, kNone}, "clusters"},
                                      {{Element::kInt8, Metric::kL2, 32}, "clusters"},
                                      {{Element::kInt8, Metric::kL1, 32}, "clusters"},
                                      {{Element::kBit, Metric::kHamming, 32}, "even"}}));
  INFO(kindred::math::metric_name(spec.metric) << " " << shape);
  Clusters clusters(spec, shape, random);
  const size_t rows = spec.element == Element::kBit ? 24000 : 6000;  // fewer bits are scanned
  GraphFile file(spec, clusters.vectors(rows, random));
  file.build({.m = 8, .ef_construction = 40});  // one that misses rows
  for (const size_t expected : {1, 10, 20})
    for (size_t q = 0; q < kQueries; ++q) {
      const std::string query = clusters.vector(random);
      NearestStream stream(spec, query.data(), {file.layer()}, {.expected = expected, .ef = 20});
      std::vector<Neighbor> all;
      while (const std::optional<Neighbor> next = stream.next()) {
        all.push_back(*next);
        if (all.size() == 1) CHECK_FALSE(stream.is_exact());
      }
      CHECK(all.size() > file.rows() * 8 / 10);  // without those that come too late
      CHECK_FALSE(stream.is_exact());            // for them, though it ended with a scan
      CHECK(file.wrong_distances(query, all) == 0);
    }
}

TEST_CASE("an exact search finds what brute force finds, graph or not", "[storage][graph]") {
  Random random(8);
  const VectorSpec spec{Element::kFloat32, Metric::kCosine, 32};
  Clusters clusters(spec, "even", random);
  GraphFile file(spec, clusters.vectors(6000, random));
  file.build({.m = 4, .ef_construction = 10});
  for (size_t q = 0; q < kQueries; ++q) {
    const std::string query = clusters.vector(random);
    const Found found = file.search(query, 100, {.exact = true});
    CHECK(found.is_exact);
    const std::vector<Neighbor> all = file.sorted(query);
    for (size_t i = 0; i < 100; ++i) CHECK(found.rows.at(i).id == all[i].id);
  }
}

TEST_CASE("k beyond all rows gives all rows", "[storage][graph]") {
  Random random(9);
  const VectorSpec spec{Element::kFloat32, Metric::kL2, 8};
  Clusters clusters(spec, "clusters", random);
  GraphFile file(spec, clusters.vectors(2000, random));
  file.build({});
  const std::string query = clusters.vector(random);
  for (const size_t k : {size_t{2000}, size_t{2001}, size_t{1000000}}) {
    const Found found = file.search(query, k);
    CHECK(found.rows.size() == 2000);
    CHECK(file.wrong_distances(query, found.rows) == 0);
  }
}

TEST_CASE("values that thousands of rows share are each found", "[storage][graph]") {
  const VectorSpec spec{Element::kFloat32, GENERATE(Metric::kL2, Metric::kCosine), 16};
  Random random(10);
  const Clusters clusters(spec, "clusters", random);
  const std::vector<std::string> values = clusters.vectors(30, random);
  std::vector<std::string> vectors;
  for (int i = 0; i < 12000; ++i)
    vectors.push_back(i % 6 == 0 ? clusters.vector(random) : random.pick(values));
  GraphFile file(spec, vectors);
  file.build({.ef_construction = 64});
  double recall = 0;
  for (const std::string& value : values) {
    const Found found = file.search(value, kTen);
    CHECK(file.wrong_distances(value, found.rows) == 0);
    recall += file.recall(value, found.rows, kTen) / static_cast<double>(values.size());
  }
  CAPTURE(recall);
  CHECK(recall >= 0.97);
}

TEST_CASE("few values in all are each found", "[storage][graph]") {
  const VectorSpec spec{Element::kFloat32, Metric::kL2, 16};
  Random random(11);
  const Clusters clusters(spec, "clusters", random);
  const std::vector<std::string> values = clusters.vectors(20, random);
  std::vector<std::string> vectors;
  for (int i = 0; i < 10000; ++i) vectors.push_back(random.pick(values));
  GraphFile file(spec, vectors);
  file.build({.ef_construction = 64});
  double recall = 0;
  for (const std::string& value : values)
    recall += file.recall(value, file.search(value, kTen).rows, kTen) /
              static_cast<double>(values.size());
  CAPTURE(recall);
  CHECK(recall >= 0.97);
}

TEST_CASE("data that is odd is searched like any other", "[storage][graph]") {
  Random random(12);
  constexpr size_t kRows = 2500;
  std::vector<std::string> vectors;
  std::string query;
  VectorSpec spec{Element::kFloat32, GENERATE(Metric::kL2, Metric::kCosine, Metric::kDot), 12};
  SECTION("all rows equal") {
    vectors.assign(kRows, bytes_of(random.vector(spec.dim)));
    query = bytes_of(random.vector(spec.dim));
  }
  SECTION("one dimension") {
    spec.dim = 1;
    for (size_t i = 0; i < kRows; ++i) vectors.push_back(bytes_of(random.vector(1, 100)));
    query = bytes_of({3});
  }
  SECTION("4,096 dimensions") {
    spec.dim = 4096;
    Clusters clusters(spec, "clusters", random);
    vectors = clusters.vectors(1300, random);
    query = clusters.vector(random);
  }
  SECTION("zero vectors among others") {
    for (size_t i = 0; i < kRows; ++i)
      vectors.push_back(
          bytes_of(random.one_in(3) ? std::vector<float>(spec.dim) : random.vector(spec.dim)));
    query = bytes_of(random.vector(spec.dim));
  }
  SECTION("nothing but zero vectors") {
    vectors.assign(kRows, bytes_of(std::vector<float>(spec.dim)));
    query = bytes_of(random.vector(spec.dim));
  }
  SECTION("lengths from 1e-20 to 1e20") {
    for (size_t i = 0; i < kRows; ++i)
      vectors.push_back(bytes_of(
          random.vector(spec.dim, std::pow(10.0F, static_cast<float>(random.below(41) - 20)))));
    query = bytes_of(random.vector(spec.dim));
  }
  SECTION("lengths beyond float32") {
    for (size_t i = 0; i < kRows; ++i)
      vectors.push_back(bytes_of(random.vector(spec.dim, random.one_in(4) ? 3e38F : 1)));
    query = bytes_of(random.vector(spec.dim, random.one_in(2) ? 3e38F : 1));
  }
  INFO(kindred::math::metric_name(spec.metric));
  GraphFile file(spec, vectors);
  file.build({.m = 8, .ef_construction = 40});
  check_searches(file, query, kTen);
  check_searches(file, vectors[vectors.size() / 2], kTen);
}

TEST_CASE("threads search one graph at once and find what one finds", "[storage][graph][threads]") {
  Random random(13);
  const VectorSpec spec{Element::kFloat32, Metric::kCosine, 16};
  Clusters clusters(spec, "clusters", random);
  GraphFile file(spec, clusters.vectors(4000, random));
  file.build({.ef_construction = 40});
  const std::vector<std::string> queries = clusters.vectors(100, random);
  std::vector<int64_t> wanted;
  for (const std::string& query : queries) wanted.push_back(file.search(query, 1).rows[0].id);
  const auto fresh = file.open();  // whose blocks nobody has compared yet
  std::vector<std::vector<int64_t>> got(4);
  std::vector<std::thread> threads;
  for (std::vector<int64_t>& ids : got)
    threads.emplace_back([&] {
      for (const std::string& query : queries)
        ids.push_back(file.search_with(fresh, query, 1, {}).rows[0].id);
    });
  for (std::thread& thread : threads) thread.join();
  for (const std::vector<int64_t>& ids : got) CHECK(ids == wanted);
}
