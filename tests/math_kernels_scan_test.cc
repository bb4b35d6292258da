// Kernels over several rows give what the one-pair kernels give, bit for bit.
// SPDX-License-Identifier: Apache-2.0
#include "math/kernels.h"
#include "tests/support/catch.h"
#include "tests/support/vectors.h"

namespace kindred::test {
namespace {

using math::Kernels;

// Row counts around the groups of four, and enough rows for the prefetch to run ahead.
constexpr size_t kCounts[] = {0, 1, 3, 4, 5, 8, 100};

// `count` rows of `dim` elements, `stride` apart, the last one ending the block.
size_t block_size(size_t count, size_t stride, size_t dim) {
  return count == 0 ? 0 : (count - 1) * stride + dim;
}

using FloatPair = float (*)(const float*, const float*, size_t) noexcept;
using FloatScan = void (*)(const float*, const float*, size_t, size_t, size_t, float*) noexcept;

void check_scan(FloatPair pair, FloatScan scan, size_t dim, size_t stride, size_t count) {
  const Placed<float> rows(random_floats(block_size(count, stride, dim), 5), 1);
  const std::vector<float> query = random_floats(dim, 6);
  std::vector<float> out(count, -1.0F);
  scan(query.data(), rows.data(), stride, dim, count, out.data());
  CAPTURE(dim, stride, count);
  for (size_t r = 0; r < count; ++r)
    CHECK(out[r] == pair(query.data(), rows.data() + r * stride, dim));
}

TEST_CASE("float scans equal the one-pair kernels bit for bit", "[math][kernels]") {
  for (const Kernels* kernels : math::runnable())
    for (const size_t dim : {1, 7, 64, 100, 384, 391})
      for (const size_t count : kCounts) {
        CAPTURE(kernels->name);
        check_scan(kernels->dot, kernels->dot_scan, dim, dim + count % 3, count);
        check_scan(kernels->l2_squared, kernels->l2_squared_scan, dim, dim, count);
        check_scan(kernels->l1, kernels->l1_scan, dim, dim, count);
      }
}

TEST_CASE("int8 and bit scans equal the one-pair kernels", "[math][kernels]") {
  for (const Kernels* kernels : math::runnable())
    for (const size_t dim : {1, 48, 64, 100, 384, 391})
      for (const size_t count : kCounts) {
        const size_t stride = dim + count % 3;
        const Placed<int8_t> rows(random_bytes(block_size(count, stride, dim), 7), 1);
        const std::vector<int8_t> query = random_bytes(dim, 8);
        const int32_t sum = kernels->sum_i8(query.data(), dim);
        const auto* bits = reinterpret_cast<const uint8_t*>(rows.data());
        const auto* query_bits = reinterpret_cast<const uint8_t*>(query.data());
        std::vector<int32_t> dots(count);
        std::vector<uint32_t> distances(count);
        std::vector<uint32_t> l1(count);
        kernels->dot_i8_scan(query.data(), sum, rows.data(), stride, dim, count, dots.data());
        kernels->hamming_scan(query_bits, bits, stride, dim, count, distances.data());
        kernels->l1_i8_scan(query.data(), rows.data(), stride, dim, count, l1.data());
        CAPTURE(kernels->name, dim, count);
        for (size_t r = 0; r < count; ++r) {
          CHECK(l1[r] == kernels->l1_i8(query.data(), rows.data() + r * stride, dim));
          CHECK(dots[r] == kernels->dot_i8(query.data(), sum, rows.data() + r * stride, dim));
          CHECK(distances[r] == kernels->hamming(query_bits, bits + r * stride, dim));
        }
      }
}

TEST_CASE("four rows at once equal the one-pair kernels bit for bit", "[math][kernels]") {
  for (const Kernels* kernels : math::runnable())
    for (const size_t n : kernel_lengths()) {
      const std::vector<float> query = random_floats(n, 9);
      const std::vector<int8_t> codes = random_bytes(n, 10);
      std::vector<Placed<float>> floats;
      std::vector<Placed<int8_t>> bytes;
      const float* float_rows[4];
      const int8_t* byte_rows[4];
      const uint8_t* bit_rows[4];
      for (uint32_t r = 0; r < 4; ++r) {
        float_rows[r] = floats.emplace_back(random_floats(n, 20 + r), r).data();
        byte_rows[r] = bytes.emplace_back(random_bytes(n, 30 + r), r).data();
        bit_rows[r] = reinterpret_cast<const uint8_t*>(byte_rows[r]);
      }
      const int32_t sum = kernels->sum_i8(codes.data(), n);
      float dots[4];
      float squares[4];
      float manhattan[4];
      int32_t byte_dots[4];
      uint32_t l1[4];
      uint32_t hamming[4];
      const auto* bits = reinterpret_cast<const uint8_t*>(codes.data());
      kernels->dot_x4(query.data(), float_rows, n, dots);
      kernels->l2_squared_x4(query.data(), float_rows, n, squares);
      kernels->l1_x4(query.data(), float_rows, n, manhattan);
      kernels->dot_i8_x4(codes.data(), sum, byte_rows, n, byte_dots);
      kernels->l1_i8_x4(codes.data(), byte_rows, n, l1);
      kernels->hamming_x4(bits, bit_rows, n, hamming);
      CAPTURE(kernels->name, n);
      for (int r = 0; r < 4; ++r) {
        CHECK(dots[r] == kernels->dot(query.data(), float_rows[r], n));
        CHECK(squares[r] == kernels->l2_squared(query.data(), float_rows[r], n));
        CHECK(manhattan[r] == kernels->l1(query.data(), float_rows[r], n));
        CHECK(l1[r] == kernels->l1_i8(codes.data(), byte_rows[r], n));
        CHECK(hamming[r] == kernels->hamming(bits, bit_rows[r], n));
        CHECK(byte_dots[r] == kernels->dot_i8(codes.data(), sum, byte_rows[r], n));
      }
    }
}

TEST_CASE("kernels of codes equal those of any int8, one row, four or many", "[math][kernels]") {
  for (const Kernels* kernels : math::runnable())
    for (const size_t n : kernel_lengths()) {
      const std::vector<int8_t> query = random_bytes(n, 11);
      const int32_t sum = kernels->sum_i8(query.data(), n);
      std::vector<int8_t> rows = random_bytes(4 * n, 12);
      std::replace(rows.begin(), rows.end(), int8_t{-128}, int8_t{-127});
      const int8_t* const four[4] = {rows.data(), rows.data() + n, rows.data() + 2 * n,
                                     rows.data() + 3 * n};
      int32_t of_four[4];
      int32_t of_scan[4];
      kernels->dot_codes_x4(query.data(), sum, four, n, of_four);
      kernels->dot_codes_scan(query.data(), sum, rows.data(), n, n, 4, of_scan);
      CAPTURE(kernels->name, n);
      for (size_t r = 0; r < 4; ++r) {
        const int32_t expected = kernels->dot_i8(query.data(), sum, four[r], n);
        CHECK(kernels->dot_codes(query.data(), sum, four[r], n) == expected);
        CHECK(of_four[r] == expected);
        CHECK(of_scan[r] == expected);
      }
    }
}

}  // namespace
}  // namespace kindred::test
