// SPDX-License-Identifier: Apache-2.0
#include "model/train/contrastive_loss.h"

#include <algorithm>
#include <cassert>
#include <cmath>

namespace kindred::model {
namespace {

constexpr size_t kPanel = 32;
constexpr size_t kRowsOfPart = 144;  // of a product; the kernels take 6 or 8 at once

constexpr size_t padded(size_t n) {
  return (n + kPanel - 1) / kPanel * kPanel;
}

}  // namespace

ContrastiveLoss::ContrastiveLoss(std::vector<size_t> sizes, float scale, size_t batch,
                                 Workers& workers)
    : sizes_(std::move(sizes)),
      scale_(scale),
      kernels_(batch_kernels()),
      workers_(workers),
      dots_(sizes_.size()) {
  const size_t most = padded(batch);
  transposed_b_.resize(dim() * most);
  for (std::vector<float>& dots : dots_) dots.resize(batch * most);
  for (std::vector<float>* matrix : {&exponentials_, &weights_}) matrix->resize(batch * most);
  weights_transposed_.resize(most * most);
  for (std::vector<float>* row :
       {&inverse_a_, &inverse_b_, &row_sums_, &column_sums_, &radial_a_, &radial_b_})
    row->resize(most);
  packed_.resize(workers.size());
  for (std::vector<float>& packed : packed_) packed.resize(std::max(dim(), most) * kPanel);
}

void ContrastiveLoss::multiply_add(Block<const float> a, Block<const float> b, Block<float> c,
                                   Shape shape) {
  const size_t panels = shape.n / kPanel;
  const size_t parts = (shape.m + kRowsOfPart - 1) / kRowsOfPart;
  workers_.share(panels * parts, [&](size_t part, size_t worker) {
    const size_t row = part / panels * kRowsOfPart, column = part % panels * kPanel;
    kernels_.multiply_add({a.data + row * a.stride, a.stride}, {b.data + column, b.stride},
                          {c.data + row * c.stride + column, c.stride},
                          std::min(kRowsOfPart, shape.m - row), kPanel, shape.k,
                          packed_[worker].data());
  });
}

// to (columns, rows) = from (rows, columns).
void ContrastiveLoss::transpose(Block<const float> from, size_t rows, size_t columns,
                                Block<float> to) {
  constexpr size_t kTile = 16;
  workers_.share((rows + kTile - 1) / kTile, [&](size_t part, size_t) {
    const size_t i = part * kTile, end = std::min(i + kTile, rows);
    for (size_t j = 0; j < columns; j += kTile)
      for (size_t x = j; x < std::min(j + kTile, columns); ++x)
        for (size_t y = i; y < end; ++y)
          to.data[x * to.stride + y] = from.data[y * from.stride + x];
  });
}

double ContrastiveLoss::compute(std::span<const float> a, std::span<const float> b, size_t n,
                                std::span<float> gradient_a, std::span<float> gradient_b) {
  assert(n >= 1 && a.size() >= n * dim() && b.size() >= n * dim());
  n_ = n;
  padded_ = padded(n);
  a_ = a;
  b_ = b;
  for (size_t k = 0; k < dim(); ++k)
    std::fill_n(&transposed_b_[k * padded_ + n], padded_ - n, 0.0F);
  transpose({b.data(), dim()}, n, dim(), {transposed_b_.data(), padded_});
  size_t begin = 0;
  for (size_t s = 0; s < sizes_.size(); ++s) {
    if (s == 0)
      std::fill_n(dots_[s].data(), n * padded_, 0.0F);
    else
      std::copy_n(dots_[s - 1].data(), n * padded_, dots_[s].data());
    multiply_add({a.data() + begin, dim()}, {&transposed_b_[begin * padded_], padded_},
                 {dots_[s].data(), padded_}, {n, padded_, sizes_[s] - begin});
    begin = sizes_[s];
  }
  std::fill(weights_.begin(), weights_.end(), 0.0F);
  std::fill(radial_a_.begin(), radial_a_.end(), 0.0F);
  std::fill(radial_b_.begin(), radial_b_.end(), 0.0F);
  double loss = 0;
  for (size_t s = sizes_.size(); s-- > 0;) {
    measure(sizes_[s]);
    loss += softmax(dots_[s]);
    add_weights(dots_[s]);
    write_gradients(s == 0 ? 0 : sizes_[s - 1], sizes_[s], gradient_a, gradient_b);
  }
  return loss / static_cast<double>(sizes_.size());
}

void ContrastiveLoss::measure(size_t size) {
  const auto inverse_length = [&](std::span<const float> rows, size_t i) {
    const float square = kernels_.square_sum(&rows[i * dim()], size);
    return square > 0 ? 1 / std::sqrt(square) : 0.0F;
  };
  for (size_t i = 0; i < n_; ++i) {
    inverse_a_[i] = inverse_length(a_, i);
    inverse_b_[i] = inverse_length(b_, i);
  }
  std::fill_n(inverse_b_.data() + n_, padded_ - n_, 0.0F);
}

double ContrastiveLoss::softmax(const std::vector<float>& dots) {
  std::fill_n(column_sums_.data(), padded_, 0.0F);
  // A padded column is exp(-scale) in each row; it is taken off again.
  const auto columns_too_many = static_cast<float>(padded_ - n_);
  double loss = 0;
  for (size_t i = 0; i < n_; ++i) {
    float* row = &exponentials_[i * padded_];
    row_sums_[i] = kernels_.exponentials(&dots[i * padded_], inverse_b_.data(), inverse_a_[i],
                                         scale_, padded_, row, column_sums_.data());
    if (columns_too_many > 0) row_sums_[i] -= columns_too_many * row[padded_ - 1];
  }
  for (size_t i = 0; i < n_; ++i) {
    const double own = std::max(exponentials_[i * padded_ + i], 1e-30F);
    loss -= std::log(own / static_cast<double>(row_sums_[i])) / 2 +
            std::log(own / static_cast<double>(column_sums_[i])) / 2;
  }
  return loss / static_cast<double>(n_);
}

// dloss/dcos_ij = weight (p_ij + q_ij - 2 [i = j]), where p and q are the two softmaxes.
void ContrastiveLoss::add_weights(const std::vector<float>& dots) {
  for (size_t j = 0; j < padded_; ++j) column_sums_[j] = 1 / column_sums_[j];
  const float weight = scale_ / static_cast<float>(2 * n_ * sizes_.size());
  for (size_t i = 0; i < n_; ++i) {
    const float inverse = inverse_a_[i];
    const float along = kernels_.pair_weights(
        &exponentials_[i * padded_], &dots[i * padded_], inverse_b_.data(), column_sums_.data(),
        {1 / row_sums_[i], weight, inverse}, padded_, &weights_[i * padded_], radial_b_.data());
    const float own = 2 * weight * inverse * inverse_b_[i];
    const float own_along = own * dots[i * padded_ + i];
    weights_[i * padded_ + i] -= own;
    radial_a_[i] += (along - own_along) * inverse * inverse;
    radial_b_[i] -= own_along * inverse_b_[i] * inverse_b_[i];
  }
}

// Dimensions begin..end are in the sizes whose weights have been added so far.
void ContrastiveLoss::write_gradients(size_t begin, size_t end, std::span<float> gradient_a,
                                      std::span<float> gradient_b) {
  const auto write = [&](const std::vector<float>& weights, std::span<const float> own,
                         std::span<const float> other, const std::vector<float>& radial,
                         std::span<float> gradient) {
    for (size_t i = 0; i < n_; ++i)
      for (size_t k = i * dim() + begin; k < i * dim() + end; ++k)
        gradient[k] = -radial[i] * own[k];
    multiply_add({weights.data(), padded_}, {other.data() + begin, dim()},
                 {gradient.data() + begin, dim()}, {n_, end - begin, n_});
  };
  write(weights_, a_, b_, radial_a_, gradient_a);
  transpose({weights_.data(), padded_}, n_, n_, {weights_transposed_.data(), padded_});
  write(weights_transposed_, b_, a_, radial_b_, gradient_b);
}

}  // namespace kindred::model
