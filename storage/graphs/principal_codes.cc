// SPDX-License-Identifier: Apache-2.0
#include "storage/graphs/principal_codes.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "math/kernels.h"
#include "math/quantize.h"

namespace kindred::storage {

void PrincipalAxes::along(const int8_t* codes, float scale, float* out) const {
  const math::Kernels& kernels = math::active();
  const auto* const axes = reinterpret_cast<const int8_t*>(section_ + axes_at());
  const int32_t sum = kernels.sum_i8(codes, stride_);
  float of_axes;
  std::memcpy(&of_axes, section_, sizeof of_axes);
  scale *= of_axes;
  constexpr size_t kAtOnce = 4;
  for (size_t first = 0; first < count(); first += kAtOnce) {
    const int8_t* const axis = axes + first * stride_;
    const int8_t* const four[] = {axis, axis + stride_, axis + 2 * stride_, axis + 3 * stride_};
    int32_t dots[kAtOnce];
    kernels.dot_codes_x4(codes, sum, four, stride_, dots);
    for (size_t i = 0; i < kAtOnce; ++i)
      out[first + i] = scale * static_cast<float>(dots[i]) - centre()[first + i];
  }
}

// The query has zeros where codes have numbers.
CodedQuery PrincipalQuery::along(const PrincipalAxes& axes, const CodedQuery& query) {
  const size_t count = axes.count();
  const size_t half = count / 2;
  along_.resize(count);
  axes.along(query.codes, query.scale, along_.data());
  // Not so of a query whose square is beyond float32, nor if no program of ours wrote the section.
  if (!(math::active().max_abs(along_.data(), count) < std::numeric_limits<float>::max()))
    along_.assign(count, 0);
  codes_.assign(2 * axes.code_bytes(), 0);
  int8_t* const lower = codes_.data() + sizeof(NodeNumbers);
  const math::Codes made = math::quantize_i8(along_.data(), count, lower, count);
  const int32_t sum = math::active().sum_i8(lower, count);
  std::memmove(codes_.data() + axes.code_bytes() + sizeof(NodeNumbers), lower + half, half);
  std::memset(lower + half, 0, sizeof(NodeNumbers));
  return {.codes = codes_.data(),
          .sum = sum,
          .scale = made.scale,
          .times = query.times,
          .offset = offset_along(axes, query)};
}

// With c the centre of all rows, <q, x> = <q - c, x - c> + <c, x> + <c, q - c>: the last is not in
// the nodes' biases.
std::optional<float> PrincipalQuery::offset_along(const PrincipalAxes& axes,
                                                  const CodedQuery& query) const {
  if (!query.offset) return std::nullopt;
  const float of_centre = math::active().dot(axes.centre(), along_.data(), axes.count());
  return *query.offset - query.times * of_centre;
}

}  // namespace kindred::storage
