// SPDX-License-Identifier: Apache-2.0
#include "sql/collections/shadow_tables.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "sql/statement.h"

namespace kindred::sql {
namespace {

constexpr std::array<std::string_view, 4> kSuffixes = {"rows", "log", "segments", "config"};

// Whether the table has the columns that a collection's configuration has.
bool is_configuration(sqlite3* db, const std::string& schema, const std::string& table) {
  for (const char* column : {"key", "value"})
    if (sqlite3_table_column_metadata(db, schema.c_str(), table.c_str(), column, nullptr, nullptr,
                                      nullptr, nullptr, nullptr) != SQLITE_OK)
      return false;
  return true;
}

}  // namespace

int64_t random_number() {
  uint64_t bits = 0;
  sqlite3_randomness(sizeof bits, &bits);
  return static_cast<int64_t>(bits >> 1);
}

std::string stored_column(size_t position) {
  return "c" + std::to_string(position);
}

bool ShadowTables::is_suffix(std::string_view suffix) noexcept {
  return std::find(kSuffixes.begin(), kSuffixes.end(), suffix) != kSuffixes.end();
}

std::string ShadowTables::table(std::string_view suffix) const {
  return quote_identifier(schema_) + "." + quote_identifier(name_ + "_" + std::string(suffix));
}

void ShadowTables::create(const CollectionOptions& options, const std::string& identity) const {
  const int64_t id = random_number();
  create_rows(options, id);
  execute(db_, "CREATE TABLE " + log() +
                   "(cn INTEGER PRIMARY KEY, nonce INTEGER NOT NULL, id INTEGER NOT NULL, "
                   "op INTEGER NOT NULL, vector BLOB)");
  create_segments();
  execute(db_, "CREATE TABLE " + config() + "(key TEXT PRIMARY KEY, value) WITHOUT ROWID");
  set(kConfigFormat, std::to_string(storage::kFormatVersion));
  set(kConfigId, std::to_string(id));
  set(kConfigModel, identity);
}

void ShadowTables::create_segments() const {
  execute(db_, "CREATE TABLE IF NOT EXISTS " + segments() +
                   "(segment INTEGER PRIMARY KEY, version INTEGER NOT NULL, rows INTEGER NOT NULL, "
                   "dead BLOB)");
}

void ShadowTables::upgrade() const {
  if (number(kConfigFormat) == storage::kFormatVersion) return;
  create_segments();
  set(kConfigFormat, std::to_string(storage::kFormatVersion));
}

// Indexes are named after the collection's random id: SQLite does not rename them with the table.
void ShadowTables::create_rows(const CollectionOptions& options, int64_t id) const {
  std::string columns = "id INTEGER PRIMARY KEY, cn INTEGER";
  for (size_t i = 0; i < options.columns.size(); ++i) {
    if (!options.is_stored(i)) continue;
    const Column& column = options.columns[i];
    columns += ", " + stored_column(i) + " " + column.type;
    if (column.kind == ColumnKind::kKey) columns += " NOT NULL UNIQUE";
  }
  execute(db_, "CREATE TABLE " + rows() + "(" + columns + ")");
  for (size_t i = 0; i < options.columns.size(); ++i) {
    if (!options.is_indexed(i) || options.columns[i].kind == ColumnKind::kKey) continue;  // UNIQUE
    const std::string index = "kindred_" + std::to_string(id) + "_" + stored_column(i);
    execute(db_, "CREATE INDEX " + quote_identifier(schema_) + "." + quote_identifier(index) +
                     " ON " + quote_identifier(name_ + "_rows") + "(" + stored_column(i) + ")");
  }
}

void ShadowTables::drop() const {
  for (const std::string_view suffix : kSuffixes)
    execute(db_, "DROP TABLE IF EXISTS " + table(suffix));
}

bool ShadowTables::has(std::string_view suffix) const {
  const std::string table = name_ + "_" + std::string(suffix);
  return sqlite3_table_column_metadata(db_, schema_.c_str(), table.c_str(), nullptr, nullptr,
                                       nullptr, nullptr, nullptr, nullptr) == SQLITE_OK;
}

void ShadowTables::rename(const std::string& name) {
  for (const std::string_view suffix : kSuffixes)
    if (has(suffix))  // format 1 has no segments
      execute(db_, "ALTER TABLE " + table(suffix) + " RENAME TO " +
                       quote_identifier(name + "_" + std::string(suffix)));
  name_ = name;
}

std::optional<std::string> ShadowTables::setting(std::string_view key) const {
  Statement select(db_, "SELECT value FROM " + config() + " WHERE key = ?1");
  if (!select.bind(1, key).step() || select.is_null(0)) return std::nullopt;
  return std::string(select.text(0));
}

std::optional<int64_t> ShadowTables::number(std::string_view key) const {
  const std::optional<std::string> text = setting(key);
  if (!text) return std::nullopt;
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error != std::errc() || end != text->data() + text->size()) return std::nullopt;
  return value;
}

void ShadowTables::set(std::string_view key, int64_t value) const {
  Statement(db_, "INSERT OR REPLACE INTO " + config() + "(key, value) VALUES(?1, ?2)")
      .bind(1, key)
      .bind(2, value)
      .run();
}

void ShadowTables::set(std::string_view key, std::string_view value) const {
  Statement(db_, "INSERT OR REPLACE INTO " + config() + "(key, value) VALUES(?1, ?2)")
      .bind(1, key)
      .bind(2, value)
      .run();
}

void ShadowTables::unset(std::string_view key) const {
  Statement(db_, "DELETE FROM " + config() + " WHERE key = ?1").bind(1, key).run();
}

std::vector<std::string> users_of_model(sqlite3* db, std::string_view name) {
  std::vector<std::string> users;
  Statement schemas(db, "SELECT name FROM pragma_database_list");
  while (schemas.step()) {
    const std::string schema(schemas.text(0));
    Statement tables(db, "SELECT name FROM " + quote_identifier(schema) +
                             ".sqlite_schema WHERE type = 'table' AND sql LIKE "
                             "'CREATE VIRTUAL TABLE%'");
    while (tables.step()) {
      const std::string table(tables.text(0));
      if (!is_configuration(db, schema, table + "_config")) continue;
      const ShadowTables shadow(db, schema, table);
      const std::string model = shadow.setting(kConfigModel).value_or("");
      if (model.substr(0, model.rfind(" dim=")) == name)
        users.push_back(schema == "main" ? table : schema + "." + table);
    }
  }
  return users;
}

}  // namespace kindred::sql
