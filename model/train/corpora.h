// The free corpora that the built-in table is trained on: their files, and what pairs of texts they
// hold. Formats, origins and licences: model/data/README.md.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string_view>

#include "model/train/pair_collection.h"
#include "model/train/vocabulary_learner.h"

namespace kindred::model {

// What becomes of the texts and pairs that are read.
class PairSink {
 public:
  virtual ~PairSink() = default;
  virtual StoredText text(std::string_view text) = 0;
  virtual void pair(std::string_view group, StoredText first, StoredText second) = 0;
};

// Reads all corpora below `data` in a fixed order. Runs zstd(1).
// Throws std::runtime_error naming the file that cannot be read.
void read_corpora(const std::filesystem::path& data, PairSink& sink);

}  // namespace kindred::model
