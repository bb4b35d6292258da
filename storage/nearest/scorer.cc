// SPDX-License-Identifier: Apache-2.0
#include "storage/nearest/scorer.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "math/kernels.h"
#include "storage/codes/coarse_codes.h"
#include "storage/codes/row_codes.h"

namespace kindred::storage {
namespace {

using math::Element;
using math::Metric;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// Overflowed norms make a bound NaN or infinite: such a row is looked at exactly.
float sure(float bound) noexcept {
  return bound < std::numeric_limits<float>::max() ? bound : -kInfinity;
}

}  // namespace

Scorer::Scorer(const VectorSpec& spec, const void* query) : spec_(spec), kernels_(spec) {
  make_room();
  std::memset(query_, 0, math::aligned_stride(spec.bytes()));
  std::memcpy(query_, query, spec.bytes());
  const math::Kernels& kernels = math::active();
  has_distances_ = spec.metric != Metric::kCosine || exact(query_);
  if (spec.element == Element::kInt8) {
    const auto* v = reinterpret_cast<const int8_t*>(query_);
    query_sum_ = kernels.sum_i8(v, spec.dim);
    norm_squared_ = static_cast<float>(kernels.dot_i8(v, query_sum_, v, spec.dim));
  }
  if (spec.element != Element::kFloat32) return;
  const auto* v = reinterpret_cast<const float*>(query_);
  norm_squared_ = kernels.dot(v, v, spec.dim);
  if (!has_codes(spec)) return;
  codable_ = is_codable(v, spec.dim, norm_squared_);
  orders_codes_ = codable_ || spec.metric != Metric::kDot;
  double inverse = 1;
  if (spec.metric == Metric::kCosine && has_distances_)
    inverse = 1 / std::sqrt(codable_ ? norm_squared_ : math::wide_dot(v, v, spec.dim));
  std::transform(v, v + spec.dim, coded_.scaled,
                 [inverse](float x) { return static_cast<float>(x * inverse); });
}

// One piece for all that there is of most queries.
void Scorer::make_room() {
  const bool coded = has_codes(spec_);
  const size_t query = math::aligned_stride(spec_.bytes());
  const size_t codes = coded ? math::aligned_stride(code_stride(spec_)) : 0;
  memory_ = math::make_aligned(query + codes + (coded ? query : 0));
  query_ = memory_.get();
  if (!coded) return;
  coded_.codes = reinterpret_cast<int8_t*>(query_ + query);
  coded_.scaled = reinterpret_cast<float*>(query_ + query + codes);
}

// What is in `scaled`.
void Scorer::encode(Coded& coded) const {
  coded.numbers =
      math::quantize_i8(coded.scaled, spec_.code_dim(), coded.codes, code_stride(spec_));
  if (!codable_) coded.numbers.residual_norm = kInfinity;
  coded.sum = math::active().sum_i8(coded.codes, code_stride(spec_));
  coded.is_encoded = true;
}

// A centre that no program of ours wrote may be anything: bounds say nothing then.
Scorer::Coded& Scorer::coded_for(const RowBlock& block) {
  if (block.code_centre == nullptr) {
    if (!coded_.is_encoded) encode(coded_);
    return coded_;
  }
  for (const auto& known : centred_)
    if (known->centre == block.code_centre) return *known;
  auto made = std::make_unique<Coded>();
  made->centre = block.code_centre;
  const size_t codes = math::aligned_stride(code_stride(spec_));
  made->memory = math::make_aligned(codes + math::aligned_stride(spec_.bytes()));
  made->codes = reinterpret_cast<int8_t*>(made->memory.get());
  made->scaled = reinterpret_cast<float*>(made->memory.get() + codes);
  subtract(coded_.scaled, made->centre, spec_.dim, made->scaled);
  const bool is_sound = math::active().max_abs(made->scaled, spec_.dim) < kInfinity;
  if (!is_sound) std::fill_n(made->scaled, spec_.dim, 0.0F);
  encode(*made);
  if (!is_sound) made->numbers.residual_norm = kInfinity;
  centred_.push_back(std::move(made));
  return *centred_.back();
}

// The same with what bounds need beside the codes, and graphs do not.
const Scorer::Coded& Scorer::measured_for(const RowBlock& block) {
  Coded& coded = coded_for(block);
  if (coded.is_measured) return coded;
  coded.is_measured = true;
  const size_t dim = spec_.code_dim();
  coded.norm = math::norm_above(coded.scaled, dim);
  coded.suffix_norm = math::norm_above(coded.scaled + dim, spec_.dim - dim);
  if (coded.centre == nullptr) return coded;
  coded.numbers.residual_norm += kDifferenceRounding * coded.norm;
  coded.bias = bias_of(spec_.metric, coded.scaled, coded.centre, spec_.dim);
  coded.centre_norm = math::norm_above(coded.centre, spec_.dim);
  coded.centre_product = static_cast<float>(math::wide_dot(coded.centre, coded_.scaled, spec_.dim));
  return coded;
}

void Scorer::lower_bounds(const RowBlock& block, size_t count, float* out) {
  raw_scores(block, 0, count);
  bound(block, 0, count, out);
}

float Scorer::lower_bound(const RowBlock& block, size_t i) {
  float result;
  raw_scores(block, i, 1);
  bound(block, i, 1, &result);
  return result;
}

CodedQuery Scorer::coded_query(const RowBlock& block) {
  const float times = kernels_.is_distance() ? -1.0F : times_of(spec_.metric);
  const auto* const vector = reinterpret_cast<const int8_t*>(query_);
  if (!has_codes(spec_))
    return {.codes = vector,
            .sum = query_sum_,
            .times = times,
            .vector = vector,
            .offset = offset_of_vector()};
  const Coded& query = coded_for(block);
  return {.codes = query.codes,
          .sum = query.sum,
          .scale = query.numbers.scale,
          .times = times,
          .vector = vector,
          .offset = offset_of(query)};
}

// What of a distance is the query's own: a row's part is in its bias (NodeNumbers).
std::optional<float> Scorer::offset_of(const Coded& query) const {
  if (spec_.metric == Metric::kDot || spec_.prefix > 0) return std::nullopt;
  if (spec_.metric == Metric::kCosine && query.centre == nullptr) return 1.0F;
  const float squared = math::active().dot(query.scaled, query.scaled, spec_.dim);
  if (!(squared < kInfinity)) return std::nullopt;
  return spec_.metric == Metric::kL2 ? squared : 0.5F * squared;
}

std::optional<float> Scorer::offset_of_vector() const {
  if (spec_.metric == Metric::kDot) return std::nullopt;
  if (kernels_.is_distance()) return 0.0F;
  if (!(norm_squared_ < kInfinity)) return std::nullopt;
  return spec_.metric == Metric::kL2 ? norm_squared_ : std::sqrt(norm_squared_);
}

void Scorer::raw_scores(const RowBlock& block, size_t first, size_t count) {
  if (spec_.element == Element::kFloat32 && !has_codes(spec_)) {
    if (floats_.size() < count) floats_.resize(count);
    const math::Kernels& kernels = math::active();
    const auto scan = spec_.metric == Metric::kL1   ? kernels.l1_scan
                      : spec_.metric == Metric::kL2 ? kernels.l2_squared_scan
                                                    : kernels.dot_scan;
    scan(reinterpret_cast<const float*>(query_), reinterpret_cast<const float*>(block.row(first)),
         block.exact_stride / sizeof(float), spec_.dim, count, floats_.data());
    return;
  }
  if (integers_.size() < count) integers_.resize(count);
  if (has_codes(spec_)) {
    const Coded& query = coded_for(block);
    kernels_.scan(query.codes, query.sum, block.code(first), block.code_stride, spec_.code_dim(),
                  count, integers_.data());
  } else if (spec_.element != Element::kInt8 || spec_.metric != Metric::kL2) {
    kernels_.scan(reinterpret_cast<const int8_t*>(query_), query_sum_,
                  reinterpret_cast<const int8_t*>(block.row(first)), block.exact_stride,
                  spec_.bytes(), count, integers_.data());
  }
}

void Scorer::bound(const RowBlock& block, size_t first, size_t count, float* out) {
  if (has_codes(spec_)) {
    bound_codes(block, first, count, out);
  } else if (spec_.element == Element::kInt8) {
    bound_int8(block, first, count, out);
  } else if (spec_.element == Element::kBit) {
    std::transform(integers_.begin(), integers_.begin() + static_cast<ptrdiff_t>(count), out,
                   [](int32_t bits) { return static_cast<float>(bits); });
  } else {
    bound_floats(block, first, count, out);
  }
}

// The distance by codes less everything it can be off by: the codes' residuals (quantize.h) and
// what the elements without codes may add.
void Scorer::bound_codes(const RowBlock& block, size_t first, size_t count, float* out) {
  const Coded& query = measured_for(block);
  const float rounding = 3.0F * math::rounding_error(spec_.dim);
  const float query_norm = query.norm;
  const float query_suffix = query.suffix_norm;
  const float query_residual = query.numbers.residual_norm;
  const float query_scale = query.numbers.scale;
  const int32_t* dots = integers_.data();
  const float* scale = block.scale + first;
  const float* code_norm = block.code_norm + first;
  const float* residual = block.residual_norm + first;
  const float* suffix = block.suffix_norm == nullptr ? nullptr : block.suffix_norm + first;
  const auto upper_dot = [&](size_t i) {
    float error = code_norm[i] * query_residual + residual[i] * query_norm;
    if (suffix != nullptr) error += suffix[i] * query_suffix;
    return static_cast<float>(dots[i]) * (scale[i] * query_scale) + error * (1.0F + rounding);
  };
  bound_by(upper_dot, query, block, first, count, out);
}

// The same of coarse codes. What these express of a row is no longer than their outermost levels.
void Scorer::rough_bounds(const RowBlock& block, size_t first, size_t count, float* out) {
  const Coded& query = measured_for(block);
  if (integers_.size() < count) integers_.resize(count);
  const size_t stride = block.coarse_stride();
  math::active().dot_u4_scan(query.codes, block.coarse_code(first), stride, stride, count,
                             integers_.data());
  const float centre = centre_dot(query, block);
  const float rounding = 3.0F * math::rounding_error(spec_.dim);
  const float query_norm = query.norm;
  const float query_suffix = query.suffix_norm;
  const float outermost = 7.5F * std::sqrt(static_cast<float>(spec_.code_dim()));
  const float query_residual = outermost * query.numbers.residual_norm;
  const float half_scale = 0.5F * query.numbers.scale;
  const int32_t middle = 15 * query.sum;
  const int32_t* dots = integers_.data();
  const CoarseNumbers* numbers = block.coarse_numbers + first;
  const float* suffix = block.suffix_norm == nullptr ? nullptr : block.suffix_norm + first;
  const auto upper_dot = [&](size_t i) {
    const float scale = numbers[i].scale;
    float error = scale * query_residual + numbers[i].residual_norm * query_norm;
    if (suffix != nullptr) error += suffix[i] * query_suffix;
    return centre + static_cast<float>(2 * dots[i] - middle) * (scale * half_scale) +
           error * (1.0F + rounding);
  };
  bound_by(upper_dot, query, block, first, count, out);
}

float Scorer::centre_dot(const Coded& query, const RowBlock& block) {
  if (block.centre == centre_) return centre_dot_;
  centre_ = block.centre;
  centre_dot_ = static_cast<float>(math::wide_dot(block.centre, query.scaled, spec_.code_dim()));
  return centre_dot_;
}

// From upper bounds of dot products, scaled as codes are. The rounding of the exact kernels is
// taken off, whose result a bound must not exceed either.
template <class UpperDot>
void Scorer::bound_by(const UpperDot& upper_dot, const Coded& query, const RowBlock& block,
                      size_t first, size_t count, float* out) const {
  if (query.centre != nullptr) return bound_centred(upper_dot, query, block, first, count, out);
  const float rounding = 3.0F * math::rounding_error(spec_.dim);
  const float* squared = block.norm_squared + first;
  switch (spec_.metric) {
    case Metric::kCosine:
      for (size_t i = 0; i < count; ++i) {
        const float lower = sure((1.0F - rounding) - upper_dot(i));
        out[i] = squared[i] > 0.0F ? lower : kInfinity;
      }
      break;
    case Metric::kL2:
      for (size_t i = 0; i < count; ++i) {
        const float sum = squared[i] + norm_squared_;
        const float lower = sum * (1.0F - rounding) - 2.0F * upper_dot(i);
        out[i] = sure(std::sqrt(std::max(lower, 0.0F)) * (1.0F - rounding));
      }
      break;
    default:  // kDot
      for (size_t i = 0; i < count; ++i) {
        const float slack = rounding * std::sqrt(squared[i]) * std::sqrt(norm_squared_);
        out[i] = sure(-upper_dot(i) - slack);
      }
  }
}

// The same of rows and the query without the rows' centre (RowNumbers). Under dot what was taken
// off is added again, and rounds by as much of itself.
template <class UpperDot>
void Scorer::bound_centred(const UpperDot& upper_dot, const Coded& query, const RowBlock& block,
                           size_t first, size_t count, float* out) const {
  const float rounding = 3.0F * math::rounding_error(spec_.dim);
  const float* squared = block.norm_squared + first;
  const float* bias = block.bias + first;
  switch (spec_.metric) {
    case Metric::kCosine:
      for (size_t i = 0; i < count; ++i) {
        const float lower = (bias[i] + query.bias) * (1.0F - rounding) - rounding - upper_dot(i);
        out[i] = squared[i] > 0.0F ? sure(lower) : kInfinity;
      }
      break;
    case Metric::kL2:
      for (size_t i = 0; i < count; ++i) {
        const float lower = (bias[i] + query.bias) * (1.0F - rounding) - 2.0F * upper_dot(i);
        out[i] = sure(std::sqrt(std::max(lower, 0.0F)) * (1.0F - rounding));
      }
      break;
    default: {  // kDot
      const float of_query = query.centre_norm + query.norm;
      for (size_t i = 0; i < count; ++i) {
        const float norms = std::sqrt(squared[i]) * std::sqrt(norm_squared_);
        const float of_row = query.centre_norm + std::sqrt(squared[i]);
        const float slack = rounding * norms + 8 * kDifferenceRounding * of_query * of_row;
        out[i] = sure(bias[i] - query.centre_product - upper_dot(i) - slack);
      }
    }
  }
}

void Scorer::bound_int8(const RowBlock& block, size_t first, size_t count, float* out) const {
  for (size_t i = 0; i < count; ++i) {
    const float squared = block.norm_squared[first + i];
    if (spec_.metric == Metric::kL2) {
      out[i] = static_cast<float>(*exact(block, first + i));
    } else if (spec_.metric == Metric::kL1) {
      out[i] = static_cast<float>(integers_[i]);
    } else if (spec_.metric == Metric::kDot) {
      out[i] = -static_cast<float>(integers_[i]);
    } else {  // the norms are rounded to float32, the dot product is exact
      const double norms = std::sqrt(static_cast<double>(squared) * norm_squared_);
      out[i] = norms > 0 ? static_cast<float>(1.0 - integers_[i] / norms - 1e-6) : kInfinity;
    }
  }
}

// The distance itself, which the exact kernels compute in the same way, where float32 has room for
// it. Only under cosine it may be off: the norms were computed when the rows were written.
void Scorer::bound_floats(const RowBlock& block, size_t first, size_t count, float* out) const {
  const float* raw = floats_.data();
  if (spec_.metric == Metric::kL1) {
    std::transform(raw, raw + count, out, sure);
  } else if (spec_.metric == Metric::kDot) {
    std::transform(raw, raw + count, out, [](float dot) { return sure(-dot); });
  } else if (spec_.metric == Metric::kL2) {
    std::transform(raw, raw + count, out, [](float squared) {
      if (math::is_exact_enough(squared)) return std::sqrt(squared);
      return squared < math::kLeastSum ? 0.0F : -kInfinity;
    });
  } else {
    const float rounding = 3.0F * math::rounding_error(spec_.dim);
    const float query_norm = std::sqrt(norm_squared_);
    const float query_residual = math::is_exact_enough(norm_squared_) ? 0.0F : kInfinity;
    for (size_t i = 0; i < count; ++i) {
      const float squared = block.norm_squared[first + i];
      const float similarity = raw[i] / (std::sqrt(squared) * query_norm);
      const float unknown = block.residual_norm[first + i] + query_residual;
      out[i] = squared > 0.0F ? sure((1.0F - rounding) - similarity - unknown) : kInfinity;
    }
  }
}

std::optional<double> Scorer::exact(const std::byte* row) const {
  return math::distance(spec_.metric, spec_.element, query_, row, spec_.dim);
}

}  // namespace kindred::storage
