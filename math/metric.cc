// SPDX-License-Identifier: Apache-2.0
#include "math/metric.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <cstring>

#include "math/kernels.h"

namespace kindred::math {
namespace {

// In the order of Metric and Element.
constexpr std::array kMetricNames = {"cosine", "l2", "l1", "dot", "hamming"};
constexpr std::array kElementNames = {"float32", "int8", "bit"};

// Element i as a double, at any alignment.
double load(const float* v, size_t i) noexcept {
  float x;
  std::memcpy(&x, reinterpret_cast<const char*>(v) + i * sizeof x, sizeof x);
  return x;
}

// The sum of term(a[i], b[i]) in double: no float32 square under- or overflows there.
template <class Term>
double wide_sum(const float* a, const float* b, size_t dim, Term term) {
  double sum = 0;
  for (size_t i = 0; i < dim; ++i) sum += term(load(a, i), load(b, i));
  return sum;
}

// Rounded to float32 where that has room for it.
double narrowed(double wide) noexcept {
  const auto narrow = static_cast<float>(wide);
  return std::isfinite(narrow) ? narrow : wide;
}

double product(double x, double y) noexcept {
  return x * y;
}

std::optional<float> cosine_distance_f64(double dot, double aa, double bb) {
  if (aa == 0 || bb == 0) return std::nullopt;
  const double similarity = dot / (std::sqrt(aa) * std::sqrt(bb));
  return static_cast<float>(std::clamp(1 - similarity, 0.0, 2.0));
}

// For vectors of extreme magnitude.
std::optional<float> cosine_distance_f64(const float* a, const float* b, size_t dim) {
  return cosine_distance_f64(wide_sum(a, b, dim, product), wide_sum(a, a, dim, product),
                             wide_sum(b, b, dim, product));
}

std::optional<float> cosine_distance_f32(const float* a, const float* b, size_t dim) {
  const CosineSums s = active().cosine_sums(a, b, dim);
  if (is_exact_enough(s.aa) && is_exact_enough(s.bb)) return cosine_distance(s.dot, s.aa, s.bb);
  return cosine_distance_f64(a, b, dim);
}

double l2_distance_f32(const float* a, const float* b, size_t dim) {
  const float squared = active().l2_squared(a, b, dim);
  if (is_exact_enough(squared)) return std::sqrt(squared);
  return narrowed(std::sqrt(
      wide_sum(a, b, dim, [](double x, double y) noexcept { return (x - y) * (x - y); })));
}

double l1_distance_f32(const float* a, const float* b, size_t dim) {
  const float l1 = active().l1(a, b, dim);
  if (std::isfinite(l1)) return l1;
  return narrowed(
      wide_sum(a, b, dim, [](double x, double y) noexcept { return std::fabs(x - y); }));
}

// Sums that overflow in opposite directions would make NaN.
double dot_f32(const float* a, const float* b, size_t dim) {
  const float dot = active().dot(a, b, dim);
  return std::isfinite(dot) ? dot : narrowed(wide_sum(a, b, dim, product));
}

std::optional<double> distance_f32(Metric metric, const float* a, const float* b, size_t dim) {
  switch (metric) {
    case Metric::kCosine:
      return cosine_distance_f32(a, b, dim);
    case Metric::kL2:
      return l2_distance_f32(a, b, dim);
    case Metric::kL1:
      return l1_distance_f32(a, b, dim);
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

std::optional<double> distance_i8(Metric metric, const int8_t* a, const int8_t* b, size_t dim) {
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

std::optional<double> distance(Metric metric, Element element, const void* a, const void* b,
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
