// The store as SQL commands get it: another process that has it is waited for as SQLite waits for a
// lock.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "sql/sqlite.h"
#include "storage/error.h"
#include "storage/rocksdb/shared_store.h"
#include "storage/segments/segment_folder.h"

namespace kindred::sql {

// The store, closed again when the last to hold it lets go: other processes want it too. nullptr if
// another process has it. Throws StorageError for what else Store throws.
std::shared_ptr<storage::Store> store_if_free(const storage::SegmentFolder& folder);

// Waits up to the connection's busy timeout. Throws Error (SQLITE_BUSY) after it and
// (SQLITE_INTERRUPT) at sqlite3_interrupt(), StorageError for what else Store throws. No other
// process waits for SQLite's locks while it has the store, so it may be waited for in a write
// transaction.
std::shared_ptr<storage::Store> wait_for_store(sqlite3* db, const storage::SegmentFolder& folder);

// What map() gives. If what it maps is damaged, restore(what was said of that) is called before it
// is mapped again.
template <class Map, class Restore>
auto map_or_restore(const Map& map, const Restore& restore) {
  std::string damage;
  try {
    return map();
  } catch (const storage::StorageError& error) {
    if (!error.is_damage()) throw;
    damage = error.what();
  }
  restore(damage);
  return map();
}

}  // namespace kindred::sql
