// embedding_table([model]): a table function with the rows of a model's embedding table: id, token
// and embedding, as the table has them, by ascending id. id = and token = are look-ups.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "sql/sqlite.h"

namespace kindred::sql {

// The module for register_all(); lives as long as the process.
const sqlite3_module* embedding_table_module() noexcept;

}  // namespace kindred::sql
