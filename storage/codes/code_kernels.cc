// SPDX-License-Identifier: Apache-2.0
#include "storage/codes/code_kernels.h"

#include <algorithm>
#include <array>

#include "storage/codes/row_codes.h"

namespace kindred::storage {

CodeKernels::CodeKernels(const VectorSpec& spec) : kernels_(&math::active()) {
  using math::Metric;
  if (has_codes(spec))
    comparison_ = Comparison::kDotOfMade;
  else if (spec.element == math::Element::kFloat32)
    comparison_ = spec.metric == Metric::kL1   ? Comparison::kL1OfFloats
                  : spec.metric == Metric::kL2 ? Comparison::kL2OfFloats
                                               : Comparison::kDotOfFloats;
  else if (spec.metric == Metric::kL1)
    comparison_ = Comparison::kL1;
  else if (spec.metric == Metric::kHamming)
    comparison_ = Comparison::kHamming;
}

CodeKernels CodeKernels::of_4_bit_codes(const VectorSpec& spec) {
  CodeKernels kernels(spec);
  kernels.comparison_ = Comparison::kDotOf4Bits;
  return kernels;
}

int32_t CodeKernels::sum(const int8_t* query, size_t bytes) const noexcept {
  const bool wanted = comparison_ == Comparison::kDot || comparison_ == Comparison::kDotOfMade;
  return wanted ? kernels_->sum_i8(query, bytes) : 0;
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
    case Comparison::kDotOf4Bits:
      kernels_->dot_u4_scan(query, rows, stride, bytes, count, out);
      break;
    case Comparison::kDotOfMade:
      kernels_->dot_codes_scan(query, sum, rows, stride, bytes, count, out);
      break;
    default:
      kernels_->dot_i8_scan(query, sum, rows, stride, bytes, count, out);
  }
}

void CodeKernels::scan(const int8_t* query, int32_t sum, const int8_t* rows, size_t stride,
                       size_t bytes, size_t count, float* out) const noexcept {
  if (is_of_floats()) {
    const auto scan = comparison_ == Comparison::kL1OfFloats   ? kernels_->l1_scan
                      : comparison_ == Comparison::kL2OfFloats ? kernels_->l2_squared_scan
                                                               : kernels_->dot_scan;
    return scan(as_floats(query), as_floats(rows), stride / sizeof(float), bytes / sizeof(float),
                count, out);
  }
  std::array<int32_t, 1024> compared;
  for (size_t first = 0; first < count; first += compared.size()) {
    const size_t some = std::min(compared.size(), count - first);
    scan(query, sum, rows + first * stride, stride, bytes, some, compared.data());
    std::transform(compared.begin(), compared.begin() + static_cast<ptrdiff_t>(some), out + first,
                   [this, sum](int32_t value) { return result(value, sum); });
  }
}

}  // namespace kindred::storage
