// SPDX-License-Identifier: Apache-2.0
#include "sql/models/model_registry.h"

#include "sql/boundary.h"
#include "sql/statement.h"
#include "storage/error.h"

namespace kindred::sql {
namespace {

// Of one row, so that a newer program can keep models in another way beside older ones.
constexpr int64_t kModelFormat = 1;

constexpr char kColumns[] =
    "id, name, kind, dimensions, tokens, source, options, identity, pack_bytes, row_count, "
    "row_dimensions, pack_segment, rows_segment, store, format";

std::optional<int64_t> number_or_none(const Statement& row, int column) {
  if (row.is_null(column)) return std::nullopt;
  return row.integer(column);
}

ModelRecord read_record(const Statement& row) {
  ModelRecord record;
  record.id = row.integer(0);
  record.name = row.text(1);
  const std::string where = "kindred_models: " + record.name + ": ";
  if (row.integer(14) > kModelFormat)
    throw Error(SQLITE_ERROR, where + "written by a newer version");
  const auto size = [&](int column) {
    if (row.integer(column) < 0)
      throw storage::StorageError(storage::Fault::kCorrupt, where + "a size below 0");
    return static_cast<size_t>(row.integer(column));
  };
  record.kind = row.text(2);
  record.dim = size(3);
  record.tokens = size(4);
  record.source = row.text(5);
  if (!row.is_null(6)) record.options = row.text(6);
  record.identity = row.text(7);
  record.pack_bytes = size(8);
  record.rows = size(9);
  record.row_dim = size(10);
  record.pack_segment = number_or_none(row, 11);
  record.rows_segment = number_or_none(row, 12);
  record.store = row.integer(13);
  return record;
}

}  // namespace

bool has_registry(sqlite3* db) {
  Statement select(db, "SELECT 1 FROM main.sqlite_schema WHERE type = 'table' AND name = ?1");
  return select.bind(1, kRegistryTable).step();
}

std::vector<ModelRecord> registered_models(sqlite3* db) {
  std::vector<ModelRecord> records;
  if (!has_registry(db)) return records;
  Statement rows(
      db, std::string("SELECT ") + kColumns + " FROM main." + kRegistryTable + " ORDER BY name");
  while (rows.step()) records.push_back(read_record(rows));
  return records;
}

std::optional<ModelRecord> registered_model(sqlite3* db, std::string_view name) {
  if (!has_registry(db)) return std::nullopt;
  Statement row(
      db, std::string("SELECT ") + kColumns + " FROM main." + kRegistryTable + " WHERE name = ?1");
  if (!row.bind(1, name).step()) return std::nullopt;
  return read_record(row);
}

bool is_registered(sqlite3* db, int64_t id) {
  Statement row(db, std::string("SELECT 1 FROM main.") + kRegistryTable + " WHERE id = ?1");
  return row.bind(1, id).step();
}

void create_registry(sqlite3* db) {
  execute(db, std::string("CREATE TABLE IF NOT EXISTS main.") + kRegistryTable +
                  "(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, format INTEGER NOT NULL, "
                  "kind TEXT NOT NULL, dimensions INTEGER NOT NULL, tokens INTEGER NOT NULL, "
                  "source TEXT NOT NULL, options TEXT, identity TEXT NOT NULL, "
                  "pack_bytes INTEGER NOT NULL, row_count INTEGER NOT NULL, "
                  "row_dimensions INTEGER NOT NULL, pack_segment INTEGER, rows_segment INTEGER, "
                  "store INTEGER NOT NULL)");
  execute(db, std::string("CREATE TABLE IF NOT EXISTS main.") + kRegistryTable +
                  "_bytes(model INTEGER NOT NULL, part INTEGER NOT NULL, n INTEGER NOT NULL, "
                  "bytes BLOB NOT NULL, PRIMARY KEY(model, part, n)) WITHOUT ROWID");
}

void insert_model(sqlite3* db, const ModelRecord& record) {
  Statement row(db, std::string("INSERT OR REPLACE INTO main.") + kRegistryTable + "(" + kColumns +
                        ") VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, "
                        "?15)");
  const auto bind_or_null = [&](int index, const std::optional<int64_t>& value) {
    value ? row.bind(index, *value) : row.bind_null(index);
  };
  row.bind(1, record.id).bind(2, record.name).bind(3, record.kind);
  row.bind(4, static_cast<int64_t>(record.dim)).bind(5, static_cast<int64_t>(record.tokens));
  row.bind(6, record.source);
  record.options ? row.bind(7, *record.options) : row.bind_null(7);
  row.bind(8, record.identity).bind(9, static_cast<int64_t>(record.pack_bytes));
  row.bind(10, static_cast<int64_t>(record.rows)).bind(11, static_cast<int64_t>(record.row_dim));
  bind_or_null(12, record.pack_segment);
  bind_or_null(13, record.rows_segment);
  row.bind(14, record.store).bind(15, kModelFormat);
  row.run();
}

void remove_model(sqlite3* db, int64_t id) {
  const std::string table = std::string("main.") + kRegistryTable;
  Statement(db, "DELETE FROM " + table + " WHERE id = ?1").bind(1, id).run();
  Statement(db, "DELETE FROM " + table + "_bytes WHERE model = ?1").bind(1, id).run();
}

}  // namespace kindred::sql
