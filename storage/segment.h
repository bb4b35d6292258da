// A mapped segment file: vectors that no longer change. Immutable and thread-safe; holds a shared
// lock on the file, so that it is not swept while it is mapped.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "storage/dead_rows.h"
#include "storage/file.h"
#include "storage/format.h"
#include "storage/row_layer.h"
#include "storage/segment_format.h"
#include "storage/segment_writer.h"

namespace kindred::storage {

class Segment : public std::enable_shared_from_this<Segment> {
 public:
  // Maps the file and checks header, places of sections and table of checksums: what can be read
  // afterwards lies inside the file whatever its bytes are. The vectors are not read: see verify().
  // Throws StorageError: kMissing, kCorrupt for what does not fit `spec` and `identity` either.
  static std::shared_ptr<const Segment> open(const std::string& path, const VectorSpec& spec,
                                             const SegmentIdentity& identity);

  // Compares every block with its checksum. Throws StorageError (kCorrupt).
  void verify() const;
  // Whether the file has been removed, or another taken its name.
  bool is_removed() const { return file_.is_removed(); }

  size_t vector_bytes() const noexcept { return vector_bytes_; }
  int64_t id() const noexcept { return header_.segment; }
  size_t rows() const noexcept { return header_.rows; }
  // Ids, each with one row; they have ranks 0, 1, ... in ascending order.
  size_t distinct() const noexcept { return header_.distinct; }
  int64_t id_at(size_t rank) const noexcept { return ids_[row_at(rank)]; }
  uint32_t row_at(size_t rank) const noexcept;
  std::optional<size_t> rank_of(int64_t id) const noexcept;
  const std::byte* vector(size_t row) const noexcept { return block_.row(row); }

  // Calls visit(rank) for each of these ids that the segment has. REQUIRES: ids ascending.
  template <class Visit>
  void for_each_rank(std::span<const int64_t> ids, Visit&& visit) const {
    size_t rank = 0;
    for (const int64_t id : ids) {
      rank = first_at_least(id, rank);
      if (rank == distinct()) return;
      if (id_at(rank) == id) visit(rank);
    }
  }

  // All rows but the dead and those that no rank has. The layer keeps the mapping.
  RowLayer layer(const DeadRows& dead) const;

 private:
  Segment(const std::string& path, const VectorSpec& spec, const SegmentIdentity& identity);

  size_t first_at_least(int64_t id, size_t rank) const noexcept;
  void read_header(const VectorSpec& spec, const SegmentIdentity& identity);
  template <class T>
  const T* section(Section section, uint64_t count) const;
  [[noreturn]] void corrupt(const std::string& what) const;

  File file_;
  size_t vector_bytes_;
  SegmentHeader header_{};
  std::optional<Mapping> mapping_;
  const int64_t* ids_ = nullptr;
  const uint32_t* order_ = nullptr;  // nullptr: rank and row are the same
  RowBlock block_;                   // all rows
};

}  // namespace kindred::storage
