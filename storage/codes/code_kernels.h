// How codes are compared: the one place where that depends on element type and metric. Codes are
// what graphs read of a vector, and scans too: int8 numbers made for the purpose (row_codes.h),
// 4-bit ones made of these (coarse_codes.h, principal_codes.h), which are compared with int8 codes
// of a query, or the vector itself: int8 numbers, bits, eight a byte, or float32 numbers, whose
// bytes are handed in as those of the others.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>

#include "math/kernels.h"
#include "storage/format.h"

namespace kindred::storage {

// A query as codes are compared with it. Borrowed.
struct CodedQuery {
  const int8_t* codes = nullptr;   // padded with zeros to their stride
  int32_t sum = 0;                 // CodeKernels::sum() of the codes
  float scale = 1;                 // the query is scale * codes
  float times = 1;                 // how much of its dot product with a row is in a distance
  const int8_t* vector = nullptr;  // its bytes, for graphs that have vectors in place of codes
  // A row's distance, under l2 its square, less its key: more or less, and but for a factor that
  // all rows have. None where distances do not begin at 0, or codes do not cover the vector.
  std::optional<float> offset = std::nullopt;

  float factor() const noexcept { return times * scale; }  // see NodeNumbers (graph_format.h)
};

// How much of a dot product of vectors is in their distance, under l2 in its square.
inline float times_of(math::Metric metric) noexcept {
  return metric == math::Metric::kL2 ? 2.0F : 1.0F;
}

// Every processor that there are kernels for has registers of four. Made one by one, keys are a
// quarter of a comparison's instructions. g++ and clang know such vectors by this name.
using FourFloats = float __attribute__((vector_size(4 * sizeof(float))));

class CodeKernels {
 public:
  static constexpr size_t kFour = 4;      // rows that four() compares
  static constexpr size_t kSixteen = 16;  // the same of sixteen()

  // Compares nothing: to be assigned to.
  CodeKernels() = default;
  explicit CodeKernels(const VectorSpec& spec);
  // For coarse and principal codes.
  static CodeKernels of_4_bit_codes(const VectorSpec& spec);

  // Whether what the functions below give is a distance, less where codes are nearer (the sum of
  // absolute differences under l1, the number of differing bits, the sum of squared differences of
  // float32 under l2), and not their dot product.
  bool is_distance() const noexcept { return comparison_ > Comparison::kDotOfFloats; }

  // What the functions below want to know of a query beside its codes.
  int32_t sum(const int8_t* query, size_t bytes) const noexcept;
  // Lengths count bytes of a row, those that fill it up with zeros among them. Of 4-bit codes what
  // they express is compared, in steps of theirs from the centre.
  float one(const int8_t* query, int32_t sum, const int8_t* row, size_t bytes) const noexcept {
    switch (comparison_) {
      case Comparison::kL1:
        return static_cast<float>(kernels_->l1_i8(query, row, bytes));
      case Comparison::kHamming:
        return static_cast<float>(kernels_->hamming(as_bits(query), as_bits(row), bytes));
      case Comparison::kDotOfMade:
        return static_cast<float>(kernels_->dot_codes(query, sum, row, bytes));
      case Comparison::kDotOf4Bits:
        return result(kernels_->dot_u4(query, row, bytes), sum);
      case Comparison::kDot:
        return static_cast<float>(kernels_->dot_i8(query, sum, row, bytes));
      case Comparison::kL1OfFloats:
        return kernels_->l1(as_floats(query), as_floats(row), bytes / sizeof(float));
      case Comparison::kL2OfFloats:
        return kernels_->l2_squared(as_floats(query), as_floats(row), bytes / sizeof(float));
      default:
        return kernels_->dot(as_floats(query), as_floats(row), bytes / sizeof(float));
    }
  }
  FourFloats four(const int8_t* query, int32_t sum, const int8_t* const rows[4],
                  size_t bytes) const noexcept {
    int32_t compared[4];
    if (comparison_ == Comparison::kDotOfMade)
      kernels_->dot_codes_x4(query, sum, rows, bytes, compared);
    else if (comparison_ == Comparison::kDot)
      kernels_->dot_i8_x4(query, sum, rows, bytes, compared);
    else if (is_of_floats())
      return four_floats(query, rows, bytes);
    else
      distances_of_four(query, rows, bytes, reinterpret_cast<uint32_t*>(compared));
    return as_floats(compared);
  }
  void sixteen(const int8_t* query, int32_t sum, const int8_t* const rows[kSixteen], size_t bytes,
               FourFloats out[kSixteen / kFour]) const noexcept {
    if (comparison_ != Comparison::kDotOf4Bits) {
      for (size_t i = 0; i < kSixteen / kFour; ++i)
        out[i] = four(query, sum, rows + i * kFour, bytes);
      return;
    }
    int32_t compared[kSixteen];
    kernels_->dot_u4_x16(query, rows, bytes, compared);
    for (size_t i = 0; i < kSixteen / kFour; ++i)
      out[i] = as_floats(compared + i * kFour) - middle_of(sum);
  }
  // Of `count` rows that lie `stride` bytes apart; out[i] is what one() gives for row i.
  void scan(const int8_t* query, int32_t sum, const int8_t* rows, size_t stride, size_t bytes,
            size_t count, float* out) const noexcept;
  // The same before it is rounded to float32; of coarse codes the dot product of the numbers as
  // they stand. REQUIRES: codes are not of float32.
  void scan(const int8_t* query, int32_t sum, const int8_t* rows, size_t stride, size_t bytes,
            size_t count, int32_t* out) const noexcept;

