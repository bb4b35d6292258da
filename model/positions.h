// Where a token stands, as a vector: the sinusoidal encoding (Vaswani et al. 2017, section 3.5) and
// the rotary one (Su et al. 2021, section 3.4.2). Both know a position by angles that fall from 1
// to 1/10000 of it over the dimensions: dimensions 2i and 2i + 1 of d have position / 10000^(2i/d).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace kindred::model {

// The angle, in radians, of dimensions 2 * pair and 2 * pair + 1 of `dim`.
double sinusoidal_angle(double position, size_t pair, size_t dim) noexcept;

// Writes the encoding of a position, counted from 0: sin of the angle in the even dimensions, cos
// in the odd ones. Of an odd number of dimensions the last is a sin.
void sinusoidal_position(uint64_t position, std::span<float> out) noexcept;

// Turns each pair of neighbouring dimensions by its angle: (x, y) becomes (x cos a - y sin a,
// x sin a + y cos a). Lengths stay, and the dot product of two vectors that are turned depends on
// how far apart their positions are, not on where they are. (Some models pair dimension i with
// i + d/2 instead; these are the paper's pairs.)
// REQUIRES: v.size() even.
void rotate_to_position(double position, std::span<float> v) noexcept;

}  // namespace kindred::model
