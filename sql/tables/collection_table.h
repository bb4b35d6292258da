// The virtual table `kindred`: a collection's rows and the search in them by MATCH.
//
// Its columns are the collection's own, then hidden ones: one named like the table (commands, and
// MATCH on the whole), k, distance, ef, exact, diversity, visited, is_exact.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "sql/sqlite.h"

namespace kindred::sql {

// The module; its client data is a std::shared_ptr to the connection's OpenCollections.
const sqlite3_module* collection_module() noexcept;

}  // namespace kindred::sql
