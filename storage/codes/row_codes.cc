// SPDX-License-Identifier: Apache-2.0
#include "storage/codes/row_codes.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "math/aligned.h"
#include "math/kernels.h"
#include "math/metric.h"
#include "math/quantize.h"

namespace kindred::storage {
namespace {

// What bounds allow for errors of codes, a step times the length of a query like the rows, is to
// become so much less by a centre, at least, for it to be worth its bytes.
constexpr float kLess = 0.6F;
constexpr size_t kLeastSample = 32;
// A centre beyond that could overflow what it is taken from.
constexpr double kFarthestCentre = 1e18;

// v times the factor that scales it as its codes are; nothing comes of vectors without a direction.
void scale_as_codes(const VectorSpec& spec, const float* v, float norm_squared, bool codable,
                    std::vector<float>& out) {
  const bool has_direction = codable && norm_squared > 0;
  const float inverse = has_direction ? 1.0F / std::sqrt(norm_squared) : 0.0F;
  out.resize(spec.dim);
  std::transform(v, v + spec.dim, out.begin(), [inverse](float x) { return x * inverse; });
}

}  // namespace

bool has_codes(const VectorSpec& spec) noexcept {
  return spec.element == math::Element::kFloat32 && spec.metric != math::Metric::kL1 &&
         spec.quantization == Quantization::kInt8;
}

bool has_centre(const VectorSpec& spec) noexcept {
  return has_codes(spec) && spec.prefix == 0;
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

void subtract(const float* a, const float* b, size_t dim, float* out) noexcept {
  for (size_t i = 0; i < dim; ++i) out[i] = a[i] - b[i];
}

float bias_of(math::Metric metric, const float* apart, const float* centre, size_t dim) noexcept {
  if (metric == math::Metric::kDot) return static_cast<float>(-math::wide_dot(apart, centre, dim));
  const double squared = math::wide_dot(apart, apart, dim);
  return static_cast<float>(metric == math::Metric::kL2 ? squared : 0.5 * squared);
}

void RowCentre::add(const std::byte* exact) {
  const auto* v = reinterpret_cast<const float*>(exact);
  const float squared = math::active().dot(v, v, spec_.dim);
  if (squared == 0 || !is_codable(v, spec_.dim, squared)) return;
  if (spec_.metric != math::Metric::kCosine) {
    rows_.insert(rows_.end(), v, v + spec_.dim);
    return;
  }
  std::vector<float> unit;
  scale_as_codes(spec_, v, squared, true, unit);
  rows_.insert(rows_.end(), unit.begin(), unit.end());
}

std::vector<float> RowCentre::find() const {
  const size_t dim = spec_.dim;
  const size_t count = rows_.size() / dim;
  if (count < kLeastSample) return {};
  std::vector<double> sums(dim);
  for (size_t i = 0; i < rows_.size(); ++i) sums[i % dim] += rows_[i];
  std::vector<float> centre(code_stride(spec_));
  for (size_t i = 0; i < dim; ++i) {
    const double mean = sums[i] / static_cast<double>(count);
    if (!(std::abs(mean) < kFarthestCentre)) return {};
    centre[i] = static_cast<float>(mean);
  }
  const math::Kernels& kernels = math::active();
  std::vector<float> apart(dim);
  const auto error = [&](const float* v) {  // steps are of the largest element
    return double{kernels.max_abs(v, dim)} * math::norm_above(v, dim);
  };
  double before = 0;
  double after = 0;
  for (size_t row = 0; row < count; ++row) {
    subtract(&rows_[row * dim], centre.data(), dim, apart.data());
    before += error(&rows_[row * dim]);
    after += error(apart.data());
  }
  return after <= kLess * before ? centre : std::vector<float>();
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
    const bool is_cosine = spec_.metric == math::Metric::kCosine;
    if (is_cosine) scale_as_codes(spec_, v, numbers.norm_squared, codable, unit_);
    make_codes(is_cosine ? unit_.data() : v, codes, numbers);
  }
  if (!codable) {
    numbers.residual_norm = std::numeric_limits<float>::infinity();
    numbers.norm_squared = std::max(numbers.norm_squared, math::kLeastSum);
  }
  return numbers;
}

void RowEncoder::make_codes(const float* v, int8_t* codes, RowNumbers& numbers) {
  const size_t coded = spec_.code_dim();
  if (!centre_.empty()) {
    apart_.resize(coded);
    subtract(v, centre_.data(), coded, apart_.data());
    v = apart_.data();
    numbers.bias = bias_of(spec_.metric, v, centre_.data(), coded);
  }
  const math::Codes made = math::quantize_i8(v, coded, codes, code_stride(spec_));
  numbers.scale = made.scale;
  numbers.code_norm = made.code_norm;
  numbers.residual_norm = made.residual_norm;
  if (!centre_.empty())
    numbers.residual_norm += kDifferenceRounding * (made.code_norm + made.residual_norm);
  else
    numbers.suffix_norm = math::norm_above(v + coded, spec_.dim - coded);
}

}  // namespace kindred::storage
