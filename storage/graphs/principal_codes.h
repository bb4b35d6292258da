// 4-bit codes of what a row has along the axes in which a segment's rows differ most, with the
// numbers of its node in the same lines of memory: what graphs read of most vectors. A few axes
// hold nearly all that tells embeddings apart, so that a line says enough where the int8 codes fill
// six.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <vector>

#include "storage/codes/code_kernels.h"
#include "storage/graphs/graph_format.h"

namespace kindred::storage {

// What the bytes of a code are a multiple of.
inline constexpr size_t kPrincipalBytes = 64;

// The axes of a graph: orthonormal, nearly; and the centre of its rows. Borrowed.
//
//   code := NodeNumbers ; for axes i and i + count() / 2, a byte (Kernels::encode_u4)
//
// A code says what a row is along the axes, less the centre c, and is compared with the query less
// the centre: <q, x> = <q - c, x - c> + <c, x> + (what all rows have), of which the middle
// is in the node's bias. Its scale is such that the code of x is right about x itself (Gao & Long
// 2024, "RaBitQ"): <x - c, code> = |x - c|^2. So it is nearly right about what is near to x, where
// that matters.
class PrincipalAxes {
 public:
  PrincipalAxes() = default;
  // `section`: of a graph file (graph_format.h), aligned for the kernels. Of codes of so many
  // bytes, of vectors with int8 codes of `stride` bytes.
  PrincipalAxes(const std::byte* section, size_t code_bytes, size_t stride) noexcept
      : section_(section), code_bytes_(code_bytes), stride_(stride) {}

  bool empty() const noexcept { return section_ == nullptr; }
  size_t code_bytes() const noexcept { return code_bytes_; }
  // Those that the dimensions leave none for are zeros.
  size_t count() const noexcept { return axes_of_code(code_bytes_); }
  const std::byte* section() const noexcept { return section_; }
  // What the centre has along each.
  const float* centre() const noexcept {
    return reinterpret_cast<const float*>(section_ + kAxesHead);
  }
  // Where, in the section, the axes' codes begin.
  size_t axes_at() const noexcept { return kAxesHead + count() * sizeof(float); }
  size_t section_bytes() const noexcept { return axes_at() + count() * stride_; }

  // out[i] is what a vector less the centre has along axis i; the vector is scale * codes.
  void along(const int8_t* codes, float scale, float* out) const;

 private:
  const std::byte* section_ = nullptr;
  size_t code_bytes_ = 0;
  size_t stride_ = 0;
};

// Those of the node that a code is of.
inline NodeNumbers numbers_of(const std::byte* code) noexcept {
  NodeNumbers numbers;
  std::memcpy(&numbers, code, sizeof numbers);
  return numbers;
}

// A query as principal codes are compared with it.
class PrincipalQuery {
 public:
  // By its int8 codes. The result is borrowed from this object, whose memory is used again.
  CodedQuery along(const PrincipalAxes& axes, const CodedQuery& query);

 private:
  std::optional<float> offset_along(const PrincipalAxes& axes, const CodedQuery& query) const;

  std::vector<float> along_;
  std::vector<int8_t> codes_;
};

}  // namespace kindred::storage
