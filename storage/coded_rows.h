// The rows of a segment as a graph sees them: by their codes.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "storage/code_kernels.h"
#include "storage/graph.h"
#include "storage/graph_format.h"
#include "storage/segment.h"

namespace kindred::storage {

// Borrowed from the segment.
struct CodedRows {
  math::Metric metric = math::Metric::kCosine;
  CodeKernels kernels;
  size_t count = 0;
  const int8_t* codes = nullptr;
  size_t stride = 0;                 // from row to row, zeros behind the dimensions
  std::vector<NodeNumbers> numbers;  // by row

  const int8_t* code(size_t row) const noexcept { return codes + row * stride; }
  // As a query of the others. Borrowed.
  CodedQuery query(uint32_t row) const noexcept;
  // Orders as the distance of two rows does, by what the kernels say of their codes. Never NaN,
  // which does not sort: what overflows is farthest.
  float distance(uint32_t a, uint32_t b, float compared) const noexcept {
    const float product = numbers[a].scale * numbers[b].scale * compared;
    const float key = kernels.is_distance() ? product
                      : metric == math::Metric::kL2
                          ? numbers[a].bias + numbers[b].bias - 2 * product
                          : -product;
    return key == key ? key : std::numeric_limits<float>::infinity();
  }
  // The same of a row and its query().
  float distance(uint32_t a, const CodedQuery& of_a, uint32_t b) const noexcept {
    return distance(a, b, kernels.one(of_a.codes, of_a.sum, code(b), stride));
  }
};

// REQUIRES: the segment's rows have been verified.
CodedRows coded_rows(const Segment& segment, const VectorSpec& spec);

}  // namespace kindred::storage
