// Vectors for tests of the kernels: seeded, of any magnitude, at any distance from alignment.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <random>
#include <vector>

namespace kindred::test {

// Lengths around every unrolling of every instruction set, and the usual dimensions.
inline std::vector<size_t> kernel_lengths() {
  std::vector<size_t> lengths;
  for (size_t n = 0; n <= 4 * 64 + 1; ++n) lengths.push_back(n);
  for (const size_t n : {300, 384, 768, 1536, 1543}) lengths.push_back(n);
  return lengths;
}

// Normally distributed around `offset`.
inline std::vector<float> random_floats(size_t n, uint32_t seed, float offset = 0) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(offset, 1);
  std::vector<float> v(n);
  for (float& x : v) x = normal(random);
  return v;
}

// Uniform over all 256 values.
inline std::vector<int8_t> random_bytes(size_t n, uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<int8_t> v(n);
  for (int8_t& x : v) x = static_cast<int8_t>(random());
  return v;
}

// The elements `shift` elements after a boundary of 64 bytes, at the very end of their block of
// memory, so that a sanitizer sees a read past them.
template <class T>
class Placed {
 public:
  Placed(const std::vector<T>& v, size_t shift) : shift_(shift) {
    void* block = nullptr;
    if (posix_memalign(&block, 64, (shift + v.size()) * sizeof(T)) != 0) throw std::bad_alloc();
    block_.reset(static_cast<T*>(block));
    std::copy(v.begin(), v.end(), block_.get() + shift);
  }
  const T* data() const { return block_.get() + shift_; }

 private:
  struct Free {
    void operator()(T* block) const { std::free(block); }
  };
  std::unique_ptr<T, Free> block_;
  size_t shift_;
};

}  // namespace kindred::test
