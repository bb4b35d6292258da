// SPDX-License-Identifier: Apache-2.0
#include "math/quantize.h"

#include <cmath>
#include <limits>
#include <string>

#include "tests/support/catch.h"
#include "tests/support/vectors.h"

namespace kindred::test {
namespace {

using math::Codes;

struct Quantized {
  std::vector<float> v;
  std::vector<int8_t> codes;
  Codes numbers;

  explicit Quantized(std::vector<float> values, size_t padding = 0)
      : v(std::move(values)), codes(v.size() + padding, 99) {
    numbers = math::quantize_i8(v.data(), v.size(), codes.data(), codes.size());
  }
};

double norm(const std::vector<float>& v) {
  double sum = 0;
  for (const float x : v) sum += static_cast<double>(x) * x;
  return std::sqrt(sum);
}

// How far the product of codes is off <a, b>, in double.
double error_of(const Quantized& a, const Quantized& b) {
  double exact = 0;
  double coded = 0;
  for (size_t i = 0; i < a.v.size(); ++i) {
    exact += static_cast<double>(a.v[i]) * b.v[i];
    coded += a.codes[i] * b.codes[i];
  }
  return std::abs(exact - static_cast<double>(a.numbers.scale) * b.numbers.scale * coded);
}

std::vector<float> scaled(std::vector<float> v, float factor) {
  for (float& x : v) x *= factor;
  return v;
}

// Vectors that are hard to quantise, by name.
std::vector<float> vector_like(const std::string& kind, size_t dim, uint32_t seed) {
  std::vector<float> v = random_floats(dim, seed, kind == "large offset" ? 100.0F : 0.0F);
  if (kind == "one huge component") v[seed % dim] = 1e6F;
  if (kind == "tiny") return scaled(v, 1e-30F);
  if (kind == "too tiny to scale") return scaled(v, 1e-37F);
  if (kind == "denormal") return scaled(v, 1e-41F);
  if (kind == "huge") return scaled(v, 1e18F);
  return v;
}

TEST_CASE("codes round to nearest even and stay within 127", "[math][quantize]") {
  // scale is 1, so the codes are the rounded elements
  const Quantized q({127, -127, 0.5F, 1.5F, 2.5F, -0.5F, -1.5F, 0.49F, 126.6F, -0.0F});
  CHECK(q.numbers.scale == 1);
  CHECK(q.codes == std::vector<int8_t>{127, -127, 0, 2, 2, 0, -2, 0, 127, 0});
}

TEST_CASE("codes past the last element are zero", "[math][quantize]") {
  const Quantized q(random_floats(100, 1), 28);
  CHECK(std::vector<int8_t>(q.codes.begin() + 100, q.codes.end()) == std::vector<int8_t>(28));
}

TEST_CASE("a zero vector and an empty one have scale and norms 0", "[math][quantize]") {
  for (const size_t dim : {0, 1, 384}) {
    const Quantized q(std::vector<float>(dim), 5);
    CHECK(q.numbers.scale == 0);
    CHECK(q.numbers.code_norm == 0);
    CHECK(q.numbers.residual_norm == 0);
    CHECK(q.codes == std::vector<int8_t>(dim + 5));
  }
}

TEST_CASE("the largest element gets code 127 and every code is its nearest", "[math][quantize]") {
  for (uint32_t seed = 0; seed < 200; ++seed) {
    const Quantized q(random_floats(100, seed));
    int largest = 0;
    for (size_t i = 0; i < q.v.size(); ++i) {
      largest = std::max(largest, std::abs(q.codes[i]));
      CHECK(std::abs(q.v[i] - q.numbers.scale * q.codes[i]) <= 0.50001F * q.numbers.scale);
    }
    CHECK(largest == 127);
  }
}

TEST_CASE("norms of codes and residual are true and rounded up", "[math][quantize]") {
  for (const char* kind : {"normal", "large offset", "one huge component", "tiny", "denormal"})
    for (const size_t dim : {1, 7, 100, 384}) {
      const Quantized q(vector_like(kind, dim, 17));
      double code = 0;
      double residual = 0;
      for (size_t i = 0; i < dim; ++i) {
        const double expressed = static_cast<double>(q.numbers.scale) * q.codes[i];
        code += expressed * expressed;
        residual += (q.v[i] - expressed) * (q.v[i] - expressed);
      }
      CAPTURE(kind, dim);
      CHECK(q.numbers.code_norm >= std::sqrt(code));
      CHECK(q.numbers.code_norm <= std::sqrt(code) * (1 + 3e-7) + 2e-45);
      CHECK(q.numbers.residual_norm >= std::sqrt(residual));
      CHECK(q.numbers.residual_norm <= std::sqrt(residual) * (1 + 3e-7) + 2e-45);
    }
}

TEST_CASE("dot_error bounds the error of the product of codes", "[math][quantize]") {
  const char* kinds[] = {"normal", "large offset",      "one huge component",
                         "tiny",   "too tiny to scale", "denormal",
                         "huge"};
  for (const char* kind_a : kinds)
    for (const char* kind_b : kinds)
      for (uint32_t seed = 0; seed < 100; ++seed) {
        const size_t dim = 1 + seed % 7 * 64;
        const Quantized a(vector_like(kind_a, dim, seed));
        const Quantized b(vector_like(kind_b, dim, seed + 1000));
        const auto b_norm = static_cast<float>(norm(b.v));
        CAPTURE(kind_a, kind_b, seed, dim);
        CHECK(error_of(a, b) <= math::dot_error(a.numbers, b.numbers, b_norm));
      }
}

TEST_CASE("dot_error bounds the error where Cauchy-Schwarz is tight", "[math][quantize]") {
  // b's residual is parallel to a: nothing but rounding is left between error and bound.
  for (uint32_t seed = 0; seed < 500; ++seed) {
    const float offset = 0.4F * static_cast<float>(seed) / 500;
    std::vector<float> direction(384, 1.0F);
    std::vector<float> shifted(384, 1.0F + offset);
    shifted[0] = 127;
    direction[0] = 0;
    const Quantized a(direction);
    const Quantized b(shifted);
    const auto b_norm = static_cast<float>(norm(b.v));
    const double error = error_of(a, b);
    CHECK(error <= math::dot_error(a.numbers, b.numbers, b_norm));
    CHECK(error >= 0.99 * a.numbers.code_norm * b.numbers.residual_norm);
  }
}

TEST_CASE("4-bit codes say what is left of a vector", "[math][quantize]") {
  for (const size_t dim : {1, 2, 7, 64, 100, 384, 1000})
    for (uint32_t seed = 0; seed < 20; ++seed) {
      std::vector<float> v = random_floats(dim, seed);
      if (seed % 2 == 1) v[0] = 40;  // one element far beyond the others
      if (seed % 5 == 4)
        for (float& x : v) x *= 1e-15F;
      const size_t bytes = (dim + 1) / 2 + seed % 3;
      std::vector<int8_t> codes(bytes);
      const math::NibbleCodes made = math::quantize_u4(v.data(), dim, codes.data(), bytes);
      double squares = 0;
      for (size_t i = 0; i < dim; ++i) {
        const int number = i < bytes ? codes[i] & 15 : codes[i - bytes] >> 4 & 15;
        const double residual = v[i] - static_cast<double>(made.scale) * (number - 7.5);
        squares += residual * residual;
      }
      CAPTURE(dim, seed);
      CHECK(made.residual_norm >= std::sqrt(squares));
      CHECK(made.residual_norm <= std::sqrt(squares) * 1.0003 + 3e-7 * norm(v) + 1e-16);
      if (seed % 2 == 0) CHECK(std::sqrt(squares) <= norm(v) * 0.18);
      CHECK(std::sqrt(squares) <= norm(v) * 1.00001);
    }
}

TEST_CASE("what 4 bits cannot express is residual", "[math][quantize]") {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  std::vector<int8_t> codes(50);
  const auto quantized = [&](float of_all) {
    return math::quantize_u4(std::vector<float>(100, of_all).data(), 100, codes.data(), 50);
  };
  CHECK(quantized(0).residual_norm == 0);
  CHECK(quantized(0).scale == 0);
  CHECK(codes == std::vector<int8_t>(50, static_cast<int8_t>(0x88)));
  CHECK(quantized(1e-38F).residual_norm >= 1e-37F);
  CHECK(quantized(kInfinity).residual_norm == kInfinity);
  CHECK(quantized(NAN).residual_norm == kInfinity);
  CHECK(quantized(3e38F).residual_norm >= 0);
}

TEST_CASE("norm_above is the norm or the next float, and infinite beyond them",
          "[math][quantize]") {
  for (const char* kind : {"random", "tiny", "huge"})
    for (uint32_t seed = 0; seed < 100; ++seed) {
      std::vector<float> v = random_floats(1 + seed % 5 * 50, seed);
      for (float& x : v) x *= kind[0] == 't' ? 1e-30F : kind[0] == 'h' ? 1e30F : 1.0F;
      CAPTURE(kind, seed);
      CHECK(math::norm_above(v.data(), v.size()) >= norm(v));
      CHECK(math::norm_above(v.data(), v.size()) <= norm(v) * (1 + 3e-7));
    }
  const std::vector<float> most(4, std::numeric_limits<float>::max());
  CHECK(std::isinf(math::norm_above(most.data(), most.size())));
  CHECK(math::norm_above(most.data(), 0) == 0);
}

TEST_CASE("dot_error is small against the norms for ordinary vectors", "[math][quantize]") {
  for (uint32_t seed = 0; seed < 100; ++seed) {
    const Quantized a(random_floats(384, seed));
    const Quantized b(random_floats(384, seed + 1000));
    const auto b_norm = static_cast<float>(norm(b.v));
    CHECK(math::dot_error(a.numbers, b.numbers, b_norm) < 0.02 * norm(a.v) * norm(b.v));
  }
}

}  // namespace
}  // namespace kindred::test
