// The order of the nodes in a graph file: those that a search comes to together are to lie in the
// same pages, since a new process waits longer for each page than for all else (Wei et al. 2016,
// "Speedup Graph Processing by Graph Ordering": Gorder, here by links alone; Coleman et al. 2022,
// "Graph Reordering for Cache-Efficient Near Neighbor Search").
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "storage/building/small_world.h"

namespace kindred::storage {

class NodeOrder {
 public:
  // `rows`: how many there are in all.
  NodeOrder(const SmallWorld& world, size_t rows) : world_(world), score_(rows, kNoCandidate) {}

  // Arranges rows of one level: after each few the one that most of these link to; where there is
  // none, the first that is left.
  void arrange(std::span<uint32_t> rows, size_t level);

 private:
  // About as many nodes as three pages have. With fewer, searches come to more pages; with more to
  // as many.
  static constexpr size_t kWindow = 64;
  static constexpr uint8_t kNoCandidate = 255;  // placed, or of another level
  static constexpr size_t kMostEntries = 1 << 14;

  void change_score(uint32_t row, int by);
  bool take_best(uint32_t& row);
  void drop_stale_entries();

  const SmallWorld& world_;
  std::vector<uint8_t> score_;  // by row: how many of the last kWindow link to it
  // By score: rows that have it, and others that had it once.
  std::array<std::vector<uint32_t>, kWindow + 1> by_score_;
  size_t entries_ = 0;
  size_t most_entries_ = kMostEntries;
  size_t best_ = 0;  // none has a higher one
};

}  // namespace kindred::storage
