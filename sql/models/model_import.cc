// SPDX-License-Identifier: Apache-2.0
#include "sql/models/model_import.h"

#include <stdexcept>

#include "sql/models/model_training.h"
#include "sql/progress.h"

namespace kindred::sql {
namespace {

model::ImportResult import_file(const ModelRequest& request, model::PackWriter& writer) {
  if (request.options)
    throw std::invalid_argument("options are for other sources than files: NULL is wanted");
  std::optional<Progress> bar;
  const auto progress = [&](size_t done, size_t total) {
    if (!bar) bar.emplace(request.db, request.name + ": import", total);
    bar->advance_to(done);
  };
  return model::import_model(request.source, writer, progress);
}

}  // namespace

// Each other kind of source is one more line here. What importers and trainers throw says nothing
// of the statement that it is about.
model::ImportResult write_model(const ModelRequest& request, model::PackWriter& writer) {
  const std::string where = "kindred_models: " + request.name + ": ";
  try {
    if (request.source == "train") return train_model(request, writer);
    return import_file(request, writer);
  } catch (const Error& error) {
    if (error.code() == SQLITE_INTERRUPT) throw;
    throw Error(error.code(), where + error.what());
  } catch (const storage::StorageError&) {
    throw;
  } catch (const std::invalid_argument& error) {
    throw std::invalid_argument(where + error.what());
  } catch (const std::runtime_error& error) {
    throw std::runtime_error(where + error.what());
  }
}

}  // namespace kindred::sql
