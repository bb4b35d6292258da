// SPDX-License-Identifier: Apache-2.0
#include "sql/models/named_model.h"

#include <stdexcept>

#include "sql/models/models.h"
#include "sql/value.h"

namespace kindred::sql {
std::shared_ptr<const model::Embedder> named_model(sqlite3* db, sqlite3_value* name,
                                                   const std::string& function) {
  if (name != nullptr && sqlite3_value_type(name) != SQLITE_TEXT)
    throw std::invalid_argument(function + ": model: a name is wanted, got " + describe(name));
  return require_model(db, name != nullptr ? text_of(name) : "default", function);
}

const model::EmbeddingTable& require_table(const model::Embedder& model,
                                           const std::string& function) {
  if (model.table() == nullptr)
    throw std::invalid_argument(function + ": the model " + model.identity().name +
                                " has no embedding table");
  return *model.table();
}

}  // namespace kindred::sql
