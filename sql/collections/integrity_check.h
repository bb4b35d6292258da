// The command 'integrity-check': whether SQLite's rows, the log, the segments with their dead rows
// and the store's rows agree.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "sql/collections/collection.h"

namespace kindred::sql {

// Throws StorageError (kCorrupt) that names the first difference; kBusy if another process has the
// store, whose rows are compared as well; Error (SQLITE_INTERRUPT). Reads everything.
void check_integrity(Collection& collection);

}  // namespace kindred::sql
