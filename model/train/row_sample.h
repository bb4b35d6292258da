// A sample of the rows of texts that it is given one by one, in bounded memory: every row has the
// same chance to be in it, whatever their number and order (each gets a random priority, and the
// highest are kept: Efraimidis & Spirakis 2006, with equal weights). A row that is the same as one
// in the sample is passed over, for a copy teaches nothing.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "model/train/random.h"

namespace kindred::model {

class RowSample {
 public:
  // A row's texts beyond it are not kept, nor what would end in the middle of a character.
  static constexpr size_t kRowBytes = 1 << 16;

  // Keeps up to `bytes` of text; the same rows and seed give the same sample.
  RowSample(size_t bytes, uint64_t seed) : bytes_(bytes), random_(seed) {}

  void add(std::span<const std::string_view> texts);

  struct Row {
    uint64_t priority;
    uint64_t number;  // of all that were added, from 0
    uint64_t hash;
    std::vector<std::string> texts;
    size_t bytes;  // of the texts, and what a row costs by itself
  };
  // Takes the sample out, in the order in which the rows were added.
  std::vector<Row> take();

  size_t size() const noexcept { return rows_.size(); }

 private:
  size_t bytes_;
  Random random_;
  std::vector<Row> rows_;  // a heap: the lowest priority first
  std::unordered_set<uint64_t> hashes_;
  size_t kept_ = 0;     // bytes
  uint64_t added_ = 0;  // rows
  uint64_t bar_ = 0;    // a row of a lower priority is not kept
};

}  // namespace kindred::model
