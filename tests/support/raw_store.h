// A store's RocksDB itself, for tests that put there what storage/rocksdb/store.cc never would.
// Goes through RocksDB's C interface, whose header compiles in no time.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

struct rocksdb_t;
struct rocksdb_column_family_handle_t;

namespace kindred::test {

class RawStore {
 public:
  enum Family { kAbout, kVectors };

  // REQUIRES: the store exists and is closed. Throws std::runtime_error, as all here does.
  explicit RawStore(const std::string& folder);
  ~RawStore();
  RawStore(const RawStore&) = delete;
  RawStore& operator=(const RawStore&) = delete;

  void put(Family family, std::string_view key, std::string_view value);
  void remove(Family family, std::string_view key);
  // Writes all vectors into one sorted file.
  void merge_files();

 private:
  rocksdb_t* db_ = nullptr;
  rocksdb_column_family_handle_t* families_[2] = {};
};

}  // namespace kindred::test
