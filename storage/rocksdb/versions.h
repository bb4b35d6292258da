// The versions of the libraries that storage was compiled against.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace kindred::storage {

// "7.8.3".
std::string rocksdb_version();
// hnswlib has no version of its own in its headers: "0.8 or newer" or "before 0.8", told apart by
// what they contain.
std::string hnswlib_version();

}  // namespace kindred::storage
