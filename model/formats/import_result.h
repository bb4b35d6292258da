// What an importer has read, for people to see.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <string>

namespace kindred::model {

struct ImportResult {
  std::string kind;
  size_t dim = 0;     // of the vectors that the model makes
  size_t tokens = 0;  // that it lists
};

// Called now and then with how much of all there is has been read. May throw to stop.
using ImportProgress = std::function<void(size_t done, size_t total)>;

}  // namespace kindred::model
