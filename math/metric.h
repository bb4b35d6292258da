// Distances between vectors of one element type: what SQL's vec_distance_*() and knn() both return,
// computed by the same kernels so that the two agree bit for bit.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace kindred::math {

// How near two vectors are; smaller is nearer for each.
enum class Metric : uint8_t {
  kCosine,   // 1 - cosine similarity, in [0, 2]; undefined for a vector of norm 0
  kL2,       // Euclidean distance, not squared
  kL1,       // Manhattan distance
  kDot,      // minus the inner product
  kHamming,  // number of differing bits
};

enum class Element : uint8_t { kFloat32, kInt8, kBit };

// The longest vector there may be, in elements.
inline constexpr size_t kMaxDimensions = 65536;

// "cosine", "l2", "l1", "dot", "hamming"; nullopt / never for anything else.
std::optional<Metric> parse_metric(std::string_view name);
const char* metric_name(Metric metric) noexcept;

// "float32", "int8", "bit", as vec_type() prints them.
const char* element_name(Element element) noexcept;

// Bytes of a vector: 4, 1 and 1/8 an element. REQUIRES: dim divisible by 8 for kBit.
size_t vector_bytes(Element element, size_t dim) noexcept;

// kHamming goes with kBit and nothing else.
bool is_defined_for(Metric metric, Element element) noexcept;

// The distance of two vectors of `dim` elements at `a` and `b` (any alignment).
// nullopt where the metric has no value: cosine with a vector of norm 0. A float32, but for a
// distance beyond its range, which is a double: finite vectors have a finite distance.
// REQUIRES: is_defined_for(metric, element).
std::optional<double> distance(Metric metric, Element element, const void* a, const void* b,
                               size_t dim);

// Outside these bounds a float32 sum of squares has lost its smallest terms or overflowed.
inline constexpr float kLeastSum = 1e-30F;
inline constexpr float kGreatestSum = 1e38F;
inline bool is_exact_enough(float sum_of_squares) noexcept {
  return sum_of_squares >= kLeastSum && sum_of_squares <= kGreatestSum;
}

// 1 - similarity of three sums in float32 arithmetic, clamped to [0, 2]; nullopt if a norm is 0.
std::optional<float> cosine_distance(float dot, float aa, float bb) noexcept;

}  // namespace kindred::math
