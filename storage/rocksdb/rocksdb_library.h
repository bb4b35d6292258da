// RocksDB stands in a library of its own, kindred_rocksdb.so, which is loaded when a process first
// writes a segment: most processes only ask or write a few rows, and loading RocksDB would take
// half of the time until their first answer. What crosses the seam is here; Store, in store.h, is
// what everybody else sees of it.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/rocksdb/store.h"

namespace kindred::storage {

// A sorted file in the making: what SegmentIngest promises, but that it is of no use after an
// exception or finish().
class SegmentFile {
 public:
  virtual ~SegmentFile() = default;
  virtual void add(int64_t id, std::string_view vector) = 0;
  virtual int64_t finish() = 0;
};

// An open store: what Store promises.
class StoreBackend {
 public:
  virtual ~StoreBackend() = default;
  virtual int64_t id() const noexcept = 0;
  virtual std::unique_ptr<SegmentFile> ingest(int64_t segment) = 0;
  virtual std::optional<std::string> get(int64_t segment, int64_t id) const = 0;
  virtual void scan_segment(int64_t segment, const VisitRow& visit) const = 0;
  virtual std::optional<int64_t> count(int64_t segment) const = 0;
  virtual std::vector<int64_t> segments() const = 0;
  virtual void delete_segment(int64_t segment) = 0;
  virtual bool needs_reopening() const noexcept = 0;
};

// Both sides are built together: classes and exceptions cross the seam as they are.
struct RocksdbLibrary {
  const char* version;  // kindred's: the other side has the same
  std::unique_ptr<StoreBackend> (*open)(const std::string& folder, std::optional<int64_t> id);
  void (*prepare_process)();
  bool (*is_forked)() noexcept;
  void (*replace_store)(const std::string& folder, const std::string& fresh,
                        const std::string& aside);
};

// The only symbol that kindred_rocksdb.so exports.
extern "C" __attribute__((visibility("default"))) const RocksdbLibrary kindred_rocksdb;

// The library: loaded, and kept for as long as the process lives (rocksdb_loaded.cc, in the
// extension), or linked (rocksdb_linked.cc, in programs that test or measure what is below SQL).
// Throws StorageError (kIo) where it cannot be loaded or belongs to another version of kindred; the
// next call tries again.
const RocksdbLibrary& rocksdb_library();
// Null where nobody has needed it yet. Async-signal-safe.
const RocksdbLibrary* rocksdb_library_if_loaded() noexcept;

}  // namespace kindred::storage
