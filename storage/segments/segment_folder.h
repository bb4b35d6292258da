// Where the vectors of a database's segments lie: the folder `<database>-kindred/`, with RocksDB in
// `rocksdb` and one mapped file a segment in `segments`.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "storage/segments/segment.h"

namespace kindred::storage {

class SegmentFolder {
 public:
  // `database`: the resolved path of SQLite's file.
  explicit SegmentFolder(const std::string& database)
      : database_(database), folder_(database + "-kindred") {}

  const std::string& path() const noexcept { return folder_; }
  std::string store() const { return folder_ + "/rocksdb"; }
  std::string segments() const { return folder_ + "/segments"; }
  std::string file(int64_t segment) const;
  std::string graph(int64_t segment) const;

  // Makes a file look as if it had been written now: the sweep leaves it alone for a while.
  void touch(int64_t segment) const;

  bool exists() const;
  // Creates the folders that are missing, durably, for those who may use the database's file.
  // Throws StorageError.
  void create() const;
  // The segments that have a file, in any order. Throws StorageError (kIo).
  std::vector<int64_t> list() const;

 private:
  std::string database_;
  std::string folder_;
};

// The segment's file, mapped once a process. Throws as Segment::open() does, and kCorrupt for a
// file that has been found damaged since.
std::shared_ptr<const Segment> shared_segment(const SegmentFolder& folder, const VectorSpec& spec,
                                              const SegmentIdentity& identity);

}  // namespace kindred::storage
