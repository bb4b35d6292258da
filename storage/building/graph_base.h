// What a graph can take over from that of an older segment which has most of its rows: nodes and
// links, so that only the other rows are inserted. Rows of the older segment that are gone are
// passed over: who was linked to them is linked to those behind them.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "storage/building/coded_rows.h"
#include "storage/building/equal_rows.h"
#include "storage/graphs/graph.h"
#include "storage/segments/segment.h"

namespace kindred::storage {

class GraphBase {
 public:
  // Empty if `base` is nullptr, its graph is damaged or of another m, or so few of the rows are in
  // it, or so many that are gone, that a fresh graph costs little more.
  GraphBase(const Segment& segment, const CodedRows& rows, const EqualRows& equal,
            const Segment* base, size_t m);

  bool empty() const noexcept { return rows_.empty(); }
  // The rows taken over, each the first of its equals, by descending level.
  const std::vector<uint32_t>& rows() const noexcept { return rows_; }
  size_t level(size_t i) const noexcept { return graph_->level_of(nodes_[i]); }
  // The rows that rows()[i] is linked to.
  std::vector<uint32_t> links(size_t i, size_t level) const;

 private:
  static constexpr uint32_t kGone = kNoLink;

  void find_rows(const Segment& segment, const Segment& base);
  uint32_t find_row(const Segment& segment, const Segment& base, uint32_t node) const;
  std::vector<uint32_t> linked(uint32_t node, size_t level) const;
  void mend(uint32_t row, std::vector<uint32_t>& links, std::vector<uint32_t> behind,
            size_t most) const;

  const CodedRows& coded_;
  const EqualRows& equal_;
  std::shared_ptr<const Graph> graph_;
  std::vector<uint32_t> row_of_;  // by node; kGone for those that are
  std::vector<uint32_t> rows_;
  std::vector<uint32_t> nodes_;  // of rows_
};

}  // namespace kindred::storage
