// What an importer says of the file that it has read.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <string>

namespace kindred::model {

struct ImportResult {
  std::string kind;   // "word2vec"
  size_t dim = 0;     // of the vectors that the model makes
  size_t tokens = 0;  // that it lists
};

// Called now and then with the number of bytes read so far and of all there are. May throw to stop.
using ImportProgress = std::function<void(size_t done, size_t total)>;

}  // namespace kindred::model
