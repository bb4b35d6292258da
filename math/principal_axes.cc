// SPDX-License-Identifier: Apache-2.0
#include "math/principal_axes.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>

#include "math/kernels.h"

namespace kindred::math {
namespace {

// More of them change what the axes hold of rows by less than a hundredth.
constexpr int kIterations = 3;

// Of one instruction set, so that axes are the same by all.
const Kernels& kernels() noexcept {
  return *runnable().back();
}

// Row-major.
struct Matrix {
  size_t rows = 0;
  size_t columns = 0;
  std::vector<float> numbers;

  Matrix(size_t r, size_t c) : rows(r), columns(c), numbers(r * c) {}
  float* row(size_t i) noexcept { return numbers.data() + i * columns; }
  const float* row(size_t i) const noexcept { return numbers.data() + i * columns; }
};

Matrix transposed(const Matrix& a) {
  Matrix result(a.columns, a.rows);
  for (size_t i = 0; i < a.rows; ++i)
    for (size_t j = 0; j < a.columns; ++j) result.row(j)[i] = a.row(i)[j];
  return result;
}

// A times the transpose of B. REQUIRES: as many columns.
Matrix product(const Matrix& a, const Matrix& b) {
  Matrix result(a.rows, b.rows);
  constexpr size_t kAtOnce = 4;
  for (size_t j = 0; j < b.rows; j += kAtOnce) {
    const float* four[kAtOnce];
    for (size_t l = 0; l < kAtOnce; ++l) four[l] = b.row(std::min(j + l, b.rows - 1));
    for (size_t i = 0; i < a.rows; ++i) {
      float dots[kAtOnce];
      kernels().dot_x4(a.row(i), four, a.columns, dots);
      std::memcpy(result.row(i) + j, dots, std::min(kAtOnce, b.rows - j) * sizeof(float));
    }
  }
  return result;
}

Matrix random_matrix(size_t rows, size_t columns, std::mt19937_64& random) {
  Matrix result(rows, columns);
  constexpr double kUnit = 0x1p-53;
  constexpr double kTwoPi = 6.283185307179586;
  // Normally distributed (Box & Muller 1958); std::normal_distribution differs between libraries.
  for (float& x : result.numbers) {
    const double radius = std::sqrt(-2 * std::log((static_cast<double>(random() >> 11) + 1) * kUnit));
    const double angle = kTwoPi * static_cast<double>(random() >> 11) * kUnit;
    x = static_cast<float>(radius * std::cos(angle));
  }
  return result;
}

// Makes rows orthonormal (Gram & Schmidt, modified), twice for precision. One that depends on those
// before is drawn anew.
void orthonormalize(Matrix& a, std::mt19937_64& random) {
  constexpr float kLeastLeft = 1e-5F;
  for (size_t i = 0; i < a.rows; ++i) {
    float* const row = a.row(i);
    for (;;) {
      const float before = std::sqrt(kernels().dot(row, row, a.columns));
      for (int twice = 0; twice < 2; ++twice)
        for (size_t j = 0; j < i; ++j) {
          const float* const other = a.row(j);
          const float dot = kernels().dot(row, other, a.columns);
          for (size_t d = 0; d < a.columns; ++d) row[d] -= dot * other[d];
        }
      const float left = std::sqrt(kernels().dot(row, row, a.columns));
      if (left > kLeastLeft * before && std::isfinite(1 / left)) {
        for (size_t d = 0; d < a.columns; ++d) row[d] /= left;
        break;
      }
      const Matrix drawn = random_matrix(1, a.columns, random);
      std::copy(drawn.numbers.begin(), drawn.numbers.end(), row);
    }
  }
}

}  // namespace

std::vector<float> principal_axes(const std::vector<float>& rows, size_t dim, size_t axes,
                                  uint64_t seed) {
  Matrix x(rows.size() / dim, dim);
  x.numbers = rows;
  const Matrix by_column = transposed(x);
  std::mt19937_64 random(seed);
  Matrix basis = random_matrix(axes, dim, random);
  orthonormalize(basis, random);
  for (int i = 0; i < kIterations && axes < dim; ++i) {
    basis = product(product(basis, x), by_column);
    orthonormalize(basis, random);
  }
  Matrix turn = random_matrix(axes, axes, random);
  orthonormalize(turn, random);
  return product(turn, transposed(basis)).numbers;
}

}  // namespace kindred::math
