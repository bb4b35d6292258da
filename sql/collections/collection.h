// What one connection knows of a collection: its options, its shadow tables, the log as the current
// snapshot has it, and the vectors in it. Reading; collection_writer.h writes.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/embedder.h"
#include "sql/collections/collection_options.h"
#include "sql/collections/log_table.h"
#include "sql/collections/manifest.h"
#include "sql/collections/open_collections.h"
#include "sql/collections/sealing.h"
#include "sql/collections/shadow_tables.h"
#include "sql/models/models.h"
#include "sql/statement.h"
#include "sql/value.h"
#include "storage/log/log.h"

namespace kindred::sql {

// State of a collection that belongs to the connection, not to the virtual table object: SQLite
// connects a table anew in mid-transaction when the schema changes (ALTER of any table).
struct CollectionSession {
  // Newest change number of the write transaction at hand; nullopt before its first change.
  std::optional<int64_t> last_cn;
  std::unique_ptr<storage::LogView> view;
  Sealing sealing;
};

class Collection final : public std::enable_shared_from_this<Collection> {
 public:
  // Enters the collection that `tables` names in `open`. Nothing is read yet, so that DROP TABLE
  // finds also one that is broken.
  static std::shared_ptr<Collection> open(sqlite3* db, std::shared_ptr<OpenCollections> open,
                                          ShadowTables tables, CollectionOptions options);
  ~Collection();
  Collection(const Collection&) = delete;
  Collection& operator=(const Collection&) = delete;

  sqlite3* db() const noexcept { return db_; }
  const CollectionOptions& options() const noexcept { return options_; }
  const storage::VectorSpec& vectors() const noexcept { return options_.vectors; }
  const ShadowTables& tables() const noexcept { return tables_; }
  const std::string& name() const noexcept { return tables_.name(); }
  // SQLite's file, "" for none.
  std::string database() const;

  // Throws Error if what CREATE said cannot be read.
  void require_parsed() const;
  // The same, and reads the configuration, once: id(), session() and manifest() are there from then
  // on, and what reads rows or vectors calls it. Throws StorageError if it is broken, Error if it
  // is of a newer format.
  void require_readable();
  // The same for what writes: the vectors that the collection has must be there, too. Looks once.
  void require_writable();
  int64_t id() const noexcept { return id_; }
  CollectionSession& session() noexcept { return *session_; }
  // nullptr before require_readable().
  CollectionSession* begun_session() noexcept { return session_.get(); }
  Manifest& manifest() noexcept { return *manifest_; }
  const Manifest& manifest() const noexcept { return *manifest_; }
  // The log from where segments end, in the current snapshot. The reference lives as long as the
  // collection; what it begins at is that of the last call.
  LogTable& log();

  // The model of this collection's text as it is now; lives until the next call of this or
  // embedder(). Throws Error if the collection has none, or it is no longer there.
  const model::Embedder& model();
  // Throws Error if that model, as the registry describes it, makes vectors that do not fit the
  // collection's: no rebuild helps then. One that is not there fits.
  void require_fitting_model() const;
  // model(), to be used beside the vectors that are there: throws Error also if they were made by
  // another version of it. What made them is read each time, for a ROLLBACK TO may change it back.
  const model::Embedder& embedder();
  // Says that all vectors are made by the model as it is now.
  void adopt_model();

  // Reads a vector of this collection's kind: element type and dimensions must fit; a BLOB without
  // a subtype is taken for the column's type if its size is right, and JSON is of int8s where the
  // column is. nullopt for NULL.
  std::optional<Vector> vector_of(sqlite3_value* value, const std::string& where) const;
  // Text -> a vector of the collection's dimensions; nullopt for text without content.
  std::optional<Vector> embed(const model::Embedder& model, std::string_view text) const;
  // A search's query: a vector, or text or a number if the collection embeds.
  std::optional<Vector> query_of(sqlite3_value* value, const std::string& where);

  // The vectors that the current snapshot sees, in layers for storage::NearestStream.
  std::vector<storage::RowLayer> layers(const storage::OnlyIds& only);
  // The vector of the row with this id and change number, wherever it lies. Throws StorageError
  // (kCorrupt) if it is nowhere.
  std::string vector_of_row(int64_t id, int64_t cn);
  // The vector of a row that was read with this change number; nullopt if the row or its vector has
  // been deleted since, the one it has now if it has another. Throws as vector_of_row().
  std::optional<std::string> row_vector(int64_t id, int64_t cn);
  // Whether log or segments have a vector of the id, changes of this transaction counted; false if
  // that cannot be told before the transaction ends. Reads the log from its end.
  bool has_stored_vector(int64_t id);
  // Throws StorageError (kCorrupt) for a row of the log that no program of ours wrote.
  void verify(const storage::LogRow& row) const;

  // The newest change number of the transaction at hand, or that of the snapshot; and the next one.
  int64_t newest_cn();
  int64_t next_cn();

  // A reset statement "SELECT id, cn, <stored columns> FROM rows WHERE id = ?1", given back with
  // return_lookup(): prepared once and used by one cursor at a time.
  Statement take_lookup();
  void return_lookup(Statement statement) noexcept;
  // The same for the statements of filters, whose text has their conditions: none is running, no
  // value bound.
  Statement take_filter(const std::string& sql);
  void return_filter(Statement statement) noexcept;
  // Whether a look-up was prepared under the name that the collection has now.
  bool is_current(const Statement& lookup) const noexcept;
  // The result column of that statement, and of a Listing, for a column's position.
  int stored_position(size_t column) const noexcept { return stored_positions_[column]; }
  // The columns it reads: id, cn, c0, c2; and the same as one text.
  const std::vector<std::string>& stored_columns() const noexcept { return stored_columns_; }
  const std::string& stored_list() const noexcept { return stored_list_; }

  void rename(const std::string& name);
  // Whether its tables are there under its name: a ROLLBACK TO may have undone CREATE or RENAME.
  bool is_there() const;

 private:
  Collection(sqlite3* db, std::shared_ptr<OpenCollections> open, ShadowTables tables,
             CollectionOptions options);
  void list_columns();
  std::optional<std::string> find_vector(int64_t id, int64_t cn);
  std::string lookup_sql() const;

  sqlite3* db_;
  std::shared_ptr<OpenCollections> open_;
  ShadowTables tables_;
  CollectionOptions options_;
  int64_t id_ = 0;
  bool writable_ = false;  // has been found to be
  std::shared_ptr<CollectionSession> session_;
  std::vector<std::string> stored_columns_ = {"id", "cn"};
  std::string stored_list_ = "id, cn";
  std::string lookup_sql_;
  std::vector<int> stored_positions_;
  ModelLookup model_;
  Statement made_by_;  // the identity of the model that made the vectors
  std::optional<Manifest> manifest_;
  LogTable log_;
  std::vector<Statement> lookups_;
  std::vector<Statement> filters_;  // the latest last
};

}  // namespace kindred::sql
