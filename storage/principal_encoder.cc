// SPDX-License-Identifier: Apache-2.0
#include "storage/principal_encoder.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "math/kernels.h"
#include "math/principal_axes.h"
#include "math/quantize.h"

namespace kindred::storage {
namespace {

constexpr size_t kSampled = 2048;

// Some of the rows, as their codes express them.
std::vector<float> sample_of(const CodedRows& rows, size_t dim) {
  const size_t count = std::min(rows.count, kSampled);
  std::vector<float> sample(count * dim);
  for (size_t i = 0; i < count; ++i) {
    const size_t row = i * rows.count / count;
    for (size_t d = 0; d < dim; ++d)
      sample[i * dim + d] = rows.numbers[row].scale * static_cast<float>(rows.code(row)[d]);
  }
  return sample;
}

std::vector<float> mean_of(const std::vector<float>& rows, size_t dim) {
  std::vector<float> mean(dim);
  const auto count = static_cast<float>(rows.size() / dim);
  for (size_t i = 0; i < rows.size(); ++i) mean[i % dim] += rows[i] / count;
  return mean;
}

}  // namespace

PrincipalEncoder::PrincipalEncoder(const CodedRows& rows, size_t dim, size_t code_bytes,
                                   uint64_t seed)
    : code_bytes_(code_bytes), stride_(rows.stride) {
  std::vector<float> sample = sample_of(rows, dim);
  const std::vector<float> mean = mean_of(sample, dim);
  for (size_t i = 0; i < sample.size(); ++i) sample[i] -= mean[i % dim];
  const size_t count = std::min(dim, axes_of_code(code_bytes));
  const std::vector<float> axes = math::principal_axes(sample, dim, count, seed);
  for (size_t a = 0; a < count; ++a)
    centre_.push_back(std::inner_product(mean.begin(), mean.end(), axes.data() + a * dim, 0.0F));
  keep(axes, dim);
}

// As a graph file has them; those that there are not are zeros.
void PrincipalEncoder::keep(const std::vector<float>& axes, size_t dim) {
  const math::Kernels& kernels = math::active();
  const size_t bytes = PrincipalAxes(nullptr, code_bytes_, stride_).section_bytes();
  section_ = math::make_aligned(bytes);
  std::memset(section_.get(), 0, bytes);
  constexpr float kLargestCode = 127;
  const float scale = kernels.max_abs(axes.data(), axes.size()) / kLargestCode;
  std::memcpy(section_.get(), &scale, sizeof scale);
  auto* const numbers = reinterpret_cast<int8_t*>(section_.get() + kAxesHead);
  for (size_t a = 0; a < axes.size() / dim; ++a)
    kernels.encode_i8(axes.data() + a * dim, dim, scale, numbers + a * stride_);
}

PrincipalAxes PrincipalEncoder::axes() const noexcept {
  return {section_.get(), code_bytes_, stride_};
}

math::AlignedBytes PrincipalEncoder::codes(const CodedRows& rows) const {
  math::AlignedBytes codes = math::make_aligned(rows.count * code_bytes_);
  const PrincipalAxes axes = this->axes();
  std::vector<float> along(axes.count());
  for (size_t row = 0; row < rows.count; ++row) {
    NodeNumbers numbers = rows.numbers[row];
    axes.along(rows.code(row), along.data());
    for (size_t a = 0; a < centre_.size(); ++a) along[a] = numbers.scale * along[a] - centre_[a];
    std::byte* const to = codes.get() + row * code_bytes_;
    auto* const packed = reinterpret_cast<int8_t*>(to + sizeof numbers);
    numbers.scale = math::quantize_u4(along.data(), centre_.size(), packed, axes.count() / 2).scale;
    std::memcpy(to, &numbers, sizeof numbers);
  }
  return codes;
}

}  // namespace kindred::storage
