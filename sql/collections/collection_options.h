// The arguments of CREATE VIRTUAL TABLE ... USING kindred(...): columns and options.
//
//   argument := column | option
//   column   := name                                text to embed
//             | name type                           metadata; type: see kTypes in the source
//             | name INTEGER PRIMARY KEY | name TEXT PRIMARY KEY
//             | name type PARTITION KEY
//             | '+' name type                       auxiliary
//             | name (float|int8|bit) '[' N ']' [distance_metric = metric]
//   option   := (model | dimensions | distance_metric | quantize | m | ef_construction | seed) '='
//               value
//
// Names may be quoted as in SQL. Keywords are case-insensitive.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "storage/format.h"
#include "storage/graphs/graph_format.h"

namespace kindred::sql {

enum class ColumnKind { kText, kVector, kKey, kMetadata, kPartition, kAuxiliary };

struct Column {
  std::string name;
  ColumnKind kind = ColumnKind::kText;
  std::string type;  // the SQL type as declared to SQLite: "TEXT", "INTEGER", ...; "" for vectors
};

// What a collection is, as its CREATE statement says.
struct CollectionOptions {
  std::vector<Column> columns;  // in the order of the statement
  std::string model;            // "" for a collection without text to embed
  storage::VectorSpec vectors;
  bool has_dimensions = false;  // the option is given
  storage::GraphOptions graph;
  std::string error;  // what is wrong with the arguments: see salvage_collection()

  // Position of the vector column, if vectors come from outside.
  std::optional<size_t> vector_column() const;
  // Position of the key column, if one is named.
  std::optional<size_t> key_column() const;
  bool has_text_key() const;
  bool has_integer_key() const { return key_column() && !has_text_key(); }
  // Whether a column of the table, by its position, or -1, is the rowid by one of its names.
  bool is_rowid(int column) const;
  bool embeds() const { return !model.empty(); }
  // Whether vectors of a model of so many dimensions are the collection's, or are cut to be.
  bool fits_model(size_t dim) const {
    return has_dimensions ? dim >= vectors.dim : dim == vectors.dim;
  }
  // Whether the column is kept in <name>_rows: all but vectors and integer keys.
  bool is_stored(size_t column) const;
  // Whether <name>_rows has an index of it.
  bool is_indexed(size_t column) const;
};

// The dimensions of a model's vectors; nullopt for a name that is none's.
using ModelDimensions = std::function<std::optional<size_t>(const std::string& name)>;

// Parses what follows module, schema and table name. `made_by`: the description of the model that
// an existing collection's vectors were made by, "" for a new one. Collections that were made when
// `default` was another name for `hash` are collections of `hash`. Throws std::invalid_argument
// with what came and what is wanted: unknown option or type, two vector columns, a reserved name, a
// limit, ...
CollectionOptions parse_collection(const std::string& table, std::span<const char* const> arguments,
                                   std::string_view made_by, const ModelDimensions& dimensions);

// What can be told of arguments that parse_collection() refuses, of a collection that is there all
// the same (a newer version's, or changed by hand): names of columns, so that statements compile;
// every use is then the error, but DROP TABLE.
CollectionOptions salvage_collection(const std::string& table,
                                     std::span<const char* const> arguments,
                                     const std::string& error);

// Throws std::invalid_argument if a collection of this name would hide one of its own columns: it
// has a hidden one of its name.
void require_free_name(const std::string& table, const CollectionOptions& options);

}  // namespace kindred::sql
