// The stores that this process has open: RocksDB lets a folder be opened once, while several
// connections may want it. One that nobody uses stays open for a while, because opening costs about
// ten fsyncs, and keeps other processes out that long.
//
// There is no thread here that closes idle stores. Whoever works on a store in the background lets
// go of it, waits kIdle if it can, and calls close_idle_stores(); connections call it when they
// close, with no time to wait for, when they are the last of their database.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "storage/rocksdb/store.h"

namespace kindred::storage {

// How long a store is kept open after its last user has gone.
inline constexpr std::chrono::seconds kIdle{3};

// The store in `folder`, shared by all users in this process; opened if need be, and created if it
// is missing. The folder may be spelled in any way. Closes idle stores first. Throws StorageError
// as Store does. Thread-safe; one at a time, so that a caller may wait for another's opening.
std::shared_ptr<Store> shared_store(const std::string& folder);

// The same; nullptr where shared_store() throws kBusy.
std::shared_ptr<Store> shared_store_if_free(const std::string& folder);

// Closes the stores that nobody has used for `idle`. Closing waits for writes in the background,
// usually milliseconds. Thread-safe. Stores open at exit are not closed: nothing of theirs is
// unsynced.
void close_idle_stores(std::chrono::steady_clock::duration idle = kIdle);

}  // namespace kindred::storage
