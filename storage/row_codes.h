// What the scan reads of a vector beside itself: int8 codes, where there are any, and the four
// numbers that a lower bound of its distance is made of (scorer.h). The same for rows of the tail
// and of segments.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "storage/format.h"

namespace kindred::storage {

// Whether vectors are scanned by int8 codes made for the purpose.
bool has_codes(const VectorSpec& spec) noexcept;

// The same vectors, which are their own codes.
VectorSpec without_codes(VectorSpec spec) noexcept;

// Bytes from row to row, multiples of 64; that of codes is 0 where there are none.
size_t exact_stride(const VectorSpec& spec) noexcept;
size_t code_stride(const VectorSpec& spec) noexcept;

// Whether codes or norm can say anything of a vector with this sum of squares: float32 has neither
// lost its small terms nor overflowed. Of one that they cannot, the residual's norm is infinite.
bool is_codable(const float* v, size_t dim, float norm_squared) noexcept;

struct RowNumbers {
  // Of the codes; under the cosine metric those of the vector scaled to length 1.
  float scale = 0;
  float code_norm = 0;
  float residual_norm = 0;  // of the elements that have codes; 0 without codes
  // Euclidean norm, rounded up, of the others: those behind VectorSpec::prefix. Scaled as codes
  // are.
  float suffix_norm = 0;
  // Of the vector itself; 0 only of the zero vector, which under cosine is nobody's neighbour.
  float norm_squared = 0;
};

class RowEncoder {
 public:
  explicit RowEncoder(const VectorSpec& spec) : spec_(spec) {}

  // Writes code_stride() bytes of codes, if there are any. REQUIRES: `exact` aligned for its type.
  RowNumbers encode(const std::byte* exact, int8_t* codes);

 private:
  RowNumbers encode_floats(const float* v, int8_t* codes);
  const float* scaled(const float* v, float factor);
  void make_codes(const float* v, int8_t* codes, RowNumbers& numbers) const;

  VectorSpec spec_;
  std::vector<float> unit_;
};

}  // namespace kindred::storage
