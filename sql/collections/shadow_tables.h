// The ordinary tables behind a collection: names, creation, renaming, removal, configuration, and
// which collections are configured with a model.
//
//   <name>_rows      id, cn and every column but the vector, as c<position>; metadata and
//                    partition columns are indexed
//   <name>_log       cn, nonce, id, op, vector: see storage/format.h and docs/format.md
//   <name>_segments  segment, version, rows, dead: see manifest.h and docs/format.md
//   <name>_config    key, value
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sql/collections/collection_options.h"
#include "sql/sqlite.h"

namespace kindred::sql {

// Keys of <name>_config.
inline constexpr std::string_view kConfigFormat = "format";  // storage::kFormatVersion
inline constexpr std::string_view kConfigId = "id";          // random, names the collection
inline constexpr std::string_view kConfigModel = "model";    // model::Identity::describe()
inline constexpr std::string_view kConfigSealed = "sealed";  // change number: see manifest.h
inline constexpr std::string_view kConfigSegments =
    "segments";                                            // random, new with each change there
inline constexpr std::string_view kConfigStore = "store";  // random id of the RocksDB store
inline constexpr std::string_view kConfigEf = "ef";        // rows a graph keeps in view, where set
inline constexpr std::string_view kConfigRecall = "recall";  // measured by the command
inline constexpr std::string_view kConfigSeal =
    "seal";  // log rows that are sealed; not there: 10,000

// 63 random bits: a collection's id, a log row's nonce.
int64_t random_number();

// The column of <name>_rows that keeps the collection's column at this position.
std::string stored_column(size_t position);

class ShadowTables {
 public:
  ShadowTables(sqlite3* db, std::string schema, std::string name)
      : db_(db), schema_(std::move(schema)), name_(std::move(name)) {}

  const std::string& schema() const noexcept { return schema_; }
  const std::string& name() const noexcept { return name_; }
  // Qualified and quoted: "main"."films_rows".
  std::string rows() const { return table("rows"); }
  std::string log() const { return table("log"); }
  std::string segments() const { return table("segments"); }
  std::string config() const { return table("config"); }

  void create(const CollectionOptions& options, const std::string& identity) const;
  void drop() const;
  bool exist() const { return has("config"); }
  bool has_segments() const { return has("segments"); }
  // Renames the tables and goes on under the new name.
  void rename(const std::string& name);

  std::optional<std::string> setting(std::string_view key) const;
  std::optional<int64_t> number(std::string_view key) const;
  void set(std::string_view key, std::string_view value) const;
  void set(std::string_view key, int64_t value) const;
  void unset(std::string_view key) const;
  // Makes the tables of an older format what they are now.
  void upgrade() const;

  // Whether a table of this name is one of a collection's, given what stands behind the last '_'.
  static bool is_suffix(std::string_view suffix) noexcept;

 private:
  bool has(std::string_view suffix) const;
  std::string table(std::string_view suffix) const;
  void create_rows(const CollectionOptions& options, int64_t id) const;
  void create_segments() const;

  sqlite3* db_;
  std::string schema_;
  std::string name_;
};

// The collections of all attached databases that say their vectors were made by the model of that
// name: "films", "aux.films".
std::vector<std::string> users_of_model(sqlite3* db, std::string_view name);

}  // namespace kindred::sql
