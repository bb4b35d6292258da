// The tail: vectors of the log's rows in memory, laid out for an exact scan. float32 vectors are
// kept as they came and as int8 codes, which are scanned first (4 times fewer bytes).
//
// Rows are only ever appended; a later row of the same id ends an earlier one by its change number.
// So one tail answers for every point in time at which it was complete.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "math/quantize.h"
#include "storage/chunk_memory.h"
#include "storage/codes/row_codes.h"
#include "storage/format.h"
#include "storage/log/changed_ids.h"
#include "storage/log/row_layer.h"

namespace kindred::storage {

// A fixed number of rows, never moved. Filled by one thread (under the owner's lock) while others
// read rows that were complete before; only `died` changes after a row is complete.
struct TailChunk {
  TailChunk(const VectorSpec& spec, size_t rows, Pages pages);

  std::byte* row(size_t i) noexcept { return memory.get() + i * exact_stride; }
  const std::byte* row(size_t i) const noexcept { return memory.get() + i * exact_stride; }
  int8_t* code(size_t i) noexcept {
    return reinterpret_cast<int8_t*>(memory.get() + id.size() * exact_stride) + i * code_stride;
  }
  const int8_t* code(size_t i) const noexcept { return const_cast<TailChunk*>(this)->code(i); }

  RowBlock block() const noexcept;

  static constexpr int64_t kAlive = std::numeric_limits<int64_t>::max();

  size_t exact_stride;  // bytes from row to row, a multiple of 64
  size_t code_stride;   // the same for codes; 0 where there are none
  ChunkMemory memory;   // all rows, then all codes
  std::vector<int64_t> id;
  std::vector<int64_t> cn;
  std::vector<std::atomic<int64_t>> died;  // change number of the row that ended this one
  std::atomic<size_t> dead{0};             // rows with died != kAlive
  std::vector<float> scale;                // as the next four, see row_codes.h
  std::vector<float> code_norm;
  std::vector<float> residual_norm;
  std::vector<float> suffix_norm;  // empty where codes cover all elements
  std::vector<float> norm_squared;
};

// Throws StorageError (kCorrupt) for an unknown op, a put of a vector of the wrong size or with NaN
// or infinity. `name` opens the message, e.g. "films_log".
void verify(const VectorSpec& spec, const std::string& name, const LogRow& row);

// Not thread-safe: the owner locks around every member; slices need no lock.
class Tail {
 public:
  // `name` opens the messages of errors, e.g. "films_log".
  Tail(const VectorSpec& spec, std::string name);

  // REQUIRES: row.cn > the last row's. Throws what verify() does, and std::bad_alloc; the tail is
  // then as before.
  void append(const LogRow& row);

  // Everything up to the newest row.
  RowLayer slice() const;
  // Everything up to the row with this change number.
  RowLayer slice_at(int64_t cn) const;

  // The row that is `id`'s at a slice's point; nullopt if it has none there.
  std::optional<uint32_t> find(int64_t id, int64_t cn) const;
  // The ids that rows up to this change number are of, put or delete.
  Changes changes_at(int64_t cn) const { return {changed_.table(), cn}; }

  // Where it begins: rows up to this change number are elsewhere.
  int64_t start() const noexcept { return start_; }
  LogPoint last() const noexcept { return last_; }
  size_t rows() const noexcept { return count_; }
  size_t dead() const noexcept { return dead_; }

  // A tail of the rows alive now, with the same last().
  Tail compacted() const;
  // A tail without rows that begins at `point`, to take the rows after it.
  Tail emptied(LogPoint point = {}) const;

 private:
  static constexpr uint32_t kNone = std::numeric_limits<uint32_t>::max();

  void apply(const LogRow& row);
  void add_row(const LogRow& row);
  void end_row(uint32_t row, int64_t cn);

  VectorSpec spec_;
  std::string name_;
  size_t chunk_rows_;
  std::vector<std::shared_ptr<TailChunk>> chunks_;
  std::vector<RowBlock> blocks_;  // of chunks_
  size_t count_ = 0;
  size_t dead_ = 0;
  int64_t start_ = 0;
  LogPoint last_;
  RowEncoder encoder_;
  // The newest row of each id (kNone after a delete of an id without rows here), and for each row
  // the one of the same id before it.
  std::unordered_map<int64_t, uint32_t> newest_;
  std::vector<uint32_t> previous_;
  ChangedIds changed_;
};

}  // namespace kindred::storage
