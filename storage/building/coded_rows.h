// The rows of a segment as a graph sees them: by their codes.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "storage/codes/code_kernels.h"
#include "storage/graphs/graph.h"
#include "storage/graphs/graph_format.h"
#include "storage/segments/segment.h"

namespace kindred::storage {

// How what the kernels say of two rows' codes becomes a key.
enum class KeyKind : uint8_t { kCompared, kMinusProduct, kBiasedProduct, kL2Squared };

// Orders as the distance of two rows does. Never NaN, which does not sort: what overflows is
// farthest.
inline float key_of(KeyKind kind, const NodeNumbers& a, const NodeNumbers& b,
                    float compared) noexcept {
  float key = a.scale * b.scale * compared;
  if (kind == KeyKind::kMinusProduct) key = -key;
  if (kind == KeyKind::kBiasedProduct) key = a.bias + b.bias - key;
  if (kind == KeyKind::kL2Squared) key = a.bias + b.bias - 2 * key;
  return key == key ? key : std::numeric_limits<float>::infinity();
}

// The codes are borrowed.
struct CodedRows {
  math::Metric metric = math::Metric::kCosine;
  CodeKernels kernels;
  size_t count = 0;
  const int8_t* codes = nullptr;
  size_t stride = 0;                 // from row to row, zeros behind the dimensions
  bool is_coded = false;             // codes were made for the purpose: they are not the vectors
  bool is_centred = false;           // codes are of rows less a centre, or along axes from one
  std::vector<NodeNumbers> numbers;  // by row

  const int8_t* code(size_t row) const noexcept { return codes + row * stride; }
  // As a query of the others. Borrowed.
  CodedQuery query(uint32_t row) const noexcept;
  KeyKind key_kind() const noexcept {
    if (kernels.is_distance()) return KeyKind::kCompared;
    if (metric == math::Metric::kL2) return KeyKind::kL2Squared;
    return is_centred ? KeyKind::kBiasedProduct : KeyKind::kMinusProduct;
  }
  // The key of two rows, by what the kernels say of their codes.
  float key(uint32_t a, uint32_t b, float compared) const noexcept {
    return key_of(key_kind(), numbers[a], numbers[b], compared);
  }
  // The same of a row and its query().
  float key(uint32_t a, const CodedQuery& of_a, uint32_t b) const noexcept {
    return key(a, b, kernels.one(of_a.codes, of_a.sum, code(b), stride));
  }
};

// The same codes by their l2 distance. REQUIRES: kernels whose results are dot products.
CodedRows by_l2(CodedRows rows);

// REQUIRES: the segment's rows have been verified.
CodedRows coded_rows(const Segment& segment, const VectorSpec& spec);

}  // namespace kindred::storage
