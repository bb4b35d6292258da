// How far a search of a graph looks: to a multiple of the distance of those wanted, which keys and
// the query's offset tell, and how the number of rows grows with distance.
// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "storage/building/coded_rows.h"
#include "storage/building/graph_effort.h"
#include "storage/building/principal_encoder.h"
#include "storage/graphs/candidate_pool.h"
#include "storage/graphs/graph.h"
#include "storage/nearest/scorer.h"
#include "tests/support/catch.h"
#include "tests/support/graph_file.h"
#include "tests/support/random.h"

using namespace kindred::storage;
using namespace kindred::test;
using kindred::math::Element;
using kindred::math::Metric;

namespace {

constexpr size_t kTen = 10;

// The first elements of each vector vary most.
std::string uneven(Random& random, size_t dim, float offset = 0) {
  std::vector<float> v = random.vector(dim);
  for (size_t j = 0; j < dim; ++j)
    v[j] = v[j] / std::sqrt(1 + 0.2F * static_cast<float>(j)) + offset;
  return bytes_of(v);
}

GraphFile uneven_rows(const VectorSpec& spec, size_t rows, float offset = 0) {
  Random random(1);
  std::vector<std::string> vectors;
  for (size_t i = 0; i < rows; ++i) vectors.push_back(uneven(random, spec.dim, offset));
  return {spec, std::move(vectors)};
}

// Around one of 100 centres of unequal shares, in a few directions more than in others.
std::string of_clusters(Random& random, size_t dim) {
  const double share = random.uniform() + 1;
  Random of_centre(static_cast<uint64_t>(25 * share * share));
  std::vector<float> v = of_centre.vector(dim);
  for (size_t j = 0; j < dim; ++j)
    v[j] = (v[j] + random.uniform() + random.uniform()) / std::sqrt(1 + static_cast<float>(j));
  return bytes_of(v);
}

// Of a row, as keys grow.
double value(const Scorer& scorer, const GraphFile& file, uint32_t row) {
  const double distance = *scorer.exact(file.segment().block(), row);
  return file.spec().metric == Metric::kL2 ? distance * distance : distance;
}

}  // namespace

TEST_CASE("A pool with a reach takes what is not much farther than those wanted", "[reach]") {
  CandidatePool pool;
  // Distances are keys and 10.
  pool.reset(100, {.nearest = 2, .least = 3, .offset = 10, .factor = 1.5F});
  pool.insert({10, 1});
  pool.insert({6, 2});
  CHECK(pool.limit() == std::numeric_limits<float>::infinity());
  pool.insert({2, 3});
  CHECK(pool.limit() == 14);  // the second is at 16, three halves of which are 24
  pool.insert({13, 4});
  pool.insert({-6, 5});
  CHECK(pool.limit() == 8);
  pool.trim();
  REQUIRE(pool.size() == 3);
  CHECK(pool[2].node == 2);
  pool.insert({-5.5F, 6});  // the second is at 4.5 now, the third at 12
  CHECK(pool.limit() == 2);
  pool.trim();
  REQUIRE(pool.size() == 3);
  CHECK(pool.take() == 5);
  CHECK(pool.take() == 6);
  CHECK(pool.take() == 3);
  CHECK_FALSE(pool.take());
}

TEST_CASE("A key and its query's offset are a distance, under l2 its square", "[reach]") {
  for (const Metric metric : {Metric::kCosine, Metric::kL2})
    for (const float offset : {0.0F, 3.0F}) {
      INFO(kindred::math::metric_name(metric) << ", rows " << offset << " from the origin");
      const VectorSpec spec{Element::kFloat32, metric, 160};
      const GraphFile file = uneven_rows(spec, 2000, offset);
      const CodedRows rows = coded_rows(file.segment(), spec);
      const PrincipalEncoder encoder(rows, spec.dim, kPrincipalBytes, 1);
      const auto codes = encoder.codes(rows);
      const CodeKernels of_4_bits = CodeKernels::of_4_bit_codes(spec);
      Random random(2);
      for (int q = 0; q < 5; ++q) {
        const std::string vector = uneven(random, spec.dim, offset);
        Scorer scorer(spec, vector.data());
        const CodedQuery query = scorer.coded_query(file.segment().block());
        PrincipalQuery along;
        const CodedQuery principal = along.along(encoder.axes(), query);
        REQUIRE(query.offset);
        REQUIRE(principal.offset);
        for (uint32_t row = 0; row < 2000; row += 100) {
          const double wanted = value(scorer, file, row);
          const float compared =
              rows.kernels.one(query.codes, query.sum, rows.code(row), rows.stride);
          const double key = rows.numbers[row].key(query.factor(), compared);
          CHECK(std::abs(key + *query.offset - wanted) <= 0.02 * wanted);
          const std::byte* const code = codes.get() + row * kPrincipalBytes;
          const float of_code =
              of_4_bits.one(principal.codes, principal.sum, reinterpret_cast<const int8_t*>(code),
                            kPrincipalBytes);
          const double rough = numbers_of(code).key(principal.factor(), of_code);
          CHECK(std::abs(rough + *principal.offset - wanted) <= 0.15 * wanted);
        }
      }
    }
}

