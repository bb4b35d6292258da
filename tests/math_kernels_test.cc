// One pair of vectors through every kernel of every instruction set this CPU can run.
// SPDX-License-Identifier: Apache-2.0
#include "math/kernels.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <stdexcept>
#include <string>

#include "math/quantize.h"
#include "tests/support/catch.h"
#include "tests/support/vectors.h"

namespace kindred::test {
namespace {

using math::Kernels;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

// What the float kernels should give, and the sum of the magnitudes that rounding is relative to.
struct FloatReference {
  double dot = 0, dot_magnitude = 0, l2_squared = 0, l1 = 0, aa = 0, bb = 0;

  FloatReference(const std::vector<float>& a, const std::vector<float>& b) {
    for (size_t i = 0; i < a.size(); ++i) {
      const double x = a[i];
      const double y = b[i];
      dot += x * y;
      dot_magnitude += std::abs(x * y);
      l2_squared += (x - y) * (x - y);
      l1 += std::abs(x - y);
      aa += x * x;
      bb += y * y;
    }
  }
};

struct ByteReference {
  int32_t dot = 0, sum = 0;
  int64_t l2_squared = 0, l1 = 0;
  uint32_t hamming = 0;

  ByteReference(const std::vector<int8_t>& a, const std::vector<int8_t>& b) {
    for (size_t i = 0; i < a.size(); ++i) {
      const int difference = a[i] - b[i];
      dot += a[i] * b[i];
      sum += a[i];
      l2_squared += difference * difference;
      l1 += std::abs(difference);
      hamming += static_cast<uint32_t>(__builtin_popcount(static_cast<uint8_t>(a[i] ^ b[i])));
    }
  }
};

bool is_near(float got, double expected, double magnitude, size_t n) {
  return std::abs(got - expected) <= math::rounding_error(n) * magnitude;
}

void check_floats(const Kernels& kernels, const std::vector<float>& va,
                  const std::vector<float>& vb, size_t shift) {
  const size_t n = va.size();
  const Placed<float> a(va, shift);
  const Placed<float> b(vb, 2 * shift);
  const FloatReference expected(va, vb);
  CAPTURE(kernels.name, n, shift);
  CHECK(is_near(kernels.dot(a.data(), b.data(), n), expected.dot, expected.dot_magnitude, n));
  CHECK(is_near(kernels.l2_squared(a.data(), b.data(), n), expected.l2_squared, expected.l2_squared,
                n));
  CHECK(is_near(kernels.l1(a.data(), b.data(), n), expected.l1, expected.l1, n));
  const math::CosineSums sums = kernels.cosine_sums(a.data(), b.data(), n);
  CHECK(sums.dot == kernels.dot(a.data(), b.data(), n));
  CHECK(sums.aa == kernels.dot(a.data(), a.data(), n));
  CHECK(sums.bb == kernels.dot(b.data(), b.data(), n));
  CHECK(is_near(sums.aa, expected.aa, expected.aa, n));
}

void check_bytes(const Kernels& kernels, const std::vector<int8_t>& va,
                 const std::vector<int8_t>& vb, size_t shift) {
  const size_t n = va.size();
  const Placed<int8_t> a(va, shift);
  const Placed<int8_t> b(vb, 2 * shift);
  const ByteReference expected(va, vb);
  CAPTURE(kernels.name, n, shift);
  CHECK(kernels.sum_i8(a.data(), n) == expected.sum);
  CHECK(kernels.dot_i8(a.data(), expected.sum, b.data(), n) == expected.dot);
  if (n > 0 && *std::min_element(vb.begin(), vb.end()) > -128)
    CHECK(kernels.dot_codes(a.data(), expected.sum, b.data(), n) == expected.dot);
  CHECK(kernels.l2_squared_i8(a.data(), b.data(), n) == expected.l2_squared);
  CHECK(kernels.l1_i8(a.data(), b.data(), n) == expected.l1);
  CHECK(kernels.hamming(reinterpret_cast<const uint8_t*>(a.data()),
                        reinterpret_cast<const uint8_t*>(b.data()), n) == expected.hamming);
}

TEST_CASE("float kernels agree with double arithmetic at every length and alignment",
          "[math][kernels]") {
  for (const Kernels* kernels : math::runnable())
    for (const size_t n : kernel_lengths())
      for (const size_t shift : {0, 1, 3})
        check_floats(*kernels, random_floats(n, 1), random_floats(n, 2, 0.5F), shift);
}

TEST_CASE("float kernels of zero vectors give exactly zero", "[math][kernels]") {
  const std::vector<float> zero(100);
  for (const Kernels* kernels : math::runnable()) {
    CHECK(kernels->dot(zero.data(), zero.data(), 100) == 0);
    CHECK(kernels->l2_squared(zero.data(), zero.data(), 100) == 0);
    CHECK(kernels->l1(zero.data(), zero.data(), 100) == 0);
  }
}

TEST_CASE("float kernels propagate NaN and infinity from any position", "[math][kernels]") {
  const std::vector<float> ones(100, 1.0F);
  for (const Kernels* kernels : math::runnable())
    for (size_t i = 0; i < ones.size(); ++i) {
      std::vector<float> a = ones;
      a[i] = kNaN;
      CAPTURE(kernels->name, i);
      CHECK(std::isnan(kernels->dot(a.data(), ones.data(), 100)));
      CHECK(std::isnan(kernels->l2_squared(a.data(), ones.data(), 100)));
      CHECK(std::isnan(kernels->l1(a.data(), ones.data(), 100)));
      CHECK(std::isnan(kernels->cosine_sums(a.data(), ones.data(), 100).aa));
      a[i] = -kInfinity;
      CHECK(kernels->dot(a.data(), ones.data(), 100) == -kInfinity);
      CHECK(kernels->l1(a.data(), ones.data(), 100) == kInfinity);
    }
}

TEST_CASE("max_abs finds the largest magnitude wherever it is", "[math][kernels]") {
  const std::vector<float> small = random_floats(100, 3);
  for (const Kernels* kernels : math::runnable()) {
    CHECK(kernels->max_abs(small.data(), 0) == 0);
    for (size_t i = 0; i < small.size(); ++i) {
      std::vector<float> a = small;
      CAPTURE(kernels->name, i);
      a[i] = -1000;
      CHECK(kernels->max_abs(a.data(), a.size()) == 1000);
      a[i] = -kInfinity;
      CHECK(kernels->max_abs(a.data(), a.size()) == kInfinity);
      a[(i + 1) % a.size()] = kNaN;
      CHECK(std::isnan(kernels->max_abs(a.data(), a.size())));
    }
  }
}

TEST_CASE("int8 and bit kernels are exact at every length and alignment", "[math][kernels]") {
  for (const Kernels* kernels : math::runnable())
    for (const size_t n : kernel_lengths())
      for (const size_t shift : {0, 1, 5})
        check_bytes(*kernels, random_bytes(n, 1), random_bytes(n, 2), shift);
}

TEST_CASE("int8 kernels are exact at the extremes of value and length", "[math][kernels]") {
  const int8_t value_a = GENERATE(-128, -127, 0, 127);
  const int8_t value_b = GENERATE(-128, -127, -1, 127);
  for (const Kernels* kernels : math::runnable())
    for (const size_t n : {1, 100, 65535, 65536})
      check_bytes(*kernels, std::vector<int8_t>(n, value_a), std::vector<int8_t>(n, value_b), 0);
}

// The element of a packed row of 4-bit numbers.
int32_t number(const std::vector<int8_t>& row, size_t i) {
  return i < row.size() ? row[i] & 15 : row[i - row.size()] >> 4 & 15;
}

void check_nibbles(const Kernels& kernels, const std::vector<int8_t>& query,
                   const std::vector<int8_t>& rows, size_t count) {
  const size_t bytes = rows.size() / count;
  std::vector<int32_t> scanned(count);
  kernels.dot_u4_scan(query.data(), rows.data(), bytes, bytes, count, scanned.data());
  const int8_t* sixteen[16];
  for (size_t i = 0; i < 16; ++i) sixteen[i] = rows.data() + i * 7 % count * bytes;
  int32_t of_sixteen[16];
  kernels.dot_u4_x16(query.data(), sixteen, bytes, of_sixteen);
  CAPTURE(kernels.name, bytes, count);
  for (size_t r = 0; r < count; ++r) {
    const int8_t* const at = rows.data() + r * bytes;
    const std::vector<int8_t> row(at, at + bytes);
    int32_t expected = 0;
    for (size_t i = 0; i < 2 * bytes; ++i) expected += query[i] * number(row, i);
    CHECK(kernels.dot_u4(query.data(), at, bytes) == expected);
    CHECK(scanned[r] == expected);
    for (size_t i = 0; i < 16; ++i)
      if (sixteen[i] == at) CHECK(of_sixteen[i] == expected);
  }
}

TEST_CASE("kernels of 4-bit numbers equal a plain loop, one row, sixteen or many",
          "[math][kernels]") {
  for (const Kernels* kernels : math::runnable())
    for (const size_t bytes : {1, 2, 15, 16, 31, 32, 33, 63, 64, 65, 96, 160, 192, 391})
      for (const size_t count : {1, 3, 4, 5, 50}) {
        const std::vector<int8_t> random = random_bytes(count * bytes, 41);
        check_nibbles(*kernels, random_bytes(2 * bytes, 42), {random.begin(), random.end()}, count);
      }
  for (const Kernels* kernels : math::runnable())
    for (const int8_t value : {-128, 127})
      check_nibbles(*kernels, std::vector<int8_t>(65536, value), std::vector<int8_t>(32768, -1), 1);
}

TEST_CASE("encode_u4 rounds to the nearest of 16 levels and returns the squared residual",
          "[math][kernels]") {
  for (const Kernels* kernels : math::runnable())
    for (const size_t n : kernel_lengths())
      for (const float share : {1.0F, 0.5F}) {  // of the largest element, for the last level
        const std::vector<float> v = random_floats(n, 4);
        const Placed<float> placed(v, 1);
        const float scale = share * kernels->max_abs(placed.data(), n) / 7.5F + 1e-9F;
        const size_t bytes = (n + 1) / 2 + n % 3;
        std::vector<int8_t> codes(bytes + 1, 99);
        const double squares = kernels->encode_u4(placed.data(), n, scale, codes.data(), bytes);
        CHECK(codes.back() == 99);
        codes.pop_back();
        double expected = 0;
        CAPTURE(kernels->name, n, share);
        for (size_t i = 0; i < n; ++i) {
          const double level = v[i] / scale;
          const double residual = v[i] - static_cast<double>(scale) * (number(codes, i) - 7.5);
          expected += residual * residual;
          if (std::abs(level) <= 7.5)
            CHECK(std::abs(residual) <= 0.50001 * scale);
          else
            CHECK(number(codes, i) == (level > 0 ? 15 : 0));
        }
        CHECK(squares == Approx(expected).epsilon(1e-4).margin(1e-12));
      }
}

TEST_CASE("encode_i8 rounds to nearest and returns the squared residual", "[math][kernels]") {
  for (const Kernels* kernels : math::runnable())
    for (const size_t n : kernel_lengths()) {
      const std::vector<float> v = random_floats(n, 4);
      const Placed<float> placed(v, 1);
      const float scale = kernels->max_abs(placed.data(), n) / 127 + 1e-9F;
      std::vector<int8_t> codes(n + 1, 99);
      const double squares = kernels->encode_i8(placed.data(), n, scale, codes.data());
      double expected = 0;
      CAPTURE(kernels->name, n);
      for (size_t i = 0; i < n; ++i) {
        const double residual = v[i] - static_cast<double>(scale) * codes[i];
        expected += residual * residual;
        CHECK(std::abs(residual) <= 0.50001 * scale);
      }
      CHECK(squares == Approx(expected).epsilon(1e-10));
      CHECK(codes[n] == 99);
    }
}

TEST_CASE("choose finds every runnable set by its name", "[math][kernels]") {
  REQUIRE(!math::runnable().empty());
  for (const Kernels* kernels : math::runnable()) CHECK(&math::choose(kernels->name) == kernels);
}

TEST_CASE("choose rejects an unknown set and names the known ones", "[math][kernels]") {
  const std::string worst = math::runnable().back()->name;
  CHECK_THROWS_AS(math::choose(""), std::runtime_error);
  try {
    math::choose("mmx");
    FAIL("choose accepted mmx");
  } catch (const std::runtime_error& error) {
    const std::string message = error.what();
    CHECK(message.find("KINDRED_FORCE_ISA") != std::string::npos);
    CHECK(message.find("\"mmx\"") != std::string::npos);
    CHECK(message.find(worst) != std::string::npos);
  }
}

TEST_CASE("active kernels are the forced set, else the best", "[math][kernels]") {
  const char* forced = std::getenv("KINDRED_FORCE_ISA");
  const std::string expected = forced != nullptr ? forced : math::runnable().front()->name;
  CHECK(math::active().name == expected);
}

}  // namespace
}  // namespace kindred::test
