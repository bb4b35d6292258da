// Queries unlike a graph's rows: of any magnitude, and with little in the prefix that codes are of.
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
  size_t exact = 0;  // how many of kQueries
};

template <class Query>
Answers ask(const GraphFile& file, const Query& query) {
  Answers answers;
  for (size_t q = 0; q < kQueries; ++q) {
    const std::string asked = query();
    const Found found = file.search(asked, kTen);
    CHECK(file.wrong_distances(asked, found.rows) == 0);
    answers.recall += file.recall(asked, found.rows, kTen);
    answers.exact += found.is_exact ? 1 : 0;
  }
  answers.recall /= kQueries;
  return answers;
}

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
    file.build({.ef_construction = 64});
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
