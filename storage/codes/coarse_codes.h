// The 4-bit codes of a segment's rows: half the bytes of int8 codes, which a scan reads first. They
// express what a row's int8 codes do, less the mean of all: what rows have in common needs no bits.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "storage/codes/row_codes.h"
#include "storage/format.h"

namespace kindred::storage {

// Bytes from row to row, a multiple of 32; 0 where rows have no int8 codes either. The numbers of
// elements j and j + coarse_stride() are in byte j (Kernels::encode_u4).
size_t coarse_stride(const VectorSpec& spec) noexcept;

// v[i] = centre[i] + scale * (number[i] - 7.5) + residual[i], where v is what int8 codes are made
// of (row_codes.h).
struct CoarseNumbers {
  float scale;
  float residual_norm;  // rounded up, with what float32 arithmetic may add to it
};

// The mean of rows' int8 codes, for all elements of a stride.
class CentreOfCodes {
 public:
  explicit CentreOfCodes(const VectorSpec& spec) : sums_(code_stride(spec)) {}
  void add(const int8_t* codes, float scale) noexcept;
  // Zeros where nothing that is finite has been added.
  std::vector<float> mean() const;

 private:
  std::vector<double> sums_;
  size_t rows_ = 0;
};

class CoarseEncoder {
 public:
  // `centre`: CentreOfCodes::mean(), or zeros.
  CoarseEncoder(const VectorSpec& spec, std::vector<float> centre);

  // Writes coarse_stride() bytes. The row's int8 codes and numbers are RowEncoder's.
  CoarseNumbers encode(const int8_t* codes, const RowNumbers& numbers, int8_t* coarse);

 private:
  size_t dim_;
  std::vector<float> centre_;
  float centre_norm_;
  std::vector<float> apart_;  // of the row at hand, from the centre
};

}  // namespace kindred::storage
