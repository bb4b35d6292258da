// SPDX-License-Identifier: Apache-2.0
#include "model/positions.h"

#include <cmath>
#include <cstddef>

namespace kindred::model {
namespace {

constexpr double kBase = 10000;

}  // namespace

double sinusoidal_angle(double position, size_t pair, size_t dim) noexcept {
  return position * std::pow(kBase, -2 * static_cast<double>(pair) / static_cast<double>(dim));
}

void sinusoidal_position(uint64_t position, std::span<float> out) noexcept {
  for (size_t i = 0; i < out.size(); ++i) {
    const double a = sinusoidal_angle(static_cast<double>(position), i / 2, out.size());
    out[i] = static_cast<float>(i % 2 == 0 ? std::sin(a) : std::cos(a));
  }
}

void rotate_to_position(double position, std::span<float> v) noexcept {
  for (size_t i = 0; i + 1 < v.size(); i += 2) {
    const double a = sinusoidal_angle(position, i / 2, v.size());
    const double x = static_cast<double>(v[i]), y = static_cast<double>(v[i + 1]);
    v[i] = static_cast<float>(x * std::cos(a) - y * std::sin(a));
    v[i + 1] = static_cast<float>(x * std::sin(a) + y * std::cos(a));
  }
}

}  // namespace kindred::model
