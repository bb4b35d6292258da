// What the nodes of a graph file have of their rows: principal codes, the shortest that say enough,
// or, where 4 bits are too few, the codes that the rows have.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "math/aligned.h"
#include "storage/building/coded_rows.h"
#include "storage/building/graph_effort.h"
#include "storage/building/principal_encoder.h"
#include "storage/format.h"

namespace kindred::storage {

class NodeCodes {
 public:
  // REQUIRES: the rows outlive it.
  NodeCodes(const CodedRows& rows, const VectorSpec& spec, const GraphEffort& effort,
            uint64_t seed);

  // Of principal codes; else empty.
  PrincipalAxes axes() const noexcept { return encoder_ ? encoder_->axes() : PrincipalAxes(); }
  size_t bytes() const noexcept { return bytes_; }
  const std::byte* of(size_t row) const noexcept { return codes_ + row * bytes_; }
  // The rows as nodes are linked by: shorter where nodes are.
  const CodedRows& linked() const noexcept { return projected_ ? projected_->rows : rows_; }

 private:
  const CodedRows& rows_;
  std::optional<PrincipalEncoder> encoder_;
  std::optional<ProjectedRows> projected_;
  math::AlignedBytes principal_;
  const std::byte* codes_;
  size_t bytes_;
};

}  // namespace kindred::storage
