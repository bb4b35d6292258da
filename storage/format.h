// The records of a collection as they stand in its log, what its vectors are, and what names a
// segment of them. Mirrors docs/format.md.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "math/metric.h"

namespace kindred::storage {

// Written into each collection's configuration; a newer one is refused.
inline constexpr int64_t kFormatVersion = 2;

// What a log row says of its id, as stored in the column `op`.
enum class Op : int64_t {
  kPut = 1,     // the id's vector is this one from now on
  kDelete = 2,  // the id has no vector from now on
  kCut = 3,     // rows before this one that no longer counted have been removed
};

// One row of the log, borrowed from whoever reads it.
struct LogRow {
  int64_t cn = 0;     // change number, ascending
  int64_t nonce = 0;  // 63 random bits: tells two rows of one number apart after a ROLLBACK
  int64_t id = 0;     // the collection's rowid
  int64_t op = 0;     // an Op, unchecked
  std::string_view vector;
};

inline bool is(const LogRow& row, Op op) noexcept {
  return row.op == static_cast<int64_t>(op);
}

// Names a state of the log: everything up to this row. {0, 0} is the empty log.
struct LogPoint {
  int64_t cn = 0;
  int64_t nonce = 0;
  bool operator==(const LogPoint&) const = default;
};

// What scans and graphs read of float32 vectors: int8 codes made for the purpose, of which there
// are none under l1, or the vectors themselves. Other vectors are their own codes either way.
enum class Quantization : uint8_t { kInt8, kNone };

// What the vectors of a collection are. Constant for its life.
struct VectorSpec {
  math::Element element = math::Element::kFloat32;
  math::Metric metric = math::Metric::kCosine;
  size_t dim = 0;
  // How many leading elements int8 codes, and so scans and graphs, cover where that is not all of
  // them, below dim; 0: all. REQUIRES: 0 unless has_codes() (row_codes.h).
  size_t prefix = 0;
  Quantization quantization = Quantization::kInt8;
  size_t code_dim() const noexcept { return prefix > 0 ? prefix : dim; }
  size_t bytes() const noexcept { return math::vector_bytes(element, dim); }
  auto operator<=>(const VectorSpec&) const = default;
};

// Names a segment, and says whose it is: both random.
struct SegmentIdentity {
  int64_t segment = 0;
  int64_t collection = 0;
};

}  // namespace kindred::storage
