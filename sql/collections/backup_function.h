// kindred_backup(file): a copy of the main database with the folder of its vectors, of one moment,
// while others read and write.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "sql/collections/open_collections.h"
#include "sql/sqlite.h"

namespace kindred::sql {

// Registers the function, which finds the connection's collections in `open`. DIRECTONLY: it writes
// files. Throws Error.
void register_backup_function(sqlite3* db, const std::shared_ptr<OpenCollections>& open);

}  // namespace kindred::sql
