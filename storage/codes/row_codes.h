// What the scan reads of a vector beside itself: int8 codes, where there are any, and the numbers
// that a lower bound of its distance is made of (scorer.h). For rows of the tail and of segments.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "storage/format.h"

namespace kindred::storage {

// Whether vectors are scanned by int8 codes made for the purpose.
bool has_codes(const VectorSpec& spec) noexcept;

// Whether codes may have a centre. A distance of prefixes is divided by each row's norm, so that a
// centre does not drop out of it.
bool has_centre(const VectorSpec& spec) noexcept;

// The same vectors, which are their own codes.
VectorSpec without_codes(VectorSpec spec) noexcept;

// Bytes from row to row, multiples of 64; that of codes is 0 where there are none.
size_t exact_stride(const VectorSpec& spec) noexcept;
size_t code_stride(const VectorSpec& spec) noexcept;

// Whether codes or norm can say anything of a vector with this sum of squares: float32 has neither
// lost its small terms nor overflowed. Of one that they cannot, the residual's norm is infinite.
bool is_codable(const float* v, size_t dim, float norm_squared) noexcept;

struct RowNumbers {
  // Of the codes; under the cosine metric those of the vector scaled to length 1. Less the centre
  // where there is one.
  float scale = 0;
  float code_norm = 0;
  float residual_norm = 0;  // of the elements that have codes; 0 without codes
  // Euclidean norm, rounded up, of the others: those behind VectorSpec::prefix. Scaled as codes
  // are.
  float suffix_norm = 0;
  // Of the vector itself; 0 only of the zero vector, which under cosine is nobody's neighbour.
  float norm_squared = 0;
  // Of a row less a centre: what its distance from a query has that does not depend on this, less
  // times_of() the dot product of both without the centre: under l2 its squared norm without the
  // centre, under cosine half of that, under dot minus its dot product with the centre.
  float bias = 0;
};

// What rows have in common takes most of their codes' bits where they lie far from the origin:
// contextual embeddings do, and all that is not negative. Codes are then of rows less their centre.
// Distances under l2 do not change with the origin, nor do those of unit vectors, half of whose
// squares cosine distances are; a dot product is made up of three.
class RowCentre {
 public:
  explicit RowCentre(const VectorSpec& spec) : spec_(spec) {}

  // Takes in a row of a sample. REQUIRES: has_centre(spec).
  void add(const std::byte* exact);
  // The centre, of code_stride() elements; empty where codes would say little more with it.
  std::vector<float> find() const;

 private:
  VectorSpec spec_;
  std::vector<float> rows_;  // as codes express them, end to end
};

class RowEncoder {
 public:
  // `centre`: RowCentre::find(), or empty.
  explicit RowEncoder(const VectorSpec& spec, std::vector<float> centre = {})
      : spec_(spec), centre_(std::move(centre)) {}

  // Writes code_stride() bytes of codes, if there are any. REQUIRES: `exact` aligned for its type.
  RowNumbers encode(const std::byte* exact, int8_t* codes);

 private:
  RowNumbers encode_floats(const float* v, int8_t* codes);
  void make_codes(const float* v, int8_t* codes, RowNumbers& numbers);

  VectorSpec spec_;
  std::vector<float> centre_;
  std::vector<float> unit_;
  std::vector<float> apart_;  // of the row at hand, from the centre
};

// Of so many elements: a - b, and the bias of a row (RowNumbers) that is `apart` from its centre.
void subtract(const float* a, const float* b, size_t dim, float* out) noexcept;
float bias_of(math::Metric metric, const float* apart, const float* centre, size_t dim) noexcept;
// By how much of itself, at most, a difference is rounded off: what its codes do not know of.
inline constexpr float kDifferenceRounding = 1.2e-7F;

}  // namespace kindred::storage
