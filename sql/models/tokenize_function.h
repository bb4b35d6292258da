// tokenize(text [, model]): a table function with a row for each token of the text, in order:
// position from 0, token, and the id by which the model's embedding table knows it, NULL if it has
// no row for it. NULL has no rows.
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "sql/sqlite.h"

namespace kindred::sql {

// The module for register_all(); lives as long as the process.
const sqlite3_module* tokenize_module() noexcept;

}  // namespace kindred::sql
