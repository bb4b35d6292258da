// Position encodings, and texts in which the order of words counts.
// SPDX-License-Identifier: Apache-2.0
#include "model/positions.h"

#include <chrono>
#include <cmath>
#include <string>
#include <vector>

#include "model/ordered_embedding.h"
#include "tests/support/catch.h"
#include "tests/support/embeddings.h"

namespace {

using kindred::model::Embedder;
using kindred::test::dot;
using kindred::test::is_unit;
using Vector = std::vector<float>;

Vector sinusoidal(uint64_t position, size_t dim) {
  Vector out(dim);
  kindred::model::sinusoidal_position(position, out);
  return out;
}

Vector rotated(Vector v, double position) {
  kindred::model::rotate_to_position(position, v);
  return v;
}

const Embedder& model() {
  return *Embedder::find("default");
}

Vector in_order(const std::string& text, size_t dim = 256) {
  Vector out(dim);
  if (!kindred::model::embed_in_order(model(), text, out)) out.clear();
  return out;
}

}  // namespace

TEST_CASE("sinusoidal encodings are those of the paper", "[model][positions]") {
  CHECK(sinusoidal(0, 4) == Vector{0, 1, 0, 1});
  for (const uint64_t position : {1, 7, 100, 5000})
    for (const size_t dim : {2, 6, 7, 64, 512}) {
      const Vector v = sinusoidal(position, dim);
      for (size_t i = 0; i < dim; ++i) {
        CAPTURE(position, dim, i);
        const double pair = static_cast<double>(i / 2);
        const double angle =
            static_cast<double>(position) / std::pow(10000.0, 2 * pair / static_cast<double>(dim));
        CHECK(v[i] == Approx(i % 2 == 0 ? std::sin(angle) : std::cos(angle)).margin(1e-6));
      }
    }
}

TEST_CASE("the dot product of two encodings depends on how far apart they are alone",
          "[model][positions]") {
  const double near = dot(sinusoidal(3, 128), sinusoidal(5, 128));
  CHECK(dot(sinusoidal(40, 128), sinusoidal(42, 128)) == Approx(near).margin(1e-4));
  CHECK(dot(sinusoidal(3, 128), sinusoidal(60, 128)) < near);
}

TEST_CASE("rotation turns each pair of neighbours by the angle of the paper",
          "[model][positions]") {
  const Vector v = rotated({1, 0, 0, 1}, 3);
  CHECK(v[0] == Approx(std::cos(3.0)).margin(1e-6));
  CHECK(v[1] == Approx(std::sin(3.0)).margin(1e-6));
  CHECK(v[2] == Approx(-std::sin(0.03)).margin(1e-6));
  CHECK(v[3] == Approx(std::cos(0.03)).margin(1e-6));
  CHECK(rotated({1, 2, 3, 4}, 0) == Vector{1, 2, 3, 4});
}

TEST_CASE("rotation keeps lengths, and dot products of equal distances", "[model][positions]") {
  const Vector a = sinusoidal(17, 64), b = sinusoidal(23, 64);
  const Vector turned = rotated(a, 123);
  CHECK(dot(turned, turned) == Approx(dot(a, a)).epsilon(1e-5));
  CHECK(dot(rotated(a, 9), rotated(b, 4)) == Approx(dot(rotated(a, 105), rotated(b, 100))));
  CHECK(std::abs(dot(rotated(a, 9), rotated(b, 4)) - dot(a, b)) > 0.1);
}

TEST_CASE("in order, who bites whom makes a difference", "[model][positions]") {
  const Vector dog = in_order("dog bites man"), man = in_order("man bites dog");
  CHECK(dot(dog, man) < 0.997);
  CHECK(dot(dog, man) > 0.9);
  CHECK(in_order("dog bites man") == dog);
  CHECK(dot(dog, man) > dot(dog, in_order("stocks rose sharply")));
}

TEST_CASE("in order, a text is the sum of its rows times one plus half their positions",
          "[model][positions]") {
  const auto& table = *model().table();
  std::vector<double> sum(256);
  uint64_t position = 0;
  for (const auto& token : model().tokenize("the unbelievable cats sat on mats")) {
    Vector row(256);
    table.row(token.id.value(), row);
    const Vector p = sinusoidal(position++, 256);
    for (size_t i = 0; i < 256; ++i) sum[i] += static_cast<double>(row[i]) * (1 + p[i] / 2.0);
  }
  double squares = 0;
  for (const double x : sum) squares += x * x;
  const Vector v = in_order("the unbelievable cats sat on mats");
  for (size_t i = 0; i < 256; ++i) CHECK(v[i] == Approx(sum[i] / std::sqrt(squares)).margin(1e-6));
}

TEST_CASE("in order, every text gets a vector of length 1 or none", "[model][positions]") {
  for (const char* text : {"a", "\u6771\u4eac\u90fd", "Ships sail on the \u6d77.", "\U0001F6A2"})
    for (const size_t dim : {1, 64, 256}) {
      CAPTURE(text, dim);
      CHECK(is_unit(in_order(text, dim)));
    }
  CHECK(in_order("\u6771\u4eac\u90fd") != in_order("\u90fd\u4eac\u6771"));
  for (const char* text : {"", " ", "...", "\xff\xfe"}) CHECK(in_order(text).empty());
}

TEST_CASE("in order, two million bytes are embedded in bounded time", "[model][positions]") {
  for (const std::string part : {"a", "word ", "\u6771", "\xff"}) {
    std::string text;
    while (text.size() < 2'000'000) text += part;
    const auto start = std::chrono::steady_clock::now();
    const Vector v = in_order(text);
    CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(30));
    CHECK((v.empty() || is_unit(v)));
  }
}