TEST_CASE("Vectors that are their own codes have offsets as well, but under dot", "[reach]") {
  for (const auto& [element, metric] :
       {std::pair(Element::kInt8, Metric::kCosine), std::pair(Element::kInt8, Metric::kL2),
        std::pair(Element::kInt8, Metric::kL1), std::pair(Element::kBit, Metric::kHamming),
        std::pair(Element::kInt8, Metric::kDot)}) {
    INFO(kindred::math::metric_name(metric));
    const VectorSpec spec{element, metric, 64};
    Random random(3);
    const Clusters clusters(spec, "clusters", random);
    const GraphFile file(spec, clusters.vectors(1000, random));
    const CodedRows rows = coded_rows(file.segment(), spec);
    const std::string vector = clusters.vector(random);
    Scorer scorer(spec, vector.data());
    const CodedQuery query = scorer.coded_query(file.segment().block());
    REQUIRE(query.offset.has_value() == (metric != Metric::kDot));
    if (!query.offset) continue;
    std::vector<double> ratios;
    for (uint32_t row = 0; row < 1000; row += 50) {
      const float compared = rows.kernels.one(query.codes, query.sum, rows.code(row), rows.stride);
      const double key = rows.numbers[row].key(query.factor(), compared);
      ratios.push_back((key + *query.offset) / value(scorer, file, row));
    }
    for (const double ratio : ratios) CHECK(ratio == Approx(ratios[0]).epsilon(1e-4));
  }
}

TEST_CASE("Rows that fill d dimensions evenly grow by the power d of a distance", "[reach]") {
  constexpr size_t kDim = 6;
  const auto growth = [](Metric metric) {
    Random random(4);
    std::vector<std::string> vectors;
    for (size_t i = 0; i < 20000; ++i) {
      std::vector<float> v(kDim);
      for (float& x : v) x = random.uniform();
      vectors.push_back(bytes_of(v));
    }
    const VectorSpec spec{Element::kFloat32, metric, kDim};
    const GraphFile file(spec, vectors);
    return GraphEffort(file.segment(), spec, 1).growth();
  };
  CHECK(growth(Metric::kL1) > 0.75 * kDim);  // there is nothing beyond the faces
  CHECK(growth(Metric::kL1) < 1.1 * kDim);
  CHECK(growth(Metric::kL2) > 0.75 * kDim / 2);
  CHECK(growth(Metric::kL2) < 1.1 * kDim / 2);
  CHECK(growth(Metric::kDot) == 0);
  const VectorSpec bits{Element::kBit, Metric::kHamming, 64};
  const GraphFile equal(bits, std::vector<std::string>(2000, "abcdefgh"));
  CHECK(GraphEffort(equal.segment(), bits, 1).growth() == 0);
}

TEST_CASE("A search that looks so far misses fewer by as many distances", "[reach]") {
  constexpr size_t kQueries = 200;
  const VectorSpec spec{Element::kFloat32, Metric::kCosine, 48};
  Random random(1);
  std::vector<std::string> vectors;
  for (size_t i = 0; i < 20000; ++i) vectors.push_back(of_clusters(random, spec.dim));
  GraphFile file(spec, vectors);
  file.build({.threads = 1});
  const auto graph = file.open();
  REQUIRE(graph->growth() > 0);
  const auto missed = [&](SearchEffort effort, size_t& distances) {
    Random of_queries(5);
    size_t found = 0;
    for (size_t q = 0; q < kQueries; ++q) {
      const std::string vector = of_clusters(of_queries, spec.dim);
      Scorer scorer(spec, vector.data());
      const auto hits =
          graph->search(scorer.coded_query(file.segment().block()), effort, nullptr, distances);
      const std::vector<Neighbor> nearest = file.sorted(vector);
      for (size_t i = 0; i < kTen; ++i)
        for (const GraphHit& hit : *hits) found += hit.row == nearest[i].id ? 1 : 0;
    }
    return kQueries * kTen - found;
  };
  size_t distances = 0;
  size_t of_ef = 0;
  const size_t missed_in_reach = missed({.ef = 80, .nearest = kTen}, distances);
  const size_t missed_by_ef = missed({.ef = 80}, of_ef);
  CAPTURE(missed_in_reach, missed_by_ef, distances, of_ef);
  CHECK(2 * missed_in_reach <= missed_by_ef);
  CHECK(10 * distances <= 11 * of_ef);
}
