// Which models a database keeps, as the current snapshot sees it: the table main.kindred_registry,
// a row for each. It comes into being with the first model. Where a model's bytes lie, a row says;
// model_storage.h reads and writes them. Tables: docs/format.md.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sql/sqlite.h"

namespace kindred::sql {

inline constexpr char kRegistryTable[] = "kindred_registry";

// A row of the table.
struct ModelRecord {
  int64_t id = 0;  // random, the rowid; never used again
  std::string name;
  std::string kind;
  size_t dim = 0;     // of the vectors it makes
  size_t tokens = 0;  // that it lists
  std::string source;
  std::optional<std::string> options;
  std::string identity;  // model::Identity::describe()
  size_t pack_bytes = 0;
  size_t rows = 0;  // of its embedding table, where it has them apart from the pack
  size_t row_dim = 0;
  // Where pack and rows lie in a database with a file, and the store that has them.
  std::optional<int64_t> pack_segment;
  std::optional<int64_t> rows_segment;
  int64_t store = 0;

  size_t bytes() const noexcept { return pack_bytes + rows * row_dim * sizeof(float); }
};

// Whether the database has kept a model before.
bool has_registry(sqlite3* db);
// All models by name, or the one of that name. Throw Error, StorageError (kCorrupt) for a row that
// no program of ours wrote, and Error for one of a newer format.
std::vector<ModelRecord> registered_models(sqlite3* db);
std::optional<ModelRecord> registered_model(sqlite3* db, std::string_view name);

// Whether it keeps the one with this id. REQUIRES: has_registry().
bool is_registered(sqlite3* db, int64_t id);

// Write in the transaction at hand. A model takes the place of one of its name, whose bytes stay in
// kindred_registry_bytes until remove_model().
void create_registry(sqlite3* db);
void insert_model(sqlite3* db, const ModelRecord& record);
void remove_model(sqlite3* db, int64_t id);

}  // namespace kindred::sql
