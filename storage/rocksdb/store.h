// The store: RocksDB in the folder `<db>-kindred/rocksdb`, which keeps the vectors of all segments
// of one SQLite database. Each segment is a key range of its own, written once as a sorted file and
// taken in whole; it is never changed, only deleted. Nothing here knows which segments count:
// SQLite's manifest says so. Searching does without the store. Opened through
// storage/rocksdb/shared_store.h. Keys and values: docs/format.md.
//
// RocksDB itself is behind storage/rocksdb/rocksdb_library.h. Thread-safe unless said otherwise.
// Whatever throws StorageError says in its text which store and what was being done.
//
// Segments are named by random numbers >= 0 that are never used again.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kindred::storage {

class StoreBackend;  // an open database; in rocksdb_library.h
class SegmentFile;   // a sorted file being written; there as well
class SegmentIngest;

// A segment's row. The view lives as long as the call; false ends the visit.
using VisitRow = std::function<bool(int64_t id, std::string_view vector)>;

class Store {
 public:
  // Opens the store in `folder`, creating both where they are missing; both are durable on return.
  // Costs about ten fsyncs, and needs some space on the disk. Throws StorageError: kBusy if another
  // process has it open, this process does through another object, or this process was forked from
  // one that had used a store (see is_forked()); kCorrupt for damage; kNewer for a newer format;
  // kMissing for a lost file, of whichever segment; kFull, kIo. A store that is created gets `id`.
  explicit Store(const std::string& folder, std::optional<int64_t> id = std::nullopt);
  // Closes it, which may wait for writes in the background. In a forked child it leaks it instead.
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  // Loads RocksDB and makes what it keeps as long as the process lives, by opening a store in
  // memory: some milliseconds. Handlers that are given to atexit() afterwards are done before that
  // is destroyed.
  static void prepare_process();

  // Whether this process was forked from one that had used a store. RocksDB's threads and file lock
  // stayed there, so that here no store can be used, opened or closed; only exec() ends that.
  // exit() flushes stdio here but may leave out other exit handlers.
  // Async-signal-safe.
  static bool is_forked() noexcept;

  // 63 random bits, drawn when the store was created; never 0.
  int64_t id() const noexcept;

  // Writes a segment: see there. Throws std::logic_error if the segment is negative, StorageError.
  // REQUIRES: the store outlives the result.
  SegmentIngest ingest(int64_t segment);

  // The vector of a row; nullopt if the segment has none for the id, or is not there.
  // Throws StorageError.
  std::optional<std::string> get(int64_t segment, int64_t id) const;
  // Visits the segment's rows by ascending id. Throws StorageError: kMissing if the segment is not
  // there, kCorrupt if rows are damaged or lacking, by which time it may have visited good ones.
  void scan_segment(int64_t segment, const VisitRow& visit) const;
  // The number of a segment's rows, kept with it; nullopt if the segment is not there. Throws
  // StorageError.
  std::optional<int64_t> count(int64_t segment) const;
  // The segments that are there, ascending; one seek for each. Throws StorageError.
  std::vector<int64_t> segments() const;
  // Deletes a segment, which need not be there, and frees its space as soon as no scan reads it.
  // Durable on return. Throws StorageError. After an error or a crash the segment is there or gone
  // as a whole, unless RocksDB had merged it with others': then some rows may be gone, segments()
  // still lists it, and deleting it again ends that.
  void delete_segment(int64_t segment);

  // A write failed in a way after which RocksDB may refuse all others: reopening mends it.
  bool needs_reopening() const noexcept;

 private:
  std::unique_ptr<StoreBackend> backend_;
};

// Puts the store in the folder `fresh` into the place of the one in `folder`, which is called
// `aside` from then on; a crash leaves either in place. All three have the same parent. Throws
// StorageError: kBusy if the old one is open, here or in another process. REQUIRES: `fresh` is
// closed.
void replace_store(const std::string& folder, const std::string& fresh, const std::string& aside);

// A segment in the making: a sorted file beside the database that no one else sees. What is not
// finished leaves nothing behind, also after a crash. Memory is bounded: about 2 bytes a row, for
// the file's index. Not thread-safe, but several may be at work on one store.
class SegmentIngest {
 public:
  explicit SegmentIngest(std::unique_ptr<SegmentFile> file);
  ~SegmentIngest();
  SegmentIngest(SegmentIngest&&) noexcept;
  SegmentIngest(const SegmentIngest&) = delete;
  SegmentIngest& operator=(const SegmentIngest&) = delete;

  // Copies the row. Throws std::logic_error if the id is not above the last one, StorageError if it
  // cannot be written; the segment is then given up.
  void add(int64_t id, std::string_view vector);
  // Makes the segment part of the store, durably, and returns its number of rows. Throws
  // std::logic_error if the store has a segment of this id already or one was given up,
  // StorageError if it cannot be written; a power loss or an error may leave it in the store, but
  // only whole.
  int64_t finish();

 private:
  std::unique_ptr<SegmentFile> file_;  // null once finished or given up
};

}  // namespace kindred::storage
