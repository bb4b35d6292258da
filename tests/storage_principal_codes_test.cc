// Principal codes: what graphs read of vectors that few axes tell apart.
// SPDX-License-Identifier: Apache-2.0
#include "storage/graphs/principal_codes.h"

#include <algorithm>
#include <functional>

#include "storage/building/coded_rows.h"
#include "storage/building/principal_encoder.h"
#include "tests/support/catch.h"
#include "tests/support/graph_file.h"

using namespace kindred::storage;
using namespace kindred::test;
using kindred::math::Element;
using kindred::math::Metric;

namespace {

constexpr size_t kDim = 160;
constexpr size_t kRows = 2000;
constexpr size_t kTen = 10;

// Of 12 directions and little else, of any length, around a point that is not the origin.
std::vector<std::string> vectors_of_few_directions() {
  Random random(3);
  std::vector<std::vector<float>> directions;
  for (int i = 0; i < 12; ++i) directions.push_back(random.vector(kDim));
  const std::vector<float> middle = random.vector(kDim, 2);
  std::vector<std::string> vectors;
  for (size_t i = 0; i < kRows; ++i) {
    std::vector<float> v = random.vector(kDim, 0.1F);
    for (size_t d = 0; d < kDim; ++d) v[d] += middle[d];
    for (const std::vector<float>& direction : directions) {
      const float share = random.uniform();
      for (size_t d = 0; d < kDim; ++d) v[d] += share * direction[d];
    }
    const float length = 1.2F + random.uniform();
    for (float& x : v) x *= length;
    vectors.emplace_back(reinterpret_cast<const char*>(v.data()), kDim * sizeof(float));
  }
  return vectors;
}

// How many of the ten nearest to some of the rows are among so many with the least keys.
double share_found(const GraphFile& file, const std::vector<std::string>& vectors, size_t among,
                   const std::function<float(uint32_t of, uint32_t row)>& key) {
  size_t found = 0;
  size_t wanted = 0;
  for (uint32_t of = 0; of < kRows; of += 50) {
    std::vector<std::pair<float, int64_t>> by_key;
    for (uint32_t row = 0; row < kRows; ++row) by_key.emplace_back(key(of, row), row);
    std::sort(by_key.begin(), by_key.end());
    by_key.resize(among);
    const std::vector<Neighbor> nearest = file.sorted(vectors[of]);
    for (size_t i = 0; i < kTen; ++i) {
      ++wanted;
      found += std::any_of(by_key.begin(), by_key.end(),
                           [&](const auto& keyed) { return keyed.second == nearest[i].id; })
                   ? 1
                   : 0;
    }
  }
  return static_cast<double>(found) / static_cast<double>(wanted);
}

// The vectors under a metric.
struct Segmented {
  VectorSpec spec;
  std::vector<std::string> vectors = vectors_of_few_directions();
  GraphFile file{spec, vectors};
  CodedRows rows = coded_rows(file.segment(), spec);
  PrincipalEncoder encoder{rows, kDim, kPrincipalBytes, 1};

  explicit Segmented(Metric metric) : spec{Element::kFloat32, metric, kDim} {}
};

constexpr Metric kMetrics[] = {Metric::kCosine, Metric::kL2, Metric::kDot};

}  // namespace

TEST_CASE("a line of principal codes tells which rows are near, under each metric",
          "[storage][principal]") {
  for (const Metric metric : kMetrics) {
    INFO(static_cast<int>(metric));
    const Segmented all(metric);
    const auto codes = all.encoder.codes(all.rows);
    const CodeKernels kernels = CodeKernels::of_4_bit_codes(all.spec);
    PrincipalQuery principal;
    CHECK(share_found(all.file, all.vectors, kTen * 3 / 2, [&](uint32_t of, uint32_t row) {
            const CodedQuery query = principal.along(all.encoder.axes(), all.rows.query(of));
            const std::byte* const code = codes.get() + row * kPrincipalBytes;
            const float compared = kernels.one(
                query.codes, query.sum, reinterpret_cast<const int8_t*>(code), kPrincipalBytes);
            return numbers_of(code).key(query.factor(), compared);
          }) >= 0.98);
  }
}

TEST_CASE("rows that are projected are as near to each other as they were, under each metric",
          "[storage][principal]") {
  for (const Metric metric : kMetrics) {
    INFO(static_cast<int>(metric));
    const Segmented all(metric);
    const ProjectedRows projected = all.encoder.project(all.rows);
    REQUIRE(projected.rows.stride < all.rows.stride);
    CHECK(share_found(all.file, all.vectors, 2 * kTen, [&](uint32_t of, uint32_t row) {
            return projected.rows.key(of, projected.rows.query(of), row);
          }) >= 0.99);
  }
}
