// SPDX-License-Identifier: Apache-2.0
#include "math/principal_axes.h"

#include <cmath>
#include <string>

#include "tests/support/catch.h"
#include "tests/support/vectors.h"

namespace kindred::test {
namespace {

using math::principal_axes;

double dot(const float* a, const float* b, size_t dim) {
  double sum = 0;
  for (size_t d = 0; d < dim; ++d) sum += static_cast<double>(a[d]) * b[d];
  return sum;
}

// What is off 1 and 0 in the products of the axes with each other.
double largest_error(const std::vector<float>& axes, size_t dim) {
  double largest = 0;
  const size_t count = axes.size() / dim;
  for (size_t i = 0; i < count; ++i)
    for (size_t j = 0; j < count; ++j) {
      const double product = dot(axes.data() + i * dim, axes.data() + j * dim, dim);
      largest = std::max(largest, std::abs(product - (i == j ? 1 : 0)));
    }
  return largest;
}

// Rows of `hidden` directions, the further ones shorter, and some noise in all.
std::vector<float> rows_of(size_t count, size_t dim, size_t hidden, float noise) {
  const std::vector<float> directions = random_floats(hidden * dim, 1);
  std::vector<float> rows = random_floats(count * dim, 2);
  for (float& x : rows) x *= noise;
  const std::vector<float> shares = random_floats(count * hidden, 3);
  for (size_t i = 0; i < count; ++i)
    for (size_t h = 0; h < hidden; ++h) {
      const float share = shares[i * hidden + h] / std::sqrt(static_cast<float>(h + 1));
      for (size_t d = 0; d < dim; ++d) rows[i * dim + d] += share * directions[h * dim + d];
    }
  return rows;
}

// Of the rows' squared lengths.
double share_along(const std::vector<float>& axes, const std::vector<float>& rows, size_t dim) {
  double along = 0;
  double all = 0;
  for (size_t i = 0; i < rows.size(); i += dim) {
    all += dot(rows.data() + i, rows.data() + i, dim);
    for (size_t a = 0; a < axes.size(); a += dim) {
      const double product = dot(rows.data() + i, axes.data() + a, dim);
      along += product * product;
    }
  }
  return along / all;
}

}  // namespace

TEST_CASE("principal axes hold what rows consist of, whichever way it lies", "[math][axes]") {
  const size_t dim = 96;
  const std::vector<float> rows = rows_of(500, dim, 12, 0.02F);
  const std::vector<float> axes = principal_axes(rows, dim, 12, 1);
  REQUIRE(axes.size() == 12 * dim);
  CHECK(largest_error(axes, dim) < 1e-5);
  CHECK(share_along(axes, rows, dim) > 0.999);
  const std::vector<float> fewer = principal_axes(rows, dim, 6, 1);
  CHECK(share_along(fewer, rows, dim) < share_along(axes, rows, dim));
  CHECK(share_along(fewer, rows, dim) > 0.6);
}

TEST_CASE("rows are spread alike along all principal axes", "[math][axes]") {
  const size_t dim = 96;
  const std::vector<float> rows = rows_of(500, dim, 12, 0.02F);
  const std::vector<float> axes = principal_axes(rows, dim, 12, 1);
  for (size_t a = 0; a < 12; ++a) {
    const std::vector<float> axis(axes.begin() + static_cast<ptrdiff_t>(a * dim),
                                  axes.begin() + static_cast<ptrdiff_t>((a + 1) * dim));
    CHECK(share_along(axis, rows, dim) < 3.0 / 12);
  }
}

TEST_CASE("as many axes as dimensions turn rows without loss", "[math][axes]") {
  const size_t dim = 20;
  const std::vector<float> rows = rows_of(50, dim, 20, 1);
  const std::vector<float> axes = principal_axes(rows, dim, dim, 7);
  CHECK(largest_error(axes, dim) < 1e-5);
  CHECK(std::abs(share_along(axes, rows, dim) - 1) < 1e-5);
}

TEST_CASE("axes are orthonormal although rows say nothing of most of them", "[math][axes]") {
  const size_t dim = 32;
  for (const char* what : {"zeros", "one row", "fewer rows than axes"}) {
    INFO(what);
    std::vector<float> rows(10 * dim);
    if (what == std::string("one row")) rows = random_floats(dim, 4);
    if (what == std::string("fewer rows than axes")) rows = random_floats(5 * dim, 5);
    const std::vector<float> axes = principal_axes(rows, dim, 16, 1);
    CHECK(largest_error(axes, dim) < 1e-5);
    if (rows[0] != 0) CHECK(share_along(axes, rows, dim) > 0.9999);
  }
}

TEST_CASE("the same rows and seed give the same axes, another seed others", "[math][axes]") {
  const std::vector<float> rows = rows_of(100, 32, 8, 0.1F);
  const std::vector<float> axes = principal_axes(rows, 32, 8, 1);
  CHECK(principal_axes(rows, 32, 8, 1) == axes);
  CHECK(principal_axes(rows, 32, 8, 2) != axes);
}

}  // namespace kindred::test
