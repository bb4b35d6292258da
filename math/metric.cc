// SPDX-License-Identifier: Apache-2.0
#include "math/metric.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>

#include "math/kernels.h"

namespace kindred::math {
namespace {

// In the order of Metric and Element.
constexpr std::array kMetricNames = {"cosine", "l2", "l1", "dot", "hamming"};
constexpr std::array kElementNames = {"float32", "int8", "bit"};

// Outside these bounds a float32 sum of squares has lost its smallest terms or overflowed.
constexpr float kLeastSum = 1e-30F;
constexpr float kGreatestSum = 1e38F;

bool is_exact_enough(float sum) {
  return sum >= kLeastSum && sum <= kGreatestSum;
}

std::optional<float> cosine_distance_f64(double dot, double aa, double bb) {
  if (aa == 0 || bb == 0) return std::nullopt;
  const double similarity = dot / (std::sqrt(aa) * std::sqrt(bb));
  return static_cast<float>(std::clamp(1 - similarity, 0.0, 2.0));
}

// For vectors of extreme magnitude: no float32 square under- or overflows in double.
std::optional<float> cosine_distance_f64(const float* a, const float* b, size_t dim) {
  double dot = 0;
  double aa = 0;
  double bb = 0;
  for (size_t i = 0; i < dim; ++i) {
    const double x = a[i];
    const double y = b[i];
    dot += x * y;
    aa += x * x;
    bb += y * y;
  }
  return cosine_distance_f64(dot, aa, bb);
}

std::optional<float> cosine_distance_f32(const float* a, const float* b, size_t dim) {
  const CosineSums s = active().cosine_sums(a, b, dim);
  if (is_exact_enough(s.aa) && is_exact_enough(s.bb)) return cosine_distance(s.dot, s.aa, s.bb);
  return cosine_distance_f64(a, b, dim);
}

float l2_distance_f32(const float* a, const float* b, size_t dim) {
  const float squared = active().l2_squared(a, b, dim);
  if (is_exact_enough(squared)) return std::sqrt(squared);
  double sum = 0;
  for (size_t i = 0; i < dim; ++i) {
    const double difference = static_cast<double>(a[i]) - b[i];
    sum += difference * difference;
  }
  return static_cast<float>(std::sqrt(sum));
}

// Sums that overflow in opposite directions would make NaN.
float dot_f32(const float* a, const float* b, size_t dim) {
  const float dot = active().dot(a, b, dim);
  if (std::isfinite(dot)) return dot;
  double sum = 0;
  for (size_t i = 0; i < dim; ++i) sum += static_cast<double>(a[i]) * b[i];
  return static_cast<float>(sum);
}

std::optional<float> distance_f32(Metric metric, const float* a, const float* b, size_t dim) {
  switch (metric) {
    case Metric::kCosine:
      return cosine_distance_f32(a, b, dim);
    case Metric::kL2:
      return l2_distance_f32(a, b, dim);
    case Metric::kL1:
      return active().l1(a, b, dim);
    case Metric::kDot:
      return -dot_f32(a, b, dim);
    case Metric::kHamming:
      break;
  }
  return std::nullopt;
}

int32_t dot_i8(const int8_t* a, const int8_t* b, size_t dim) {
  return active().dot_i8(a, active().sum_i8(a, dim), b, dim);
}

std::optional<float> distance_i8(Metric metric, const int8_t* a, const int8_t* b, size_t dim) {
  switch (metric) {
    case Metric::kCosine:
      return cosine_distance_f64(dot_i8(a, b, dim), dot_i8(a, a, dim), dot_i8(b, b, dim));
    case Metric::kL2:
      return static_cast<float>(std::sqrt(static_cast<double>(active().l2_squared_i8(a, b, dim))));
    case Metric::kL1:
      return static_cast<float>(active().l1_i8(a, b, dim));
    case Metric::kDot:
      return static_cast<float>(-dot_i8(a, b, dim));
    case Metric::kHamming:
      break;
  }
  return std::nullopt;
}

}  // namespace

std::optional<Metric> parse_metric(std::string_view name) {
  for (size_t i = 0; i < kMetricNames.size(); ++i)
    if (name == kMetricNames[i]) return static_cast<Metric>(i);
  return std::nullopt;
}

const char* metric_name(Metric metric) noexcept {
  return kMetricNames[static_cast<size_t>(metric)];
}

const char* element_name(Element element) noexcept {
  return kElementNames[static_cast<size_t>(element)];
}

size_t vector_bytes(Element element, size_t dim) noexcept {
  switch (element) {
    case Element::kFloat32:
      return dim * sizeof(float);
    case Element::kInt8:
      return dim;
    case Element::kBit:
      assert(dim % 8 == 0);
      return dim / 8;
  }
  return 0;
}

bool is_defined_for(Metric metric, Element element) noexcept {
  return (metric == Metric::kHamming) == (element == Element::kBit);
}

std::optional<float> distance(Metric metric, Element element, const void* a, const void* b,
                              size_t dim) {
  assert(is_defined_for(metric, element));
  switch (element) {
    case Element::kFloat32:
      return distance_f32(metric, static_cast<const float*>(a), static_cast<const float*>(b), dim);
    case Element::kInt8:
      return distance_i8(metric, static_cast<const int8_t*>(a), static_cast<const int8_t*>(b), dim);
    case Element::kBit:
      return static_cast<float>(active().hamming(static_cast<const uint8_t*>(a),
                                                 static_cast<const uint8_t*>(b), dim / 8));
  }
  return std::nullopt;
}

std::optional<float> cosine_distance(float dot, float aa, float bb) noexcept {
  if (aa == 0 || bb == 0) return std::nullopt;
  // Two roots: the product of the sums may overflow where they do not.
  const float similarity = dot / (std::sqrt(aa) * std::sqrt(bb));
  return std::clamp(1 - similarity, 0.0F, 2.0F);
}

}  // namespace kindred::math
