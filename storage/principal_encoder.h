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

 private:
  void keep(const std::vector<float>& axes, size_t dim);

  size_t code_bytes_;
  size_t stride_;  // of the rows' int8 codes
  math::AlignedBytes section_;
  std::vector<float> centre_;  // of the rows, along the axes
};

}  // namespace kindred::storage
