// SQLite's extension interface: calls go through the table that the host hands to the entry point.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sqlite3ext.h>

extern "C" {
SQLITE_EXTENSION_INIT3
}
