// SPDX-License-Identifier: Apache-2.0
#include "math/metric.h"

#include <cmath>
#include <cstring>
#include <limits>

#include "math/kernels.h"
#include "tests/support/catch.h"
#include "tests/support/vectors.h"

namespace kindred::test {
namespace {

using math::Element;
using math::Metric;

constexpr Metric kMetrics[] = {Metric::kCosine, Metric::kL2, Metric::kL1, Metric::kDot,
                               Metric::kHamming};

std::optional<double> distance(Metric metric, const std::vector<float>& a,
                               const std::vector<float>& b) {
  return math::distance(metric, Element::kFloat32, a.data(), b.data(), a.size());
}

std::optional<double> distance(Metric metric, const std::vector<int8_t>& a,
                               const std::vector<int8_t>& b) {
  return math::distance(metric, Element::kInt8, a.data(), b.data(), a.size());
}

TEST_CASE("parse_metric reads back what metric_name prints and nothing else", "[math][metric]") {
  for (const Metric metric : kMetrics)
    CHECK(math::parse_metric(math::metric_name(metric)) == metric);
  for (const char* name : {"", "L2", "cosine ", "euclidean"})
    CHECK(math::parse_metric(name) == std::nullopt);
}

TEST_CASE("vector_bytes counts 4, 1 and an eighth of a byte an element", "[math][metric]") {
  CHECK(math::vector_bytes(Element::kFloat32, 384) == 1536);
  CHECK(math::vector_bytes(Element::kInt8, 384) == 384);
  CHECK(math::vector_bytes(Element::kBit, 384) == 48);
}

TEST_CASE("hamming is defined for bits and nothing else is", "[math][metric]") {
  for (const Metric metric : kMetrics) {
    CHECK(math::is_defined_for(metric, Element::kBit) == (metric == Metric::kHamming));
    CHECK(math::is_defined_for(metric, Element::kInt8) == (metric != Metric::kHamming));
    CHECK(math::is_defined_for(metric, Element::kFloat32) == (metric != Metric::kHamming));
  }
}

TEST_CASE("distances of small vectors are the textbook values", "[math][metric]") {
  const std::vector<float> a = {3, 0, 4};
  const std::vector<float> b = {0, 0, 2};
  CHECK(distance(Metric::kCosine, a, b).value() == Approx(1 - 0.8));
  CHECK(distance(Metric::kL2, a, b).value() == Approx(std::sqrt(13.0)));
  CHECK(distance(Metric::kL1, a, b) == 5.0F);
  CHECK(distance(Metric::kDot, a, b) == -8.0F);

  const std::vector<int8_t> c = {3, 0, 4};
  const std::vector<int8_t> d = {0, 0, 2};
  CHECK(distance(Metric::kCosine, c, d).value() == Approx(1 - 0.8));
  CHECK(distance(Metric::kL2, c, d).value() == Approx(std::sqrt(13.0)));
  CHECK(distance(Metric::kL1, c, d) == 5.0F);
  CHECK(distance(Metric::kDot, c, d) == -8.0F);

  const uint8_t x[] = {0b10110000, 0xFF};
  const uint8_t y[] = {0b00110001, 0x00};
  CHECK(math::distance(Metric::kHamming, Element::kBit, x, y, 16) == 10.0F);
}

TEST_CASE("distances of misaligned vectors equal those of aligned ones", "[math][metric]") {
  const std::vector<float> a = random_floats(100, 1);
  const std::vector<float> b = random_floats(100, 2);
  std::vector<char> bytes(a.size() * sizeof(float) + 1);
  std::memcpy(bytes.data() + 1, a.data(), a.size() * sizeof(float));
  for (const Metric metric : {Metric::kCosine, Metric::kL2, Metric::kL1, Metric::kDot})
    CHECK(math::distance(metric, Element::kFloat32, bytes.data() + 1, b.data(), a.size()) ==
          distance(metric, a, b));
}

TEST_CASE("distances equal what the active kernels give, bit for bit", "[math][metric]") {
  const std::vector<float> a = random_floats(384, 3);
  const std::vector<float> b = random_floats(384, 4);
  const math::Kernels& kernels = math::active();
  const float dot = kernels.dot(a.data(), b.data(), 384);
  const float aa = kernels.dot(a.data(), a.data(), 384);
  const float bb = kernels.dot(b.data(), b.data(), 384);
  CHECK(distance(Metric::kDot, a, b) == -dot);
  CHECK(distance(Metric::kCosine, a, b) == math::cosine_distance(dot, aa, bb));
  CHECK(distance(Metric::kL2, a, b) == std::sqrt(kernels.l2_squared(a.data(), b.data(), 384)));
}

TEST_CASE("cosine of a zero vector has no value", "[math][metric]") {
  const std::vector<float> zero(5);
  const std::vector<float> v = {1, 2, 3, 4, 5};
  CHECK(distance(Metric::kCosine, zero, v) == std::nullopt);
  CHECK(distance(Metric::kCosine, v, zero) == std::nullopt);
  CHECK(distance(Metric::kCosine, zero, zero) == std::nullopt);
  const std::vector<int8_t> none(5);
  CHECK(distance(Metric::kCosine, none, none) == std::nullopt);
  CHECK(math::cosine_distance(0, 0, 1) == std::nullopt);
}

TEST_CASE("cosine distance stays in [0, 2]", "[math][metric]") {
  for (uint32_t seed = 0; seed < 200; ++seed) {
    const std::vector<float> a = random_floats(100, seed);
    std::vector<float> b = a;
    for (float& x : b) x *= -3;
    const double same = distance(Metric::kCosine, a, a).value();
    const double opposite = distance(Metric::kCosine, a, b).value();
    CHECK(same >= 0);
    CHECK(same < 1e-6F);
    CHECK(opposite <= 2);
    CHECK(opposite > 2 - 1e-6F);
  }
}

TEST_CASE("cosine does not depend on magnitude, however small or large", "[math][metric]") {
  const float scale = GENERATE(1e-42F, 1e-30F, 1e-10F, 1.0F, 1e10F, 1e25F);
  const std::vector<float> a = {3 * scale, 0, 4 * scale};
  const std::vector<float> b = {0, 0, 2 * scale};
  CAPTURE(scale);
  const std::vector<float> one = {0, 0, 1};
  CHECK(distance(Metric::kCosine, a, b).value() == Approx(0.2).margin(1e-3));
  CHECK(distance(Metric::kCosine, a, one).value() == Approx(0.2).margin(1e-3));
}

TEST_CASE("finite vectors have a finite distance, also beyond float32", "[math][metric]") {
  const std::vector<float> a = {3e38F, 3e38F, -3e38F};
  const std::vector<float> b = {-3e38F, 3e38F, 3e38F};
  const auto x = static_cast<double>(3e38F);
  CHECK(distance(Metric::kL2, a, b) == std::sqrt(8 * x * x));
  CHECK(distance(Metric::kL1, a, b) == 4 * x);
  CHECK(distance(Metric::kDot, a, b) == x * x);
  CHECK(distance(Metric::kCosine, a, b).value() == Approx(4.0 / 3));
}

TEST_CASE("wide distances read vectors at any alignment", "[math][metric]") {
  const std::vector<float> a = {1e30F, 2e30F, -3e30F};
  std::vector<char> bytes(1 + a.size() * sizeof(float));
  std::memcpy(bytes.data() + 1, a.data(), a.size() * sizeof(float));
  for (const Metric metric : {Metric::kCosine, Metric::kL2, Metric::kL1, Metric::kDot})
    CHECK(math::distance(metric, Element::kFloat32, bytes.data() + 1, a.data(), a.size()) ==
          distance(metric, a, a));
}

TEST_CASE("NaN in a vector gives NaN", "[math][metric]") {
  std::vector<float> a = {1, 2, std::numeric_limits<float>::quiet_NaN()};
  const std::vector<float> b = {1, 2, 3};
  for (const Metric metric : {Metric::kCosine, Metric::kL2, Metric::kL1, Metric::kDot})
    CHECK(std::isnan(distance(metric, a, b).value()));
}

TEST_CASE("int8 distances are right for the longest vectors of -128", "[math][metric]") {
  const std::vector<int8_t> low(math::kMaxDimensions, -128);
  const std::vector<int8_t> high(math::kMaxDimensions, 127);
  const double n = math::kMaxDimensions;
  CHECK(distance(Metric::kDot, low, low) == static_cast<float>(-n * 128 * 128));
  CHECK(distance(Metric::kL1, low, high) == static_cast<float>(n * 255));
  CHECK(distance(Metric::kL2, low, high) == 255.0F * 256.0F);
  CHECK(distance(Metric::kCosine, low, high) == 2.0F);
}

}  // namespace
}  // namespace kindred::test
