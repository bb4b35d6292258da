// SPDX-License-Identifier: Apache-2.0
#include "storage/building/principal_encoder.h"

#include <algorithm>
#include <cstring>
#include <limits>

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

// By what a 4-bit code is multiplied so that its dot product with the vector that it is of is that
// of the vector with itself. Nearly its step, which is taken where it is not.
float right_about_itself(const float* v, size_t dim, const int8_t* code, size_t bytes,
                         float step) noexcept {
  double squared = 0;
  double by_code = 0;
  for (size_t i = 0; i < dim; ++i) {
    const auto byte = static_cast<uint8_t>(code[i % bytes]);
    const int number = i < bytes ? byte & 15 : byte >> 4;
    squared += static_cast<double>(v[i]) * v[i];
    by_code += v[i] * (number - 7.5);
  }
  const double scale = squared / by_code;
  return scale > 0.5 * step && scale < 2.0 * step ? static_cast<float>(scale) : step;
}

}  // namespace

PrincipalEncoder::PrincipalEncoder(const CodedRows& rows, size_t dim, size_t code_bytes,
                                   uint64_t seed)
    : code_bytes_(code_bytes),
      stride_(rows.stride),
      section_(math::make_aligned(PrincipalAxes(nullptr, code_bytes, stride_).section_bytes())),
      centre_codes_(math::make_aligned(stride_)) {
  std::vector<float> sample = sample_of(rows, dim);
  keep_centre(mean_of(sample, dim));
  const auto* const centre = reinterpret_cast<const int8_t*>(centre_codes_.get());
  for (size_t i = 0; i < sample.size(); ++i)
    sample[i] -= centre_scale_ * static_cast<float>(centre[i % dim]);
  count_ = std::min(dim, axes_of_code(code_bytes));
  keep_axes(math::principal_axes(sample, dim, count_, seed), dim);
}

// Any point would do that is among the rows.
void PrincipalEncoder::keep_centre(const std::vector<float>& mean) {
  auto* const codes = reinterpret_cast<int8_t*>(centre_codes_.get());
  std::memset(codes, 0, stride_);
  if (math::active().max_abs(mean.data(), mean.size()) < std::numeric_limits<float>::max())
    centre_scale_ = math::quantize_i8(mean.data(), mean.size(), codes, stride_).scale;
}

// As a graph file has them, and the centre along them; axes beyond the dimensions are zeros.
void PrincipalEncoder::keep_axes(const std::vector<float>& vectors, size_t dim) {
  const math::Kernels& kernels = math::active();
  std::memset(section_.get(), 0, axes().section_bytes());
  constexpr float kLargestCode = 127;
  const float scale = kernels.max_abs(vectors.data(), vectors.size()) / kLargestCode;
  std::memcpy(section_.get(), &scale, sizeof scale);
  auto* const codes = reinterpret_cast<int8_t*>(section_.get() + axes().axes_at());
  for (size_t a = 0; a < count_; ++a)
    kernels.encode_i8(vectors.data() + a * dim, dim, scale, codes + a * stride_);
  std::vector<float> centre(axes().count());
  axes().along(reinterpret_cast<const int8_t*>(centre_codes_.get()), centre_scale_, centre.data());
  std::memcpy(section_.get() + kAxesHead, centre.data(), centre.size() * sizeof(float));
}

PrincipalAxes PrincipalEncoder::axes() const noexcept {
  return {section_.get(), code_bytes_, stride_};
}

// The dot product of the centre and a vector.
float PrincipalEncoder::dot_of_centre(const int8_t* codes, float scale) const {
  const auto* const centre = reinterpret_cast<const int8_t*>(centre_codes_.get());
  const math::Kernels& kernels = math::active();
  const int32_t dot = kernels.dot_codes(centre, kernels.sum_i8(centre, stride_), codes, stride_);
  return centre_scale_ * scale * static_cast<float>(dot);
}

math::AlignedBytes PrincipalEncoder::codes(const CodedRows& rows) const {
  math::AlignedBytes codes = math::make_aligned(rows.count * code_bytes_);
  std::vector<float> values(axes().count());
  for (size_t row = 0; row < rows.count; ++row) {
    const NodeNumbers& of_row = rows.numbers[row];
    axes().along(rows.code(row), of_row.scale, values.data());
    std::byte* const to = codes.get() + row * code_bytes_;
    auto* const packed = reinterpret_cast<int8_t*>(to + sizeof(NodeNumbers));
    const size_t bytes = values.size() / 2;
    const float scale = math::quantize_u4(values.data(), count_, packed, bytes).scale;
    const NodeNumbers numbers = {
        right_about_itself(values.data(), count_, packed, bytes, scale),
        of_row.bias - times_of(rows.metric) * dot_of_centre(rows.code(row), of_row.scale)};
    std::memcpy(to, &numbers, sizeof numbers);
  }
  return codes;
}

// With c the centre, <x, y> = <x - c, y - c> + <c, x> + <c, y> - |c|^2. Under l2, whose bias is the
// squared norm, that of |x - c|^2 comes of it.
ProjectedRows PrincipalEncoder::project(const CodedRows& rows) const {
  const auto* const centre = reinterpret_cast<const int8_t*>(centre_codes_.get());
  const float centre_squared = dot_of_centre(centre, centre_scale_);
  const float times = times_of(rows.metric);
  const size_t stride = projected_stride();
  ProjectedRows made{rows, math::make_aligned(rows.count * stride)};
  made.rows.is_centred = true;
  made.rows.codes = reinterpret_cast<const int8_t*>(made.codes.get());
  made.rows.stride = stride;
  std::vector<float> values(axes().count());
  for (size_t row = 0; row < rows.count; ++row) {
    axes().along(rows.code(row), rows.numbers[row].scale, values.data());
    auto* const code = reinterpret_cast<int8_t*>(made.codes.get() + row * stride);
    NodeNumbers& numbers = made.rows.numbers[row];
    numbers.bias += times * (0.5F * centre_squared - dot_of_centre(rows.code(row), numbers.scale));
    numbers.scale = 0;
    std::memset(code, 0, stride);
    if (math::active().max_abs(values.data(), count_) < std::numeric_limits<float>::max())
      numbers.scale = math::quantize_i8(values.data(), count_, code, stride).scale;
  }
  return made;
}

}  // namespace kindred::storage
