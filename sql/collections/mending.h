// The part of the command 'rebuild' that mends the store: what RocksDB has lost or damaged is
// written again from whole segment files (storage/upkeep/mending.h). Of SQLite's tables it changes
// only what models say of their store.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "sql/collections/collection.h"

namespace kindred::sql {

// Makes the store hold the vectors of the collection's segments, and the models that its database
// keeps; a store that does not open, is gone or has another id is replaced by one that has every
// segment of the database. Reads all of both. Throws StorageError: kCorrupt for segments whose
// files are damaged as well; Error (SQLITE_BUSY) if another process has the store. REQUIRES: the
// database's write lock is held.
void mend_store(Collection& collection);

// For a collection that does without its segments, as it can make its vectors again: a store that
// could not be mended is set aside and replaced by one that has the segments whose files are whole.
// Does nothing where the store opens, or there is no folder. Throws what mend_store() throws.
void replace_lost_store(const Collection& collection);

}  // namespace kindred::sql
