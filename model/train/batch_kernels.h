// The arithmetic of a training batch for one instruction set, chosen at run time. Each kernel is
// written once, over vectors of 16 floats, and every element of a result is summed in one order, so
// that all instruction sets with fused multiply-add give the same bits.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace kindred::model {

// A part of a row-major matrix: rows are `stride` elements apart.
template <class Float>
struct Block {
  Float* data;
  size_t stride;
};

struct AdamStep {
  float rate;  // with the correction for the zeros that the moments start from
  float beta1, beta2, epsilon;
};

// What is the same for all pairs of one row: text a_i against every b_j.
struct RowFactors {
  float inverse_sum;     // 1 / sum of the row's exponentials
  float weight;          // of a pair in the loss, times the scale
  float inverse_length;  // 1 / |a_i|
};

struct BatchKernels {
  const char* name;  // "avx512", "avx2" or "baseline"

  // c (m, n) += a (m, k) * b (k, n). `packed` is room for k * 32 floats.
  // REQUIRES: n is a multiple of 32.
  void (*multiply_add)(Block<const float> a, Block<const float> b, Block<float> c, size_t m,
                       size_t n, size_t k, float* packed) noexcept;
  // out[j] = exp(scale * (dots[j] * factor * factors[j] - 1)); returns the sum and adds out to
  // column_sums. REQUIRES: n is a multiple of 16.
  float (*exponentials)(const float* dots, const float* factors, float factor, float scale,
                        size_t n, float* out, float* column_sums) noexcept;
  // With d_j = weight * e_j * (inverse_sum + inverse_column_sums[j]), what the loss gains by cos_ij
  // but for i = j, adds w_j = d_j * inverse_length * inverse_lengths[j] to weights, and
  // w_j * dots[j] * inverse_lengths[j]^2 to radials; returns the sum of w_j * dots[j].
  // REQUIRES: n is a multiple of 16.
  float (*pair_weights)(const float* e, const float* dots, const float* inverse_lengths,
                        const float* inverse_column_sums, const RowFactors& row, size_t n,
                        float* weights, float* radials) noexcept;
  // One step of Adam (Kingma & Ba 2015) on a row. REQUIRES: n is a multiple of 16.
  void (*adam)(float* row, float* mean, float* square, const float* gradient, size_t n,
               const AdamStep& step) noexcept;
  // out = the sum of the rows of these numbers, in their order, where a row is n floats.
  // REQUIRES: n is a multiple of 16.
  void (*sum_rows)(const float* rows, std::span<const uint32_t> numbers, size_t n,
                   float* out) noexcept;
  // The sum of squares. (math/kernels sums in an order of the instruction set's own.)
  // REQUIRES: n is a multiple of 16.
  float (*square_sum)(const float* a, size_t n) noexcept;
};

// Every set that this CPU can run, best first.
std::span<const BatchKernels* const> runnable_batch_kernels() noexcept;

// The first of them.
const BatchKernels& batch_kernels() noexcept;

}  // namespace kindred::model
