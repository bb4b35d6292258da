// SPDX-License-Identifier: Apache-2.0
#include "model/train/batch_kernels.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>

#define KINDRED_INLINE inline __attribute__((always_inline))

namespace kindred::model {
namespace {

// Sums have 16 terms side by side on every instruction set. Vectors are as long as its registers
// are: of longer ones GCC 12 keeps the parts in memory, which costs a factor of ten.
constexpr size_t kLanes = 16;
constexpr size_t kPanel = 2 * kLanes;

template <size_t lanes>
struct Vectors {
  typedef float Floats __attribute__((vector_size(lanes * sizeof(float))));
  typedef int32_t Integers __attribute__((vector_size(lanes * sizeof(int32_t))));
};
template <size_t lanes>
using Floats = typename Vectors<lanes>::Floats;

template <class Vector>
KINDRED_INLINE void load(Vector& v, const float* from) {
  std::memcpy(&v, from, sizeof v);
}

template <class Vector>
KINDRED_INLINE void store(float* to, const Vector& v) {
  std::memcpy(to, &v, sizeof v);
}

// Of kLanes sums, in their order.
template <size_t lanes>
KINDRED_INLINE float total(const Floats<lanes> (&sums)[kLanes / lanes]) {
  float sum = 0;
#pragma GCC unroll 16
  for (size_t lane = 0; lane < kLanes; ++lane) sum += sums[lane / lanes][lane % lanes];
  return sum;
}

// `rows` rows of c's panel, `vectors` vectors of it.
template <size_t lanes, size_t rows, size_t vectors>
KINDRED_INLINE void multiply_tile(Block<const float> a, const float* packed, Block<float> c,
                                  size_t k) {
  Floats<lanes> sums[rows][vectors];
#pragma GCC unroll 16
  for (size_t i = 0; i < rows; ++i)
#pragma GCC unroll 16
    for (size_t v = 0; v < vectors; ++v) load(sums[i][v], c.data + i * c.stride + v * lanes);
  for (size_t p = 0; p < k; ++p) {
    Floats<lanes> b[vectors];
#pragma GCC unroll 16
    for (size_t v = 0; v < vectors; ++v) load(b[v], packed + p * kPanel + v * lanes);
#pragma GCC unroll 16
    for (size_t i = 0; i < rows; ++i) {
      const float factor = a.data[i * a.stride + p];
#pragma GCC unroll 16
      for (size_t v = 0; v < vectors; ++v) sums[i][v] += factor * b[v];
    }
  }
#pragma GCC unroll 16
  for (size_t i = 0; i < rows; ++i)
#pragma GCC unroll 16
    for (size_t v = 0; v < vectors; ++v) store(c.data + i * c.stride + v * lanes, sums[i][v]);
}

// A panel of b is copied together first: its rows lie pages apart.
template <size_t lanes, size_t rows, size_t vectors>
KINDRED_INLINE void multiply_add(Block<const float> a, Block<const float> b, Block<float> c,
                                 size_t m, size_t n, size_t k, float* packed) {
  constexpr size_t kWidth = vectors * lanes;
  for (size_t column = 0; column < n; column += kPanel) {
    for (size_t p = 0; p < k; ++p)
      std::memcpy(packed + p * kPanel, b.data + p * b.stride + column, kPanel * sizeof(float));
    size_t i = 0;
    for (; i + rows <= m; i += rows)
      for (size_t j = 0; j < kPanel; j += kWidth)
        multiply_tile<lanes, rows, vectors>({a.data + i * a.stride, a.stride}, packed + j,
                                            {c.data + i * c.stride + column + j, c.stride}, k);
    for (; i < m; ++i)
      for (size_t j = 0; j < kPanel; j += kWidth)
        multiply_tile<lanes, 1, vectors>({a.data + i * a.stride, a.stride}, packed + j,
                                         {c.data + i * c.stride + column + j, c.stride}, k);
  }
}

// e^x for x in [-87, 87] with a relative error below 1e-6: 2^n times a polynomial of the rest, that
// of Cephes (Moshier 1989).
template <size_t lanes>
KINDRED_INLINE void exponential(Floats<lanes>& x) {
  using Vector = Floats<lanes>;
  using Integers = typename Vectors<lanes>::Integers;
  x = x < -87.0F ? Vector{} - 87.0F : x;
  const Vector scaled = x * 1.44269504F;
  const Vector shifted = scaled + 12582912.0F;  // 1.5 * 2^23 rounds to an integer
  const Vector whole = shifted - 12582912.0F;
  const Vector rest = (x - whole * 0.693359375F) + whole * 2.12194440e-4F;
  Vector p = rest * 1.9875691500e-4F + 1.3981999507e-3F;
  p = p * rest + 8.3334519073e-3F;
  p = p * rest + 4.1665795894e-2F;
  p = p * rest + 1.6666665459e-1F;
  p = p * rest + 5.0000001201e-1F;
  p = p * rest * rest + rest + 1.0F;
  Integers bits;
  std::memcpy(&bits, &shifted, sizeof bits);
  const Integers power = (bits - 0x4B400000 + 127) << 23;
  Vector factor;
  std::memcpy(&factor, &power, sizeof factor);
  x = p * factor;
}

template <size_t lanes>
KINDRED_INLINE float exponentials(const float* dots, const float* factors, float factor,
                                  float scale, size_t n, float* out, float* column_sums) {
  Floats<lanes> sums[kLanes / lanes] = {};
  for (size_t j = 0; j < n;)
#pragma GCC unroll 16
    for (Floats<lanes>& part : sums) {
      Floats<lanes> x, f, column;
      load(x, dots + j);
      load(f, factors + j);
      load(column, column_sums + j);
      x = (x * (f * factor) - 1.0F) * scale;
      exponential<lanes>(x);
      store(out + j, x);
      store(column_sums + j, column + x);
      part += x;
      j += lanes;
    }
  return total<lanes>(sums);
}

template <size_t lanes>
KINDRED_INLINE float pair_weights(const float* e, const float* dots, const float* inverse_lengths,
                                  const float* inverse_column_sums, const RowFactors& row, size_t n,
                                  float* weights, float* radials) {
  Floats<lanes> sums[kLanes / lanes] = {};
  const float factor = row.weight * row.inverse_length;
  for (size_t j = 0; j < n;)
#pragma GCC unroll 16
    for (Floats<lanes>& part : sums) {
      Floats<lanes> x, dot, inverse_length, inverse_column, weight, radial;
      load(x, e + j);
      load(dot, dots + j);
      load(inverse_length, inverse_lengths + j);
      load(inverse_column, inverse_column_sums + j);
      load(weight, weights + j);
      load(radial, radials + j);
      const Floats<lanes> own = x * (inverse_column + row.inverse_sum) * (inverse_length * factor);
      const Floats<lanes> along = own * dot;
      store(weights + j, weight + own);
      store(radials + j, radial + along * inverse_length * inverse_length);
      part += along;
      j += lanes;
    }
  return total<lanes>(sums);
}

KINDRED_INLINE void adam(float* __restrict row, float* __restrict mean, float* __restrict square,
                         const float* __restrict gradient, size_t n, const AdamStep& step) {
  const float rest1 = 1 - step.beta1, rest2 = 1 - step.beta2;
  for (size_t i = 0; i < n; ++i) {
    const float g = gradient[i];
    mean[i] = step.beta1 * mean[i] + rest1 * g;
    square[i] = step.beta2 * square[i] + rest2 * (g * g);
    row[i] -= step.rate * mean[i] / (__builtin_sqrtf(square[i]) + step.epsilon);
  }
}

// `vectors` vectors of each row from `column` on.
template <size_t lanes, size_t vectors>
KINDRED_INLINE void sum_columns(const float* rows, std::span<const uint32_t> numbers, size_t n,
                                size_t column, float* out) {
  Floats<lanes> sums[vectors] = {};
  for (const uint32_t number : numbers) {
    const float* row = rows + size_t{number} * n + column;
#pragma GCC unroll 16
    for (size_t v = 0; v < vectors; ++v) {
      Floats<lanes> more;
      load(more, row + v * lanes);
      sums[v] += more;
    }
  }
#pragma GCC unroll 16
  for (size_t v = 0; v < vectors; ++v) store(out + column + v * lanes, sums[v]);
}

template <size_t lanes, size_t vectors>
KINDRED_INLINE void sum_rows(const float* rows, std::span<const uint32_t> numbers, size_t n,
                             float* out) {
  size_t column = 0;
  for (; column + vectors * lanes <= n; column += vectors * lanes)
    sum_columns<lanes, vectors>(rows, numbers, n, column, out);
  for (; column < n; column += lanes) sum_columns<lanes, 1>(rows, numbers, n, column, out);
}

template <size_t lanes>
KINDRED_INLINE float square_sum(const float* a, size_t n) {
  Floats<lanes> sums[kLanes / lanes] = {};
  for (size_t i = 0; i < n;)
#pragma GCC unroll 16
    for (Floats<lanes>& part : sums) {
      Floats<lanes> x;
      load(x, a + i);
      part += x * x;
      i += lanes;
    }
  return total<lanes>(sums);
}

// The kernels as functions of one instruction set.
#define KINDRED_KERNELS(isa, attribute, lanes, rows, vectors, columns)                           \
  attribute void multiply_add_##isa(Block<const float> a, Block<const float> b, Block<float> c,  \
                                    size_t m, size_t n, size_t k, float* packed) noexcept {      \
    multiply_add<lanes, rows, vectors>(a, b, c, m, n, k, packed);                                \
  }                                                                                              \
  attribute float exponentials_##isa(const float* dots, const float* factors, float factor,      \
                                     float scale, size_t n, float* out,                          \
                                     float* column_sums) noexcept {                              \
    return exponentials<lanes>(dots, factors, factor, scale, n, out, column_sums);               \
  }                                                                                              \
  attribute float pair_weights_##isa(const float* e, const float* dots,                          \
                                     const float* inverse_lengths,                               \
                                     const float* inverse_column_sums, const RowFactors& row,    \
                                     size_t n, float* weights, float* radials) noexcept {        \
    return pair_weights<lanes>(e, dots, inverse_lengths, inverse_column_sums, row, n, weights,   \
                               radials);                                                         \
  }                                                                                              \
  attribute void adam_##isa(float* row, float* mean, float* square, const float* gradient,       \
                            size_t n, const AdamStep& step) noexcept {                           \
    adam(row, mean, square, gradient, n, step);                                                  \
  }                                                                                              \
  attribute void sum_rows_##isa(const float* table, std::span<const uint32_t> numbers, size_t n, \
                                float* out) noexcept {                                           \
    sum_rows<lanes, columns>(table, numbers, n, out);                                            \
  }                                                                                              \
  attribute float square_sum_##isa(const float* a, size_t n) noexcept {                          \
    return square_sum<lanes>(a, n);                                                              \
  }                                                                                              \
  constexpr BatchKernels kKernels_##isa = {                                                      \
      #isa,       multiply_add_##isa, exponentials_##isa, pair_weights_##isa,                    \
      adam_##isa, sum_rows_##isa,     square_sum_##isa};

// Registers of each: 16 of 4 floats, 16 of 8, 32 of 16.
KINDRED_KERNELS(baseline, , 4, 2, 4, 8)
#ifdef __x86_64__
KINDRED_KERNELS(avx2, __attribute__((target("avx2,fma"))), 8, 6, 2, 8)
KINDRED_KERNELS(avx512, __attribute__((target("avx512f,fma"))), 16, 8, 2, 16)
#endif

}  // namespace

std::span<const BatchKernels* const> runnable_batch_kernels() noexcept {
  static constexpr const BatchKernels* kAll[] = {
#ifdef __x86_64__
      &kKernels_avx512, &kKernels_avx2,
#endif
      &kKernels_baseline};
  size_t cannot_run = 0;
#ifdef __x86_64__
  if (!__builtin_cpu_supports("avx512f")) cannot_run = 1;
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) cannot_run = 2;
#endif
  return std::span(kAll).subspan(cannot_run);
}

const BatchKernels& batch_kernels() noexcept {
  return *runnable_batch_kernels().front();
}

}  // namespace kindred::model
