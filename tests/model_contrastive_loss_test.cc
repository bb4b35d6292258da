// The training loss and its gradients, against plain arithmetic and finite differences, on each
// instruction set.
// SPDX-License-Identifier: Apache-2.0
#include "model/train/contrastive_loss.h"

#include <cmath>
#include <vector>

#include "model/train/random.h"
#include "tests/support/catch.h"

using namespace kindred::model;

namespace {

using Values = std::vector<float>;

Values random_values(size_t count, uint64_t seed) {
  Random random(seed);
  Values values(count);
  for (float& value : values) value = random.normal();
  return values;
}

// The definition in contrastive_loss.h, word for word, in double.
double plain_loss(const Values& a, const Values& b, size_t n, size_t dim,
                  const std::vector<size_t>& sizes, double scale) {
  double loss = 0;
  for (const size_t size : sizes) {
    std::vector<double> e(n * n);
    for (size_t i = 0; i < n; ++i)
      for (size_t j = 0; j < n; ++j) {
        double ab = 0, aa = 0, bb = 0;
        for (size_t k = 0; k < size; ++k) {
          const double x = a[i * dim + k], y = b[j * dim + k];
          ab += x * y;
          aa += x * x;
          bb += y * y;
        }
        e[i * n + j] = std::exp(scale * ab / std::sqrt(aa * bb));
      }
    for (size_t i = 0; i < n; ++i) {
      double row = 0, column = 0;
      for (size_t j = 0; j < n; ++j) {
        row += e[i * n + j];
        column += e[j * n + i];
      }
      loss -= (std::log(e[i * n + i] / row) + std::log(e[i * n + i] / column)) / 2;
    }
  }
  return loss / static_cast<double>(n * sizes.size());
}

}  // namespace

TEST_CASE("the loss is that of its definition", "[model][train]") {
  const size_t n = GENERATE(1, 2, 31, 32, 45, 64);
  const std::vector<size_t> sizes = {32, 64, 128};
  const Values a = random_values(n * 128, 1), b = random_values(n * 128, 2);
  Values gradient_a(a.size()), gradient_b(b.size());
  Workers workers(2);
  ContrastiveLoss loss(sizes, 5, 64, workers);
  CHECK(loss.compute(a, b, n, gradient_a, gradient_b) ==
        Approx(plain_loss(a, b, n, 128, sizes, 5)).epsilon(1e-5).margin(1e-6));
}

TEST_CASE("gradients agree with finite differences of the definition", "[model][train]") {
  constexpr size_t n = 37, dim = 96;
  const std::vector<size_t> sizes = {32, 96};
  Values a = random_values(n * dim, 3), b = random_values(n * dim, 4);
  Values gradient_a(a.size()), gradient_b(b.size());
  Workers workers(2);
  ContrastiveLoss loss(sizes, 8, n, workers);
  loss.compute(a, b, n, gradient_a, gradient_b);
  const auto check = [&](Values& values, const Values& gradient, size_t at) {
    constexpr float kStep = 1e-3F;
    const float before = values[at];
    values[at] = before + kStep;
    const double above = plain_loss(a, b, n, dim, sizes, 8), x_above = values[at];
    values[at] = before - kStep;
    const double below = plain_loss(a, b, n, dim, sizes, 8), x_below = values[at];
    values[at] = before;
    CHECK(gradient[at] == Approx((above - below) / (x_above - x_below)).epsilon(1e-3).margin(2e-7));
  };
  for (size_t at = 0; at < n * dim; at += 61) {
    check(a, gradient_a, at);
    check(b, gradient_b, at);
  }
}

TEST_CASE("a text without tokens does no harm to the loss of the others", "[model][train]") {
  constexpr size_t n = 8, dim = 64;
  Values a = random_values(n * dim, 5), b = random_values(n * dim, 6);
  std::fill_n(a.begin() + 2 * dim, dim, 0.0F);
  Values gradient_a(a.size()), gradient_b(b.size());
  Workers workers(1);
  ContrastiveLoss loss({32, 64}, 20, n, workers);
  CHECK(std::isfinite(loss.compute(a, b, n, gradient_a, gradient_b)));
  for (const float value : gradient_a) REQUIRE(std::isfinite(value));
  for (const float value : gradient_b) REQUIRE(std::isfinite(value));
}

TEST_CASE("matrix products are right for every shape on every instruction set", "[model][train]") {
  for (const BatchKernels* kernels : runnable_batch_kernels())
    for (const size_t m : {1, 5, 8, 13, 24})
      for (const size_t k : {1, 7, 64}) {
        constexpr size_t n = 64;
        CAPTURE(kernels->name, m, k);
        const Values a = random_values(m * k, 7), b = random_values(k * n, 8);
        Values c = random_values(m * n, 9), packed(k * 32);
        const Values before = c;
        kernels->multiply_add({a.data(), k}, {b.data(), n}, {c.data(), n}, m, n, k, packed.data());
        for (size_t i = 0; i < m; ++i)
          for (size_t j = 0; j < n; ++j) {
            double expected = before[i * n + j];
            for (size_t p = 0; p < k; ++p)
              expected += static_cast<double>(a[i * k + p]) * b[p * n + j];
            REQUIRE(c[i * n + j] == Approx(expected).margin(1e-4));
          }
      }
}

TEST_CASE("rows are summed by their numbers on every instruction set", "[model][train]") {
  for (const BatchKernels* kernels : runnable_batch_kernels())
    for (const size_t n : {16, 64, 80, 320}) {
      CAPTURE(kernels->name, n);
      const Values rows = random_values(9 * n, 4);
      Values sum(n, 7.0F);
      const std::vector<uint32_t> numbers = {3, 8, 3, 0};
      kernels->sum_rows(rows.data(), numbers, n, sum.data());
      for (size_t i = 0; i < n; ++i)
        REQUIRE(sum[i] == ((rows[3 * n + i] + rows[8 * n + i]) + rows[3 * n + i]) + rows[i]);
      kernels->sum_rows(rows.data(), {}, n, sum.data());
      CHECK(sum == Values(n));
    }
}

TEST_CASE("instruction sets with fused multiply-add agree to the bit", "[model][train]") {
  std::vector<Values> results;
  for (const BatchKernels* kernels : runnable_batch_kernels()) {
    if (std::string_view(kernels->name) == "baseline") continue;
    constexpr size_t m = 21, n = 96, k = 64;
    const Values a = random_values(m * k, 1), b = random_values(k * n, 2);
    Values c(m * n), packed(k * 32), columns(n), factors(n, 0.05F), radials(n), weights(n);
    kernels->multiply_add({a.data(), k}, {b.data(), n}, {c.data(), n}, m, n, k, packed.data());
    Values e(n);
    c.push_back(
        kernels->exponentials(c.data(), factors.data(), 0.1F, 20, n, e.data(), columns.data()));
    c.push_back(kernels->pair_weights(e.data(), c.data(), factors.data(), columns.data(),
                                      {0.3F, 0.1F, 0.2F}, n, weights.data(), radials.data()));
    c.push_back(kernels->square_sum(b.data(), n));
    Values mean(n), square(n), row(n, 1.0F);
    for (int i = 0; i < 3; ++i)
      kernels->adam(row.data(), mean.data(), square.data(), b.data(), n,
                    {0.1F, 0.9F, 0.999F, 1e-8F});
    for (const Values* more : {&e, &columns, &weights, &radials, &mean, &square, &row})
      c.insert(c.end(), more->begin(), more->end());
    results.push_back(c);
  }
  for (const Values& result : results) CHECK(result == results.front());
}
