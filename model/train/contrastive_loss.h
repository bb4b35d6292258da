// The loss of a batch of text pairs: each text is to find its partner among all partners of the
// batch, in both directions (symmetric InfoNCE with in-batch negatives: van den Oord, Li & Vinyals
// 2018; Radford et al. 2021), for each of several prefixes of the vectors (Matryoshka
// representation learning: Kusupati et al. 2022).
//
//   cos_ij = <a_i, b_j> / (|a_i| |b_j|)
//   loss = mean over sizes and i of -1/2 (log softmax_j(scale cos_ij)_i + log softmax_j(scale
//   cos_ji)_i)
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "model/train/batch_kernels.h"
#include "model/train/workers.h"

namespace kindred::model {

class ContrastiveLoss {
 public:
  // `sizes`: the prefixes, ascending multiples of 32; the last one is dim. `batch`: the most pairs
  // of a batch. `workers` are borrowed; their number does not change a bit of the results.
  ContrastiveLoss(std::vector<size_t> sizes, float scale, size_t batch, Workers& workers);

  size_t dim() const noexcept { return sizes_.back(); }

  // a and b are (n, dim), row-major, any length but zero for a row that counts. Returns the loss
  // and writes its gradients, (n, dim) too. REQUIRES: 1 <= n <= batch.
  double compute(std::span<const float> a, std::span<const float> b, size_t n,
                 std::span<float> gradient_a, std::span<float> gradient_b);

 private:
  struct Shape {
    size_t m, n, k;
  };
  void multiply_add(Block<const float> a, Block<const float> b, Block<float> c, Shape shape);
  void transpose(Block<const float> from, size_t rows, size_t columns, Block<float> to);
  void measure(size_t size);
  double softmax(const std::vector<float>& dots);
  void add_weights(const std::vector<float>& dots);
  void write_gradients(size_t begin, size_t end, std::span<float> gradient_a,
                       std::span<float> gradient_b);

  std::vector<size_t> sizes_;
  float scale_;
  const BatchKernels& kernels_;
  Workers& workers_;

  // Of the batch at hand. Rows of a matrix of pairs have padded_ columns, a multiple of 32; those
  // past n_ count nothing.
  size_t n_ = 0, padded_ = 0;
  std::span<const float> a_, b_;
  std::vector<float> transposed_b_;       // (dim, padded)
  std::vector<std::vector<float>> dots_;  // of each size, (n, padded)
  std::vector<float> exponentials_;       // of one size, (n, padded)
  std::vector<float> row_sums_, column_sums_;
  std::vector<float> inverse_a_, inverse_b_;  // 1 / length of one size's prefix
  std::vector<float> weights_;                // dloss / ddot of the sizes so far, (n, padded)
  std::vector<float> weights_transposed_;     // (padded, padded)
  std::vector<float> radial_a_,
      radial_b_;  // so much of a_i, b_j their gradients lose, sizes so far
  std::vector<std::vector<float>> packed_;  // of each worker
};

}  // namespace kindred::model
