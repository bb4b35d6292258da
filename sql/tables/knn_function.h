// knn(collection, query [, k]): rowid, key, distance of the nearest rows in ascending distance.
// Hidden columns beside the arguments: visited (distances computed so far), is_exact.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "sql/sqlite.h"

namespace kindred::sql {

// The module; its client data is a std::shared_ptr to the connection's OpenCollections.
const sqlite3_module* knn_module() noexcept;

}  // namespace kindred::sql
