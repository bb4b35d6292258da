// SPDX-License-Identifier: Apache-2.0
#include "storage/row_codes.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "math/aligned.h"
#include "math/kernels.h"
#include "math/metric.h"
#include "math/quantize.h"

namespace kindred::storage {
bool has_codes(const VectorSpec& spec) noexcept {
  return spec.element == math::Element::kFloat32 && spec.metric != math::Metric::kL1 &&
         spec.quantization == Quantization::kInt8;
}

VectorSpec without_codes(VectorSpec spec) noexcept {
  spec.quantization = Quantization::kNone;
  return spec;
}

size_t exact_stride(const VectorSpec& spec) noexcept {
  return math::aligned_stride(spec.bytes());
}

size_t code_stride(const VectorSpec& spec) noexcept {
  return has_codes(spec) ? math::aligned_stride(spec.code_dim()) : 0;
}

bool is_codable(const float* v, size_t dim, float norm_squared) noexcept {
  if (norm_squared == 0) return math::active().max_abs(v, dim) == 0;
  return math::is_exact_enough(norm_squared);
}

RowNumbers RowEncoder::encode(const std::byte* exact, int8_t* codes) {
  if (spec_.element == math::Element::kInt8) {
    const math::Kernels& kernels = math::active();
    const auto* v = reinterpret_cast<const int8_t*>(exact);
    const int32_t sum = kernels.sum_i8(v, spec_.dim);
    RowNumbers numbers;
    numbers.norm_squared = static_cast<float>(kernels.dot_i8(v, sum, v, spec_.dim));
    return numbers;
  }
  if (spec_.element != math::Element::kFloat32 || spec_.metric == math::Metric::kL1) return {};
  return encode_floats(reinterpret_cast<const float*>(exact), codes);
}

RowNumbers RowEncoder::encode_floats(const float* v, int8_t* codes) {
  RowNumbers numbers;
  numbers.norm_squared = math::active().dot(v, v, spec_.dim);
  const bool codable = is_codable(v, spec_.dim, numbers.norm_squared);
  if (has_codes(spec_)) {
    const bool has_direction = codable && numbers.norm_squared > 0;
    const float inverse = has_direction ? 1.0F / std::sqrt(numbers.norm_squared) : 0.0F;
    make_codes(spec_.metric == math::Metric::kCosine ? scaled(v, inverse) : v, codes, numbers);
  }
  if (!codable) {
    numbers.residual_norm = std::numeric_limits<float>::infinity();
    numbers.norm_squared = std::max(numbers.norm_squared, math::kLeastSum);
  }
  return numbers;
}

const float* RowEncoder::scaled(const float* v, float factor) {
  unit_.resize(spec_.dim);
  for (size_t d = 0; d < spec_.dim; ++d) unit_[d] = v[d] * factor;
  return unit_.data();
}

void RowEncoder::make_codes(const float* v, int8_t* codes, RowNumbers& numbers) const {
  const size_t coded = spec_.code_dim();
  const math::Codes made = math::quantize_i8(v, coded, codes, code_stride(spec_));
  numbers.scale = made.scale;
  numbers.code_norm = made.code_norm;
  numbers.residual_norm = made.residual_norm;
  numbers.suffix_norm = math::norm_above(v + coded, spec_.dim - coded);
}

}  // namespace kindred::storage
