// Tests of the store: what its rows hold, a folder to have it in, and other processes that use it
// (support/store_worker.cc). A process that is forked cannot use a store that its parent used, so
// they are all started anew.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "storage/rocksdb/store.h"

namespace kindred::test {

// The bytes of a row, which no other row has.
std::string vector_of(int64_t segment, int64_t id, size_t bytes = 64);

// Writes a segment of such rows.
void ingest(storage::Store& store, int64_t segment, const std::vector<int64_t>& ids,
            size_t bytes = 64);

// 0, 1, ... n - 1
std::vector<int64_t> ids_up_to(int64_t n);

// The segment's ids, as a scan visits them. Throws std::runtime_error on a row that is not
// vector_of().
std::vector<int64_t> scanned_ids(const storage::Store& store, int64_t segment);

// A folder for one store, removed at the end of the scope; it does not exist at first.
class StoreFolder {
 public:
  StoreFolder();
  ~StoreFolder();
  StoreFolder(const StoreFolder&) = delete;
  StoreFolder& operator=(const StoreFolder&) = delete;
  std::string path() const { return (scratch_ / "app.db-kindred" / "rocksdb").string(); }
  // Its sorted files.
  std::vector<std::filesystem::path> tables() const;
  // Bytes of all its files.
  uintmax_t size() const;

 private:
  std::filesystem::path scratch_;
};

// A running worker; killed at the end of the scope.
class StoreProcess {
 public:
  // `arguments`: a command of support/store_worker.cc and what follows it.
  explicit StoreProcess(std::vector<std::string> arguments);
  ~StoreProcess();
  StoreProcess(const StoreProcess&) = delete;
  StoreProcess& operator=(const StoreProcess&) = delete;

  // The next line it writes; "" when it has ended.
  std::string line();
  // Lets it go on where it waits; then it ends. Returns its exit status.
  int finish();
  // SIGKILL. Lines written before can still be read.
  void kill();

 private:
  int wait();

  pid_t pid_ = -1;
  int input_ = -1;
  int output_ = -1;
};

}  // namespace kindred::test
