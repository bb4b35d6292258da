// Questions that the codes of a graph tell little about: unlike all rows, or like many that differ
// by less than their codes do.
// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "storage/nearest.h"
#include "tests/support/catch.h"
#include "tests/support/graph_file.h"
#include "tests/support/random.h"

using namespace kindred::test;
using namespace kindred::storage;
using kindred::math::Element;
using kindred::math::Metric;

namespace {

constexpr size_t kTen = 10;

VectorSpec floats(Metric metric, size_t dim) {
  return {.element = Element::kFloat32, .metric = metric, .dim = dim};
}

struct Asked {
  double recall = 0;   // of the ten nearest
  double visited = 0;  // a question
};

Asked ask(const GraphFile& file, const std::vector<std::string>& queries, Effort effort = {}) {
  Asked asked;
  for (const std::string& query : queries) {
    const Found found = file.search(query, kTen, effort);
    asked.recall += file.recall(query, found.rows, kTen) / static_cast<double>(queries.size());
    asked.visited += static_cast<double>(found.visited) / static_cast<double>(queries.size());
  }
  return asked;
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

std::vector<std::string> make(size_t count, const std::function<std::vector<float>()>& draw) {
  std::vector<std::string> made;
  for (size_t i = 0; i < count; ++i) made.push_back(bytes_of(draw()));
  return made;
}

}  // namespace

TEST_CASE("A query along directions in which rows hardly differ finds its nearest rows",
          "[graph][undecided]") {
  const Metric metric = GENERATE(Metric::kCosine, Metric::kL2, Metric::kDot);
  Random random(3);
  const FewDirections data(256, 24, random);
  GraphFile file(floats(metric, 256), make(12000, [&] { return data.vector(random); }));
  file.build({.seed = 1, .threads = 1});
  const std::vector<std::string> across = make(30, [&] { return data.across(random); });
  const std::vector<std::string> alike = make(60, [&] { return data.vector(random); });
  CAPTURE(kindred::math::metric_name(metric));

  CHECK(ask(file, across).recall >= 0.98);
  const Asked by_default = ask(file, alike);
  CHECK(by_default.recall >= 0.96);
  // Questions like the rows are searched once.
  const Asked once = ask(file, alike, {.ef = file.open()->ef()});
  CHECK(by_default.visited <= 1.02 * once.visited);
  CHECK(once.visited <= 0.3 * 12000);
  // Nor is more done than the caller has said.
  CHECK(ask(file, across, {.ef = 64}).visited <= 0.3 * 12000);
}

TEST_CASE("Rows that differ by less than their codes are found by their own vectors",
          "[graph][undecided]") {
  const Metric metric = GENERATE(Metric::kCosine, Metric::kL2, Metric::kDot);
  constexpr size_t kCopies = 80;
  const VectorSpec spec = floats(metric, 96);
  Random random(5);
  const Clusters clusters(spec, "clusters", random);
  const std::vector<float> original = random.vector(spec.dim);
  const auto copy = [&] {
    std::vector<float> v = original;
    for (float& x : v) x += 0.005F * random.uniform();
    return bytes_of(v);
  };
  std::vector<std::string> rows = clusters.vectors(16000, random);
  std::vector<std::string> queries;
  for (size_t i = 0; i < kCopies; ++i) {
    rows[i] = copy();
    if (i % 2 == 0) queries.push_back(rows[i]);
  }
  GraphFile file(spec, rows);
  file.build({.seed = 1, .threads = 1});
  CAPTURE(kindred::math::metric_name(metric));
  REQUIRE_FALSE(file.open()->has_vectors());  // too few for the sample to tell
  CHECK(ask(file, queries).recall >= 0.98);
  // They have links enough that a search wide enough comes to all of them.
  const Found wide = file.search(queries[0], kCopies, {.ef = 4 * kCopies});
  CHECK(file.recall(queries[0], wide.rows, kCopies) >= 0.98);
}
