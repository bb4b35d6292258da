// hnswlib's graph over coded rows while it is built: the one place that knows hnswlib.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "storage/building/coded_rows.h"

namespace kindred::storage {

class SmallWorld {
 public:
  // Empty, with room for `most` of the rows. REQUIRES: `rows` outlives it; where the options say
  // one thread, only one adds and links.
  SmallWorld(const CodedRows& rows, size_t most, const GraphOptions& options);
  ~SmallWorld();

  // Begins with these rows, that of the highest level first, linked as `links(i, level)` says:
  // rows among them, at most m, 2m on level 0. `levels` by row.
  // REQUIRES: nothing has been added; `rows` has one.
  void restore(std::span<const uint32_t> rows, std::span<const uint8_t> levels,
               const std::function<std::vector<uint32_t>(size_t i, size_t level)>& links);
  // Adds a row on levels 0 to `level`, linked to some of what a search with three quarters of
  // ef_construction finds. Thread-safe.
  void add(uint32_t row, size_t level);
  // Links a row on level 0 once more, by a search with half as much. Thread-safe.
  void relink(uint32_t row);
  // The rows that a row is linked to. REQUIRES: neither add() nor relink() is going on; the row is
  // on that level.
  std::vector<uint32_t> links(uint32_t row, size_t level) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kindred::storage
