// SPDX-License-Identifier: Apache-2.0
#include "storage/rocksdb/versions.h"

#include <rocksdb/version.h>

namespace kindred::storage {

std::string rocksdb_version() {
  return std::to_string(ROCKSDB_MAJOR) + "." + std::to_string(ROCKSDB_MINOR) + "." +
         std::to_string(ROCKSDB_PATCH);
}

std::string hnswlib_version() {
#if __has_include(<hnswlib/stop_condition.h>)
  return "0.8 or newer";
#else
  return "before 0.8";
#endif
}

}  // namespace kindred::storage
