// For programs that link RocksDB.
// SPDX-License-Identifier: Apache-2.0
#include "storage/rocksdb/rocksdb_library.h"

namespace kindred::storage {

const RocksdbLibrary& rocksdb_library() {
  return kindred_rocksdb;
}

const RocksdbLibrary* rocksdb_library_if_loaded() noexcept {
  return &kindred_rocksdb;
}

}  // namespace kindred::storage
