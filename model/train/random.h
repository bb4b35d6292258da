// Random numbers that are the same on every machine: SplitMix64 (Steele, Lea & Flood 2014).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace kindred::model {

class Random {
 public:
  explicit Random(uint64_t seed) noexcept : state_(seed) {}

  uint64_t next() noexcept {
    uint64_t z = state_ += 0x9e3779b97f4a7c15ULL;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
  }
  // In [0, n). REQUIRES: 1 <= n < 2^32.
  size_t below(size_t n) noexcept { return static_cast<size_t>((next() >> 32) * n >> 32); }
  // In [0, 1).
  float uniform() noexcept { return static_cast<float>(next() >> 40) * 0x1p-24F; }
  // Nearly normal, mean 0 and variance 1: a sum of twelve uniform numbers.
  float normal() noexcept {
    float sum = -6;
    for (int i = 0; i < 12; ++i) sum += uniform();
    return sum;
  }
  template <class T>
  void shuffle(std::span<T> values) noexcept {
    for (size_t i = values.size(); i > 1; --i) std::swap(values[i - 1], values[below(i)]);
  }

 private:
  uint64_t state_;
};

}  // namespace kindred::model
