// The extension's entry point: binds SQLite's function table and registers everything.
// SPDX-License-Identifier: Apache-2.0
#include <sqlite3ext.h>

#include <mutex>

#include "sql/register.h"

extern "C" {
SQLITE_EXTENSION_INIT1

// Loads permanently: a host that closes its connection must not unmap code that other connections,
// or later background work, still run.
__attribute__((visibility("default"))) int sqlite3_kindred_init(sqlite3* db, char** message,
                                                                const sqlite3_api_routines* api) {
  {  // other threads' connections use the table while this one loads: it is written once
    static std::mutex mutex;
    const std::lock_guard lock(mutex);
    if (sqlite3_api != api) SQLITE_EXTENSION_INIT2(api);
  }
  const int rc = kindred::sql::register_all(db, message);
  return rc == SQLITE_OK ? SQLITE_OK_LOAD_PERMANENTLY : rc;
}
}
