// vec_each(v): a table function with one row per element: rowid from 0 and value, REAL for float32
// vectors, INTEGER for int8 and bit vectors; in the order of vec_to_json(). NULL has no rows.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "sql/sqlite.h"

namespace kindred::sql {

// The module for register_all(); lives as long as the process.
const sqlite3_module* vec_each_module() noexcept;

}  // namespace kindred::sql
