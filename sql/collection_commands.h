// Commands to a collection, FTS5 style: INSERT INTO films(films) VALUES('optimize').
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "sql/collection.h"
#include "sql/collection_writer.h"
#include "sql/module.h"

namespace kindred::sql {

//   optimize         removes log rows that no longer count
//   rebuild          embeds every row's text anew, by the model as it is now
//   integrity-check  rows and log agree; an error that says what does not
// Throws Error for an unknown command, or one that comes with values for other columns.
void run_command(Collection& collection, CollectionWriter& writer, sqlite3_value* command,
                 Values columns);

}  // namespace kindred::sql
