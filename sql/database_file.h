// Where SQLite keeps a database: in a file, beside which kindred's folder lies, or nowhere.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "sql/sqlite.h"

namespace kindred::sql {

// The resolved path of the schema's file; "" where there is none: the database is temporary or in
// memory. SQLite's until the schema is detached.
const char* database_file(sqlite3* db, const char* schema) noexcept;

}  // namespace kindred::sql
