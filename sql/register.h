// Registers every function and module of kindred with a connection.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "sql/sqlite.h"

namespace kindred::sql {

// Leaves a connection alone that has them already: collections may be open. Returns SQLITE_OK, or a
// code with an sqlite3_malloc'd text in *message; never throws across the C entry point.
int register_all(sqlite3* db, char** message) noexcept;

}  // namespace kindred::sql
