// A mapped segment file: vectors that no longer change. Immutable and thread-safe; holds a shared
// lock on the file, so that it is not swept while it is mapped.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "storage/checked_blocks.h"
#include "storage/file.h"
#include "storage/format.h"
#include "storage/graphs/graph.h"
#include "storage/log/dead_rows.h"
#include "storage/log/row_layer.h"
#include "storage/segments/segment_format.h"
#include "storage/segments/segment_writer.h"

namespace kindred::storage {

class Segment final : public RowVerifier, public std::enable_shared_from_this<Segment> {
 public:
  // Maps the file and checks header, places of sections, the sums of the table of checksums (before
  // version 4 that itself), the first and the last id and the centre of codes: what can be read
  // afterwards lies inside the file whatever its bytes are. The rest is compared with its checksums
  // block by block, when it is first read: members that read throw StorageError (kCorrupt) then,
  // and the segment is_damaged(). Throws StorageError: kMissing, kCorrupt for what does not fit
  // `spec` and `identity` either.
  static std::shared_ptr<const Segment> open(const std::string& path, const VectorSpec& spec,
                                             const SegmentIdentity& identity);

  // For another who has found it open: throws StorageError (kCorrupt) as open() does.
  void require_fit(const VectorSpec& spec, const SegmentIdentity& identity) const;

  // All rows as they lie.
  const RowBlock& block() const noexcept { return block_; }
  // Compares every block with its checksum.
  void verify() const;
  void verify_rows(size_t first, size_t count) const override;
  void verify_coarse(size_t first, size_t count) const override;
  void verify_exact(size_t row) const override;
  const std::byte* exact_row(size_t row, std::vector<std::byte>& room) const override;
  // For whoever reads all of it once: what has been read is resident no longer.
  void release_pages() const noexcept { mapping_->release(); }
  // Whether a block has been found that does not fit its checksum: the file is to be written anew.
  bool is_damaged() const noexcept { return damaged_.load(std::memory_order_relaxed); }
  // Whether the file has been removed.
  bool is_removed() const { return file_.is_removed(); }
  // Whether it is where it was opened: folders can be moved.
  bool has_its_name() const { return file_.has_its_name(); }

  size_t vector_bytes() const noexcept { return vector_bytes_; }
  int64_t id() const noexcept { return header_.segment; }
  int64_t collection() const noexcept { return header_.collection; }
  size_t rows() const noexcept { return header_.rows; }
  // Ids, each with one row; they have ranks 0, 1, ... in ascending order.
  size_t distinct() const noexcept { return header_.distinct; }
  int64_t id_at(size_t rank) const { return block_.id(row_at(rank)); }
  uint32_t row_at(size_t rank) const;
  std::optional<size_t> rank_of(int64_t id) const;
  const std::byte* vector(size_t row) const {
    verify_exact(row);
    return block_.row(row);
  }

  // Calls visit(rank) for each of these ids that the segment has. REQUIRES: ids ascending.
  template <class Visit>
  void for_each_rank(std::span<const int64_t> ids, Visit&& visit) const {
    size_t rank = 0;
    for (size_t i = 0; i < ids.size(); ++i) {
      prefetch_ranks(ids, i, rank);
      rank = first_at_least(ids[i], rank);
      if (rank == distinct()) return;
      if (id_at(rank) == ids[i]) visit(rank);
    }
  }

  // The graph of its rows beside it, where there is one: looked for once a second at most. One that
  // has been found damaged is removed, to be built anew.
  std::shared_ptr<const Graph> graph() const;
  GraphOf graph_of() const noexcept { return {{id(), collection()}, rows(), header_.sums_sum}; }
  // It has just been built: looked for when it is next asked for.
  void expect_graph() const;
  // Another segment that has many of its rows, whose graph is worth beginning with; to be taken by
  // whoever builds. It is kept until then.
  void set_graph_base(std::shared_ptr<const Segment> base) const;
  std::shared_ptr<const Segment> take_graph_base() const;
  // Where the graph is.
  std::string graph_path() const { return graph_beside(file_.path()); }

  // All rows but the dead and those that no rank has. The layer keeps the mapping.
  RowLayer layer(const DeadRows& dead) const;

 private:
  Segment(const std::string& path, const VectorSpec& spec, const SegmentIdentity& identity);

  size_t first_at_least(int64_t id, size_t rank) const;
  void prefetch_ranks(std::span<const int64_t> ids, size_t i, size_t rank) const;
  void require(const void* data, size_t bytes) const;
  bool takes_copy() const noexcept;
  void require_beside(size_t first, size_t count) const;
  void require_ids(size_t first, size_t count) const;
  void find_ids();
  void find_code_centre();
  void require_tables() const;
  void read_header(const VectorSpec& spec, const SegmentIdentity& identity);
  void read_sums();
  void require_sums(const uint64_t* sums, uint64_t bytes) const;
  [[noreturn]] void report_changed(size_t block) const;
  const SectionPlace& place_of(Section section) const noexcept {
    return header_.sections[static_cast<size_t>(section)];
  }
  template <class T>
  const T* section(Section section, uint64_t count) const;
  [[noreturn]] void corrupt(const std::string& what) const;

  File file_;
  size_t vector_bytes_;
  SegmentHeader header_{};
  std::optional<Mapping> mapping_;
  const uint32_t* order_ = nullptr;                   // nullptr: rank and row are the same
  RowBlock block_;                                    // all rows
  CheckedBlocks blocks_;                              // from kSegmentPage up to the checksums
  CheckedBlocks blocks_of_sums_;                      // kFirstWithPageSums on
  mutable std::atomic<bool> tables_verified_{false};  // ids and order
  mutable std::atomic<bool> damaged_{false};
  mutable std::atomic<int> copies_;  // so many more rows are copied instead of being mapped
  VectorSpec spec_;
  mutable std::mutex graph_mutex_;
  mutable std::shared_ptr<const Graph> graph_;                 // guarded by graph_mutex_
  mutable std::shared_ptr<const Segment> graph_base_;          // the same
  mutable std::chrono::steady_clock::time_point graph_due_{};  // the same
};

}  // namespace kindred::storage
