// A segment in the making: its file beside the database and its key range in the store. Nothing
// reads either before SQLite's manifest names the segment; what is left behind by a crash is swept
// (sweep.h).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "storage/segments/segment.h"
#include "storage/segments/segment_folder.h"
#include "storage/segments/segment_writer.h"
#include "storage/rocksdb/store.h"

namespace kindred::storage {

class SegmentBuilder {
 public:
  // Creates the file under a new random id, and the folders where they are missing.
  SegmentBuilder(const SegmentFolder& folder, const VectorSpec& spec, int64_t collection);
  // The same under a known id, for a copy.
  SegmentBuilder(const SegmentFolder& folder, const VectorSpec& spec,
                 const SegmentIdentity& identity);
  // Removes the file of a segment that was not finished.
  ~SegmentBuilder();
  SegmentBuilder(const SegmentBuilder&) = delete;
  SegmentBuilder& operator=(const SegmentBuilder&) = delete;

  // REQUIRES: spec.bytes() bytes at `vector`.
  void append(int64_t id, std::string_view vector) { writer_->append(id, vector); }
  size_t rows() const noexcept { return writer_->rows(); }
  // The vector of a row that was appended.
  std::string vector(size_t row) { return writer_->vector(row); }

  // Completes file and key range, both durable: see SegmentWriter::finish() for `counts`. The
  // result keeps the file from being swept. Throws StorageError: kBusy if another process has the
  // store. REQUIRES: not finished.
  std::shared_ptr<const Segment> finish(const std::function<bool(size_t row)>& counts);
  // The id of the store that has the segment's rows. REQUIRES: finished.
  int64_t store() const noexcept { return store_; }

 private:
  SegmentFolder folder_;
  VectorSpec spec_;
  SegmentIdentity identity_;
  std::optional<SegmentWriter> writer_;
  std::string path_;
  int64_t store_ = 0;  // not 0: finished
};

// Writes the segment's key range, durably. Throws std::logic_error if the store has one of its id,
// StorageError if it cannot be written or a block of the file is damaged.
void ingest_segment(Store& store, const Segment& segment);

// Removes a finished segment that no manifest names: key range first, then the file, so that the
// file's lock guards both. What fails is left to the sweep.
void discard(const SegmentFolder& folder, int64_t segment) noexcept;

// Copies a segment, file and key range, into another database's folder, durably, and its graph if
// it has one. Returns the id of that folder's store. Throws StorageError.
int64_t copy_segment(const Segment& segment, const VectorSpec& spec, int64_t collection,
                     const SegmentFolder& to);

// Writes the file of a segment anew from the store's rows. Throws StorageError: kMissing if the
// store is not there, is not `store` or has no such segment; kBusy if another process has it.
void restore_file(const SegmentFolder& folder, const VectorSpec& spec,
                  const SegmentIdentity& identity, int64_t store);

}  // namespace kindred::storage
