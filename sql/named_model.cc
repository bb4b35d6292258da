// SPDX-License-Identifier: Apache-2.0
#include "sql/named_model.h"

#include <stdexcept>
#include <string_view>

#include "sql/value.h"

namespace kindred::sql {
namespace {

// The one place that knows where models come from.
std::shared_ptr<const model::Embedder> find_model(sqlite3*, std::string_view name) {
  const model::Embedder* built_in = model::Embedder::find(name);
  return {std::shared_ptr<void>(), built_in};  // it lives for ever
}

}  // namespace

std::shared_ptr<const model::Embedder> named_model(sqlite3* db, sqlite3_value* name,
                                                   const std::string& function) {
  if (name != nullptr && sqlite3_value_type(name) != SQLITE_TEXT)
    throw std::invalid_argument(function + ": model: a name is wanted, got " + describe(name));
  const std::string text(name != nullptr ? text_of(name) : "default");
  std::shared_ptr<const model::Embedder> model = find_model(db, text);
  if (!model) throw std::invalid_argument(function + ": no such model: " + text);
  return model;
}

const model::EmbeddingTable& require_table(const model::Embedder& model,
                                           const std::string& function) {
  if (model.table() == nullptr)
    throw std::invalid_argument(function + ": the model " + model.identity().name +
                                " has no embedding table");
  return *model.table();
}

}  // namespace kindred::sql
