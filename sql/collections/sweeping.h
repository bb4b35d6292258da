// Which segments the collections and models of a database have, in its newest committed state, and
// the sweep of those that none has (storage/upkeep/sweep.h).
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>

#include "storage/segments/segment_folder.h"

namespace kindred::sql {

// Reads the database through a connection of its own. nullopt if it is locked or cannot be read.
std::optional<std::set<int64_t>> committed_segments(const std::string& database);

// Whether every reader sees the newest committed state: in WAL mode a checkpoint that gets through
// proves it, otherwise a commit does. To be called right after one.
bool has_no_old_readers(const std::string& database);

// Removes the segments that no collection has, and writes what the store has lost of the others
// again where their files are whole. Those retired less than a minute ago stay, unless
// `at_once`. Does nothing if another process has the store or it does not open. To be called under
// the database's write lock or right after a commit. Throws StorageError.
void sweep(const std::string& database, const storage::SegmentFolder& folder, bool at_once);

}  // namespace kindred::sql
