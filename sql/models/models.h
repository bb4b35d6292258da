// Models by name, as a connection sees them: the built-in ones, then those that the main database
// keeps (kindred_models). A connection keeps a few that it has opened, so that finding one again
// costs a look-up; connections of one database share them.
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "model/embedder.h"
#include "sql/models/model_storage.h"
#include "sql/sqlite.h"
#include "sql/statement.h"

namespace kindred::sql {

using SharedEmbedder = std::shared_ptr<const model::Embedder>;

// The model of that name in the connection's snapshot, its own changes included; nullptr if there
// is none. It stays usable when it is deleted. Throws what open_model() throws. Costs some
// microseconds where it is open already: a caller that needs it for each row keeps it as long as
// its statement runs.
SharedEmbedder find_model(sqlite3* db, std::string_view name);
// The same; throws Error, opening with `who`, that lists the known ones if there is none.
SharedEmbedder require_model(sqlite3* db, std::string_view name, const std::string& who);
// How many dimensions its vectors have, without opening it.
std::optional<size_t> model_dimensions(sqlite3* db, std::string_view name);

// A registered model with what it lies in; nullptr if there is none of that name, or it is built
// in.
std::shared_ptr<const OpenModel> find_open_model(sqlite3* db, std::string_view name);
std::shared_ptr<const OpenModel> find_open_model(sqlite3* db, const ModelRecord& record);
// No connection keeps it any longer: it has been deleted. Or: this one is being closed.
void forget_model(sqlite3* db, int64_t id) noexcept;
void close_models(sqlite3* db) noexcept;

// One model found again and again, for each row: costs a look at the registry by a statement that
// is kept. Not thread-safe.
class ModelLookup {
 public:
  ModelLookup(sqlite3* db, std::string name) : db_(db), name_(std::move(name)) {}
  // The model as it is now; lives until the next call. nullptr if there is none.
  const model::Embedder* find();

 private:
  sqlite3* db_;
  std::string name_;
  Statement id_;
  int64_t found_ = 0;  // the id of model_
  std::shared_ptr<const OpenModel> model_;
};

}  // namespace kindred::sql
