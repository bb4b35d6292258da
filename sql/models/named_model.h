// The model that an argument of a table function names.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "model/embedder.h"
#include "sql/sqlite.h"

namespace kindred::sql {

// The model of that name; `default` where `name` is nullptr. `function` opens messages:
// "tokenize()". Throws std::invalid_argument if `name` is no text, and what require_model() throws.
std::shared_ptr<const model::Embedder> named_model(sqlite3* db, sqlite3_value* name,
                                                   const std::string& function);

// The model's table. Throws std::invalid_argument if it has none.
const model::EmbeddingTable& require_table(const model::Embedder& model,
                                           const std::string& function);

}  // namespace kindred::sql
