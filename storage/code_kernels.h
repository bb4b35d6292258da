// How codes are compared: the one place where that depends on element type and metric. Codes are
// what scans and graphs read of a vector: int8 numbers, made for the purpose (row_codes.h) or the
// vector itself, or bits, eight a byte.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "math/kernels.h"
#include "storage/format.h"

namespace kindred::storage {

class CodeKernels {
 public:
  // Compares nothing: to be assigned to.
  CodeKernels() = default;
  explicit CodeKernels(const VectorSpec& spec);

  // Whether what the functions below give is a distance, less where codes are nearer (the sum of
  // absolute differences under l1, the number of differing bits), and not their dot product.
  bool is_distance() const noexcept { return comparison_ > Comparison::kDotOfMade; }

  // What the functions below want to know of a query beside its codes.
  int32_t sum(const int8_t* query, size_t bytes) const noexcept;
  int32_t one(const int8_t* query, int32_t sum, const int8_t* row, size_t bytes) const noexcept {
    switch (comparison_) {
      case Comparison::kL1:
        return static_cast<int32_t>(kernels_->l1_i8(query, row, bytes));
      case Comparison::kHamming:
        return static_cast<int32_t>(kernels_->hamming(as_bits(query), as_bits(row), bytes));
      case Comparison::kDotOfMade:
        return kernels_->dot_codes(query, sum, row, bytes);
      default:
        return kernels_->dot_i8(query, sum, row, bytes);
    }
  }
  void four(const int8_t* query, int32_t sum, const int8_t* const rows[4], size_t bytes,
            int32_t out[4]) const noexcept {
    if (comparison_ == Comparison::kDotOfMade)
      kernels_->dot_codes_x4(query, sum, rows, bytes, out);
    else if (comparison_ == Comparison::kDot)
      kernels_->dot_i8_x4(query, sum, rows, bytes, out);
    else
      distances_of_four(query, rows, bytes, reinterpret_cast<uint32_t*>(out));
  }
  // Of `count` rows that lie `stride` bytes apart.
  void scan(const int8_t* query, int32_t sum, const int8_t* rows, size_t stride, size_t bytes,
            size_t count, int32_t* out) const noexcept;

 private:
  // kDotOfMade: of codes made for the purpose, none of which is -128.
  enum class Comparison : uint8_t { kDot, kDotOfMade, kL1, kHamming };

  static const uint8_t* as_bits(const int8_t* code) noexcept {
    return reinterpret_cast<const uint8_t*>(code);
  }
  void distances_of_four(const int8_t* query, const int8_t* const rows[4], size_t bytes,
                         uint32_t out[4]) const noexcept {
    if (comparison_ == Comparison::kL1) return kernels_->l1_i8_x4(query, rows, bytes, out);
    const uint8_t* const bits[4] = {as_bits(rows[0]), as_bits(rows[1]), as_bits(rows[2]),
                                    as_bits(rows[3])};
    kernels_->hamming_x4(as_bits(query), bits, bytes, out);
  }

  const math::Kernels* kernels_ = nullptr;
  Comparison comparison_ = Comparison::kDot;
};

}  // namespace kindred::storage
