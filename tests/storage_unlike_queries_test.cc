// Queries that the codes of a graph tell little about: of any magnitude, with little in the prefix
// that codes are of, along directions in which rows hardly differ, or among rows that differ by
// less than their codes do.
// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <vector>

#include "tests/support/catch.h"
#include "tests/support/graph_file.h"
#include "tests/support/random.h"

using namespace kindred::test;
using namespace kindred::storage;
using kindred::math::Element;
using kindred::math::Metric;

namespace {

constexpr size_t kRows = 12000;
constexpr size_t kQueries = 30;
constexpr size_t kTen = 10;

struct Answers {
  double recall = 0;
  size_t exact = 0;    // how many of kQueries
  double visited = 0;  // a query
};

template <class Query>
Answers ask(const GraphFile& file, Query query, const Effort& effort = {}) {
  Answers answers;
  for (size_t q = 0; q < kQueries; ++q) {
    const std::string asked = query();
    const Found found = file.search(asked, kTen, effort);
    CHECK(file.wrong_distances(asked, found.rows) == 0);
    answers.recall += file.recall(asked, found.rows, kTen);
    answers.exact += found.is_exact ? 1 : 0;
    answers.visited += static_cast<double>(found.visited) / kQueries;
  }
  answers.recall /= kQueries;
  return answers;
}

// Sums of few directions, and a little of everything else.
class FewDirections {
 public:
  FewDirections(size_t dim, size_t count, Random& random) : dim_(dim) {
    for (size_t i = 0; i < count; ++i) directions_.push_back(random.vector(dim));
  }
  std::vector<float> vector(Random& random) const {
    std::vector<float> v(dim_);
    for (float& x : v) x = 0.05F * random.uniform();
    for (const std::vector<float>& direction : directions_) {
      const float share = random.uniform() + random.uniform();
      for (size_t i = 0; i < dim_; ++i) v[i] += share * direction[i];
    }
    return v;
  }
  // Nothing in any of the directions (Gram & Schmidt).
  std::vector<float> across(Random& random) const {
    std::vector<std::vector<float>> basis;
    std::vector<float> v;
    for (size_t i = 0; i <= directions_.size(); ++i) {
      v = i < directions_.size() ? directions_[i] : random.vector(dim_);
      for (const std::vector<float>& b : basis) {
        const float along = dot(v, b) / dot(b, b);
        for (size_t j = 0; j < dim_; ++j) v[j] -= along * b[j];
      }
      basis.push_back(v);
    }
    return v;
  }