 private:
  // kDotOfMade: of codes made for the purpose, none of which is -128. Distances come last.
  enum class Comparison : uint8_t {
    kDot,
    kDotOfMade,
    kDotOf4Bits,
    kDotOfFloats,
    kL1,
    kHamming,
    kL1OfFloats,
    kL2OfFloats
  };

  bool is_of_floats() const noexcept {
    return comparison_ == Comparison::kDotOfFloats || comparison_ >= Comparison::kL1OfFloats;
  }
  // What one() says of an integer that a kernel gave. The numbers of 4-bit codes, 0 to 15, stand
  // for -7.5 to 7.5; the sum is the query's.
  float result(int32_t compared, int32_t sum) const noexcept {
    return static_cast<float>(compared) - middle_of(sum);
  }
  float middle_of(int32_t sum) const noexcept {
    return comparison_ == Comparison::kDotOf4Bits ? 7.5F * static_cast<float>(sum) : 0.0F;
  }
  static const uint8_t* as_bits(const int8_t* code) noexcept {
    return reinterpret_cast<const uint8_t*>(code);
  }
  static const float* as_floats(const int8_t* code) noexcept {
    return reinterpret_cast<const float*>(code);
  }
  static FourFloats as_floats(const int32_t four[kFour]) noexcept {
    using FourInts = int32_t __attribute__((vector_size(sizeof(FourFloats))));
    FourInts integers;
    std::memcpy(&integers, four, sizeof integers);
    return __builtin_convertvector(integers, FourFloats);
  }
  void distances_of_four(const int8_t* query, const int8_t* const rows[4], size_t bytes,
                         uint32_t out[4]) const noexcept {
    if (comparison_ == Comparison::kL1) return kernels_->l1_i8_x4(query, rows, bytes, out);
    const uint8_t* const bits[4] = {as_bits(rows[0]), as_bits(rows[1]), as_bits(rows[2]),
                                    as_bits(rows[3])};
    kernels_->hamming_x4(as_bits(query), bits, bytes, out);
  }
  FourFloats four_floats(const int8_t* query, const int8_t* const rows[4],
                         size_t bytes) const noexcept {
    const float* const floats[4] = {as_floats(rows[0]), as_floats(rows[1]), as_floats(rows[2]),
                                    as_floats(rows[3])};
    const auto four = comparison_ == Comparison::kL1OfFloats   ? kernels_->l1_x4
                      : comparison_ == Comparison::kL2OfFloats ? kernels_->l2_squared_x4
                                                               : kernels_->dot_x4;
    float compared[4];
    four(as_floats(query), floats, bytes / sizeof(float), compared);
    return FourFloats{compared[0], compared[1], compared[2], compared[3]};
  }

  const math::Kernels* kernels_ = nullptr;
  Comparison comparison_ = Comparison::kDot;
};

}  // namespace kindred::storage
