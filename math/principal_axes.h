// The directions in which vectors differ most.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace kindred::math {

// An orthonormal basis of the space that `axes` principal axes of the rows span, nearly: by
// subspace iteration from a random start (Halko, Martinsson & Tropp 2011, "Finding structure with
// randomness", algorithm 4.4). The basis is turned at random, so that rows are spread alike along
// each of its directions, as quantising them wants. `rows` is (count, dim), row-major, and has mean
// 0; the result (axes, dim). The same by
// all instruction sets of a processor.
// REQUIRES: 0 < axes <= dim; rows finite.
std::vector<float> principal_axes(const std::vector<float>& rows, size_t dim, size_t axes,
                                  uint64_t seed);

}  // namespace kindred::math
