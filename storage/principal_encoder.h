// How principal codes are made.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "math/aligned.h"
#include "storage/coded_rows.h"
#include "storage/principal_codes.h"

namespace kindred::storage {

// The rows of a segment by int8 codes along axes, less their centre, and what tells which of two is
// nearer to a third: all that building a graph asks. Shorter than the rows' own codes.
struct ProjectedRows {
  CodedRows rows;
  math::AlignedBytes codes;  // which `rows` borrows
};

// The axes of a segment's rows, found in a sample of them.
class PrincipalEncoder {
 public:
  // For codes of so many bytes. The same for the same rows and seed, by all instruction
  // sets. REQUIRES: the rows have int8 codes of all `dim` dimensions.
  PrincipalEncoder(const CodedRows& rows, size_t dim, size_t code_bytes, uint64_t seed);

  // Borrowed.
  PrincipalAxes axes() const noexcept;
  // (rows, code_bytes), row-major. REQUIRES: the rows are those of the constructor.
  math::AlignedBytes codes(const CodedRows& rows) const;
  // REQUIRES: the same.
  ProjectedRows project(const CodedRows& rows) const;
  // Bytes from row to row of its codes.
  size_t projected_stride() const noexcept { return math::aligned_stride(centre_.size()); }

 private:
  void keep_centre(const std::vector<float>& mean);
  void keep_axes(const std::vector<float>& axes, size_t dim);
  void along(const CodedRows& rows, size_t row, float* out) const;

  size_t code_bytes_;
  size_t stride_;  // of the rows' int8 codes
  math::AlignedBytes section_;
  // Of the rows: by int8 codes, and along the axes.
  math::AlignedBytes centre_codes_;
  float centre_scale_ = 0;
  std::vector<float> centre_;
};

}  // namespace kindred::storage
