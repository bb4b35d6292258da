// How much of what is wanted a search has found, where rows at one distance are as good as each
// other: bit vectors have them by the dozen.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>

namespace kindred::storage {

// How many of the distances wanted are among those found, each as often as it is in both. Both
// ascend.
template <class Distance>
size_t count_common(std::span<const Distance> found, std::span<const Distance> wanted) noexcept {
  size_t common = 0;
  size_t f = 0;
  for (size_t w = 0; w < wanted.size() && f < found.size();) {
    if (found[f] == wanted[w]) {
      ++common;
      ++w;
      ++f;
    } else {
      (found[f] < wanted[w] ? f : w) += 1;
    }
  }
  return common;
}

}  // namespace kindred::storage
