// What an importer says of the file that it has read.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <string>

namespace kindred::model {

struct ImportResult {
  std::string kind;  // "word2vec"
  size_t dim = 0;
  size_t tokens = 0;
};

// Told now and then how much of the whole is done. What it throws ends the import.
using ImportProgress = std::function<void(size_t done, size_t total)>;

}  // namespace kindred::model
