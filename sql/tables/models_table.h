// The table kindred_models: a row for each model. An INSERT reads one from a file; what it keeps of
// it is part of the transaction, like any row.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "sql/sqlite.h"

namespace kindred::sql {

// Throws Error.
void register_models_table(sqlite3* db);

}  // namespace kindred::sql