 private:
  static float dot(const std::vector<float>& a, const std::vector<float>& b) {
    float sum = 0;
    for (size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
    return sum;
  }

  size_t dim_;
  std::vector<std::vector<float>> directions_;
};

}  // namespace

TEST_CASE("vectors and queries of any magnitude are found", "[storage][graph]") {
  struct Case {
    Metric metric;
    float rows;
    float query;
    Quantization quantization = Quantization::kInt8;
  };
  for (const Case& each : {Case{Metric::kDot, 1e18F, 1e18F}, Case{Metric::kDot, 1e19F, 1e19F},
                           Case{Metric::kDot, 1e30F, 1e10F}, Case{Metric::kDot, 1e37F, 1e37F},
                           Case{Metric::kDot, 1e19F, 1e19F, Quantization::kNone},
                           Case{Metric::kDot, 1, 1e-38F}, Case{Metric::kCosine, 1, 1e-36F},
                           Case{Metric::kCosine, 1, 1e-38F}, Case{Metric::kCosine, 1e20F, 1e37F},
                           Case{Metric::kL2, 1e20F, 1e20F}, Case{Metric::kL2, 1, 1e-38F}}) {
    INFO(kindred::math::metric_name(each.metric) << " " << each.rows << " " << each.query);
    Random random(1);
    const VectorSpec spec{.element = Element::kFloat32,
                          .metric = each.metric,
                          .dim = 16,
                          .quantization = each.quantization};
    std::vector<std::string> rows;
    for (size_t i = 0; i < kRows; ++i) rows.push_back(bytes_of(random.vector(16, each.rows)));
    GraphFile file(spec, rows);
    // The last has one query, nearly: what it finds depends on the graph, which is the same so.
    file.build({.ef_construction = 64, .threads = 1});
    CHECK(ask(file, [&] { return bytes_of(random.vector(16, each.query)); }).recall >= 0.95);
  }
}

TEST_CASE("a query with little of its length in the prefix is not answered by prefixes",
          "[storage][graph]") {
  constexpr size_t kDim = 64;
  constexpr size_t kPrefix = 32;
  for (const Metric metric : {Metric::kCosine, Metric::kL2, Metric::kDot}) {
    INFO(kindred::math::metric_name(metric));
    Random random(2);
    const auto draw = [&](float prefix, float suffix) {
      std::vector<float> v = random.vector(kDim);
      for (size_t i = 0; i < kDim; ++i) v[i] *= i < kPrefix ? prefix : suffix;
      return bytes_of(v);
    };
    std::vector<std::string> rows;
    for (size_t i = 0; i < 4 * kRows; ++i) rows.push_back(draw(1, 0.1F));
    GraphFile file({Element::kFloat32, metric, kDim, kPrefix}, rows);
    file.build({.ef_construction = 64});
    const Answers alike = ask(file, [&] { return draw(1, 0.1F); });
    CHECK(alike.recall >= 0.9);
    CHECK(alike.exact == 0);
    for (const float prefix : {0.0F, 1e-3F, 0.1F}) {
      const Answers others = ask(file, [&] { return draw(prefix, 1); });
      CHECK(others.recall == 1);
      CHECK(others.exact == kQueries);
    }
  }
}

TEST_CASE("a query along directions in which rows hardly differ finds its nearest rows",
          "[storage][graph]") {
  const Metric metric = GENERATE(Metric::kCosine, Metric::kL2, Metric::kDot);
  INFO(kindred::math::metric_name(metric));
  Random random(3);
  const FewDirections data(256, 24, random);
  std::vector<std::string> rows;
  for (size_t i = 0; i < kRows; ++i) rows.push_back(bytes_of(data.vector(random)));
  GraphFile file({Element::kFloat32, metric, 256}, rows);
  file.build({.seed = 1, .threads = 1});
  const auto across = [&] { return bytes_of(data.across(random)); };
  CHECK(ask(file, across).recall >= 0.98);
  // Nor is more done than the caller has said.
  CHECK(ask(file, across, {.ef = 64}).visited <= 0.5 * kRows);

  // Questions like the rows are searched once.
  std::vector<std::string> alike;
  for (size_t q = 0; q < kQueries; ++q) alike.push_back(bytes_of(data.vector(random)));
  const auto in_turn = [&alike, q = size_t{0}]() mutable { return alike[q++ % kQueries]; };
  const Answers by_default = ask(file, in_turn);
  const Answers once = ask(file, in_turn, {.ef = file.open()->ef()});
  CHECK(by_default.recall >= 0.96);
  CHECK(by_default.visited <= 1.02 * once.visited);
  CHECK(once.visited <= 0.3 * kRows);
}

TEST_CASE("rows that differ by less than their codes are found by their own vectors",
          "[storage][graph]") {
  constexpr size_t kCopies = 80;
  const Metric metric = GENERATE(Metric::kCosine, Metric::kL2, Metric::kDot);
  INFO(kindred::math::metric_name(metric));
  const VectorSpec spec{Element::kFloat32, metric, 96};
  Random random(5);
  const Clusters clusters(spec, "clusters", random);
  const std::vector<float> original = random.vector(spec.dim);
  std::vector<std::string> rows = clusters.vectors(16000, random);
  for (size_t i = 0; i < kCopies; ++i) {
    std::vector<float> copy = original;
    for (float& x : copy) x += 0.005F * random.uniform();
    rows[i] = bytes_of(copy);
  }
  GraphFile file(spec, rows);
  file.build({.seed = 1, .threads = 1});
  REQUIRE_FALSE(file.open()->has_vectors());  // too few for the sample to tell
  CHECK(ask(file, [&, i = size_t{0}]() mutable { return rows[i++ * 2 % kCopies]; }).recall >= 0.98);
  // They have links enough that a search wide enough comes to all of them.
  const Found wide = file.search(rows[0], kCopies, {.ef = 4 * kCopies});
  CHECK(file.recall(rows[0], wide.rows, kCopies) >= 0.98);
}
