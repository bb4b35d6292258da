// How the built-in model `default` is made: vocabulary, mixture of pairs, training. What was tried
// and what each gave: model/data/README.md.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "model/train/pair_collection.h"
#include "model/train/table_trainer.h"

namespace kindred::model {

// Both throw what read_corpora() throws. `vocabulary` is borrowed for the collection's life.
std::vector<std::string> learn_default_vocabulary(const std::filesystem::path& data);
PairCollection read_default_pairs(const std::filesystem::path& data, const Vocabulary& vocabulary);

TrainingOptions default_training();

}  // namespace kindred::model
