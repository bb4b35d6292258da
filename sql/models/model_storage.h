// Where a registered model's bytes lie. A database with a file keeps them in segments, like vectors
// of collections: the pack in pages of 64 KiB, the rows of its table as vectors by token id; both
// with the model's id for a collection. A database without one keeps them in the table
// main.kindred_registry_bytes.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "model/packed_model.h"
#include "sql/models/model_registry.h"
#include "storage/format.h"
#include "storage/segments/segment.h"

namespace kindred::sql {

// A page of a pack is a vector of so many bytes, which has neither codes nor a graph.
inline constexpr size_t kPackPage = 64 << 10;

storage::VectorSpec pack_spec();
storage::VectorSpec rows_spec(const ModelRecord& record);

// A model ready for use: what its embedder reads lives as long as this. Constant after
// construction, thread-safe.
struct OpenModel {
  std::shared_ptr<const storage::Segment> pack;  // nullptr: in memory
  std::shared_ptr<const storage::Segment> rows;  // nullptr: in memory, or it has none
  storage::VectorSpec rows_spec;
  std::shared_ptr<const model::PackedRows> packed_rows;
  std::vector<uint8_t> pack_in_memory;
  std::shared_ptr<const model::Embedder> embedder;

  // Whether a file has been found damaged, or has another in its place: it is to be opened anew.
  bool is_damaged() const noexcept;
  bool is_removed() const;
};

// Maps the model's segments, or reads its bytes. What is missing or damaged is written anew from
// the store. Throws StorageError if that fails (kMissing: the database was copied without its
// folder), Error (SQLITE_BUSY) if another process has the store, std::runtime_error for a pack that
// the model code refuses.
std::shared_ptr<const OpenModel> open_model(sqlite3* db, const ModelRecord& record);

// Writes a new model. Until keep() what was written goes again with the writer, as far as SQLite
// does not take it back.
class ModelWriter : public model::PackWriter {
 public:
  // Completes what add_row() and append() were given, durably, and says in `record` where it lies.
  // Throws as open_model() does.
  virtual void finish(ModelRecord& record) = 0;
  virtual void keep() noexcept = 0;
};

// REQUIRES: the id is new.
std::unique_ptr<ModelWriter> write_stored_model(sqlite3* db, int64_t id);

// The path of the main database's file, "" for none.
std::string main_database(sqlite3* db);

}  // namespace kindred::sql
