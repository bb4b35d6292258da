// SPDX-License-Identifier: Apache-2.0
#include "storage/building/coded_rows.h"

#include <cmath>

#include "storage/codes/row_codes.h"

namespace kindred::storage {

CodedQuery CodedRows::query(uint32_t row) const noexcept {
  const int32_t sum = kernels.sum(code(row), stride);
  if (kernels.is_distance())
    return {.codes = code(row), .sum = sum, .times = -1, .vector = code(row)};
  return {code(row), sum, numbers[row].scale, times_of(metric), code(row)};
}

CodedRows by_l2(CodedRows rows) {
  rows.metric = math::Metric::kL2;
  for (uint32_t row = 0; row < rows.count; ++row) {
    NodeNumbers& numbers = rows.numbers[row];
    const CodedQuery query = rows.query(row);
    const float squared = rows.kernels.one(query.codes, query.sum, rows.code(row), rows.stride);
    numbers.bias = numbers.scale * numbers.scale * squared;
  }
  return rows;
}

CodedRows coded_rows(const Segment& segment, const VectorSpec& spec) {
  const RowBlock& block = segment.block();
  CodedRows rows;
  rows.metric = spec.metric;
  rows.kernels = CodeKernels(spec);
  rows.count = segment.rows();
  rows.numbers.resize(rows.count);
  const bool coded = has_codes(spec);
  rows.is_coded = coded;
  rows.is_centred = coded && block.bias != nullptr;
  rows.codes = coded ? block.codes : reinterpret_cast<const int8_t*>(block.exact);
  rows.stride = coded ? block.code_stride : block.exact_stride;
  for (size_t row = 0; row < rows.count; ++row) {
    const float squared = block.norm_squared[row];
    NodeNumbers& numbers = rows.numbers[row];
    numbers.scale = coded ? block.scale[row] : 1.0F;
    if (!coded && spec.metric == math::Metric::kCosine)
      numbers.scale = squared > 0 ? 1.0F / std::sqrt(squared) : 0.0F;
    const bool of_l2 = spec.metric == math::Metric::kL2 && !rows.kernels.is_distance();
    numbers.bias = of_l2 ? squared : 0.0F;
    if (rows.is_centred) numbers.bias = block.bias[row];
    if (spec.prefix == 0) continue;
    // The distance of prefixes: it says more of that of vectors than what it adds to it, since what
    // follows the prefixes of near vectors is alike (bench/README.md).
    const float norm = block.code_norm[row];
    if (spec.metric == math::Metric::kCosine)
      numbers.scale = norm > 0 ? numbers.scale / norm : 0.0F;
    if (spec.metric == math::Metric::kL2) numbers.bias = norm * norm;
  }
  return rows;
}

}  // namespace kindred::storage
