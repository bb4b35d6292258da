// SPDX-License-Identifier: Apache-2.0
#include "storage/code_kernels.h"

#include "storage/row_codes.h"

namespace kindred::storage {

CodeKernels::CodeKernels(const VectorSpec& spec) : kernels_(&math::active()) {
  if (has_codes(spec)) comparison_ = Comparison::kDotOfMade;
  if (spec.metric == math::Metric::kL1) comparison_ = Comparison::kL1;
  if (spec.metric == math::Metric::kHamming) comparison_ = Comparison::kHamming;
}

int32_t CodeKernels::sum(const int8_t* query, size_t bytes) const noexcept {
  return is_distance() ? 0 : kernels_->sum_i8(query, bytes);
}

void CodeKernels::scan(const int8_t* query, int32_t sum, const int8_t* rows, size_t stride,
                       size_t bytes, size_t count, int32_t* out) const noexcept {
  auto* const distances = reinterpret_cast<uint32_t*>(out);
  switch (comparison_) {
    case Comparison::kL1:
      kernels_->l1_i8_scan(query, rows, stride, bytes, count, distances);
      break;
    case Comparison::kHamming:
      kernels_->hamming_scan(as_bits(query), as_bits(rows), stride, bytes, count, distances);
      break;
    case Comparison::kDotOfMade:
      kernels_->dot_codes_scan(query, sum, rows, stride, bytes, count, out);
      break;
    default:
      kernels_->dot_i8_scan(query, sum, rows, stride, bytes, count, out);
  }
}

}  // namespace kindred::storage
