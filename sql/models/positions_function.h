// positions(n, dimensions [, kind]): a table function with the encodings of positions 0 to n - 1,
// and vec_rope(v, position). See model/positions.h. NULL has no rows.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "sql/function.h"
#include "sql/sqlite.h"

namespace kindred::sql {

// The module for register_all(); lives as long as the process.
const sqlite3_module* positions_module() noexcept;

// The row of vec_rope() for register_all().
std::span<const Function> position_functions() noexcept;

}  // namespace kindred::sql
