// What the nodes of a graph are linked to.
//
// Under dot they have the links of two small worlds in turn. By products alone all are linked to
// the few longest rows, and those behind the first are not found: of clusters around the origin
// 0.95 of the 100 nearest, 0.62 far from it, and no more under a filter (bench/history.md). By l2
// distance alone the longest rows are nobody's neighbours. A search along links between near rows
// comes to the greatest product with any query, since a row that has not got it has a neighbour in
// the query's direction: in the Delaunay graph, which both are made after (Morozov & Babenko 2018,
// "Non-metric Similarity Graphs for Maximum Inner Product Search").
//
// Rows with codes are near each other by the l2 distance of their codes, under every metric. With
// the vectors' own norms in it a row whose code is a little too long would be near to all, and one
// whose code is too short to none: of 300 rows that differed by less than their codes 133 had no
// link from any other of them.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "storage/building/coded_rows.h"
#include "storage/building/graph_base.h"
#include "storage/building/graph_builder.h"
#include "storage/building/small_world.h"

namespace kindred::storage {

class Linking {
 public:
  // `rows`: by the codes that they are linked by; for so many nodes. REQUIRES: they outlive it.
  Linking(const CodedRows& rows, size_t nodes, const GraphOptions& options);

  // The rows by what makes them near each other: their distance, and under dot or by codes l2's.
  const CodedRows& near_rows() const noexcept { return by_l2_ ? *by_l2_ : rows_; }

  // Links all rows of `order`, in that order, on `levels` (by row), beginning with what the base
  // has.
  void run(const GraphBase& base, const std::vector<uint32_t>& order,
           const std::vector<uint8_t>& levels, const GraphProgress& progress);

  // At most so many rows that a row is linked to. REQUIRES: run() has returned; the row is on that
  // level.
  std::vector<uint32_t> links(uint32_t row, size_t level, size_t most) const;
  // Those between near rows.
  const SmallWorld& near() const noexcept { return near_; }

 private:
  const CodedRows& rows_;
  std::optional<CodedRows> by_l2_;  // of codes, and under dot
  GraphOptions options_;
  SmallWorld near_;
  std::unique_ptr<SmallWorld> by_products_;  // under dot
};

}  // namespace kindred::storage
