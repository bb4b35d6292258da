// How a new model comes by its bytes: what an INSERT into kindred_models names as its source.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "model/formats/import.h"
#include "model/packed_model.h"
#include "sql/sqlite.h"

namespace kindred::sql {

struct ModelRequest {
  sqlite3* db;
  std::string name;
  std::string source;                  // the path of a file or folder, or "train"
  std::optional<std::string> options;  // JSON, as it was given
};

// Writes the model that is asked for. Draws a progress bar. Throws Error (SQLITE_INTERRUPT) at
// sqlite3_interrupt(), std::invalid_argument for what the user gave wrongly, and what the importer
// throws.
model::ImportResult write_model(const ModelRequest& request, model::PackWriter& writer);

}  // namespace kindred::sql
