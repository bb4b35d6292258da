// How principal codes are made.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "math/aligned.h"
#include "storage/building/coded_rows.h"
#include "storage/graphs/principal_codes.h"

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
  size_t projected_stride() const noexcept { return math::aligned_stride(count_); }

 private:
  void keep_centre(const std::vector<float>& mean);
  void keep_axes(const std::vector<float>& vectors, size_t dim);
  float dot_of_centre(const int8_t* codes, float scale) const;

  size_t code_bytes_;
  size_t stride_;     // of the rows' int8 codes
  size_t count_ = 0;  // of axes that are not zeros
  math::AlignedBytes section_;
  math::AlignedBytes centre_codes_;  // of the rows, int8
  float centre_scale_ = 0;
};

}  // namespace kindred::storage
