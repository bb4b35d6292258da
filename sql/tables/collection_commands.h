// Commands to a collection, FTS5 style: INSERT INTO films(films) VALUES('optimize').
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "sql/collections/collection.h"
#include "sql/collections/collection_writer.h"
#include "sql/module.h"

namespace kindred::sql {

//   optimize         all vectors into one segment, with its graph; gives space back
//   rebuild          mends the store; embeds every row's text anew, by the model as it is now
//   integrity-check  rows, log, segments, graphs and store agree; an error that says what does not
//   recall           measures what graphs find (recall.h)
//   ef=N, seal=N     settings that stay
// Throws Error for an unknown command, or one that comes with values for other columns.
void run_command(Collection& collection, CollectionWriter& writer, sqlite3_value* command,
                 Values columns);

}  // namespace kindred::sql
