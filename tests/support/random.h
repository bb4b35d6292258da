// Random numbers that are the same on every machine and library: splitmix64.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

namespace kindred::test {

class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t bits() {
    uint64_t z = (state_ += 0x9E3779B97F4A7C15U);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31);
  }
  // From 0 to n - 1.
  int64_t below(int64_t n) { return static_cast<int64_t>(bits() % static_cast<uint64_t>(n)); }
  bool one_in(int64_t n) { return below(n) == 0; }
  // From -1 to 1.
  float uniform() { return static_cast<float>(static_cast<double>(bits() >> 11) * 0x1p-52 - 1); }
  std::vector<float> vector(size_t dim, float scale = 1) {
    std::vector<float> v(dim);
    for (float& x : v) x = uniform() * scale;
    return v;
  }
  template <class T>
  const T& pick(const std::vector<T>& from) {
    return from[static_cast<size_t>(below(static_cast<int64_t>(from.size())))];
  }

 private:
  uint64_t state_;
};

// Of float32 elements, as collections have them.
inline std::string bytes_of(const std::vector<float>& v) {
  return {reinterpret_cast<const char*>(v.data()), v.size() * sizeof(float)};
}

// How long a random test is: `usual`, or $KINDRED_STEPS for a night.
inline int64_t steps(int64_t usual) {
  const char* set = std::getenv("KINDRED_STEPS");
  return set != nullptr ? std::strtoll(set, nullptr, 10) : usual;
}

// The seed of a random test: `usual`, or another history for each $KINDRED_SEED.
inline uint64_t seed(uint64_t usual) {
  const char* set = std::getenv("KINDRED_SEED");
  return set != nullptr ? usual + 1000 * std::strtoull(set, nullptr, 10) : usual;
}

}  // namespace kindred::test
