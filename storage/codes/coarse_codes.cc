// SPDX-License-Identifier: Apache-2.0
#include "storage/codes/coarse_codes.h"

#include <cmath>
#include <utility>

#include "math/quantize.h"

namespace kindred::storage {

size_t coarse_stride(const VectorSpec& spec) noexcept {
  return code_stride(spec) / 2;
}

void CentreOfCodes::add(const int8_t* codes, float scale) noexcept {
  for (size_t i = 0; i < sums_.size(); ++i) sums_[i] += static_cast<double>(scale) * codes[i];
  ++rows_;
}

std::vector<float> CentreOfCodes::mean() const {
  std::vector<float> centre(sums_.size());
  for (size_t i = 0; i < sums_.size() && rows_ > 0; ++i)
    centre[i] = static_cast<float>(sums_[i] / static_cast<double>(rows_));
  return centre;
}

CoarseEncoder::CoarseEncoder(const VectorSpec& spec, std::vector<float> centre)
    : dim_(spec.code_dim()),
      centre_(std::move(centre)),
      centre_norm_(math::norm_above(centre_.data(), dim_)),
      apart_(dim_) {}

CoarseNumbers CoarseEncoder::encode(const int8_t* codes, const RowNumbers& numbers,
                                    int8_t* coarse) {
  for (size_t i = 0; i < dim_; ++i)
    apart_[i] = numbers.scale * static_cast<float>(codes[i]) - centre_[i];
  const math::NibbleCodes made = math::quantize_u4(apart_.data(), dim_, coarse, centre_.size() / 2);
  // The rounding of the differences above, and of the products that a bound is added up from.
  constexpr float kRounding = 1e-6F;
  const float rounding = kRounding * (numbers.code_norm + centre_norm_);
  return {made.scale, made.residual_norm + numbers.residual_norm + rounding};
}

}  // namespace kindred::storage
