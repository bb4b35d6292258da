// What one connection knows of a collection: its options, its shadow tables, the log as the current
// snapshot has it, and the vectors in it. Reading; collection_writer.h writes.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/embedder.h"
#include "sql/collection_options.h"
#include "sql/open_collections.h"
#include "sql/shadow_tables.h"
#include "sql/statement.h"
#include "sql/value.h"
#include "storage/log.h"

namespace kindred::sql {

// State of a collection that belongs to the connection, not to the virtual table object: SQLite
// connects a table anew in mid-transaction when the schema changes (ALTER of any table).
struct CollectionSession {
  // Newest change number of the write transaction at hand; nullopt before its first change.
  std::optional<int64_t> last_cn;
  // Log rows that this transaction made needless.
  int64_t superseded = 0;
  std::unique_ptr<storage::LogView> view;
};

class Collection final : public storage::LogReader,
                         public std::enable_shared_from_this<Collection> {
 public:
  // Enters the collection that `tables` names in `open`. Nothing is read yet, so that DROP TABLE
  // finds also one that is broken.
  static std::shared_ptr<Collection> open(sqlite3* db, std::shared_ptr<OpenCollections> open,
                                          ShadowTables tables, CollectionOptions options);
  ~Collection() override;
  Collection(const Collection&) = delete;
  Collection& operator=(const Collection&) = delete;

  sqlite3* db() const noexcept { return db_; }
  const CollectionOptions& options() const noexcept { return options_; }
  const storage::VectorSpec& vectors() const noexcept { return options_.vectors; }
  const ShadowTables& tables() const noexcept { return tables_; }
  const std::string& name() const noexcept { return tables_.name(); }

  // Reads the configuration, once. Whatever uses rows or vectors comes after it. Throws
  // StorageError if it is broken, Error if it is of a newer format.
  void require_readable();
  CollectionSession& session();
  // nullptr if nobody has asked for it yet.
  CollectionSession* begun_session() noexcept { return session_.get(); }

  // The model of this collection's text as it is now. Throws Error if the collection has none.
  const model::Embedder& model() const;
  // The same, to be used beside the vectors that are there: throws Error also if they were made by
  // another version of it. What made them is read each time, for a ROLLBACK TO may change it back.
  const model::Embedder& embedder();
  // Says that all vectors are made by the model as it is now.
  void adopt_model();

  // Reads a vector of this collection's kind: element type and dimensions must fit; a BLOB without
  // a subtype is taken for the column's type if its size is right. nullopt for NULL.
  std::optional<Vector> vector_of(sqlite3_value* value, const std::string& where) const;
  // Text -> a vector of the collection's dimensions; nullopt for text without content.
  std::optional<Vector> embed(const model::Embedder& model, std::string_view text) const;
  // A search's query: a vector, or text if the collection embeds.
  std::optional<Vector> query_of(sqlite3_value* value, const std::string& where);

  // The vectors that the current snapshot sees, in layers for storage::NearestStream.
  std::vector<storage::RowLayer> layers(const storage::OnlyIds& only);
  // The vector of a log row. Throws StorageError if it is not there or not one.
  std::string log_vector(int64_t cn);
  // The vector of a row that was read with this change number; nullopt if the row or its vector has
  // been deleted since, the one it has now if it has another. Throws StorageError as log_vector().
  std::optional<std::string> row_vector(int64_t id, int64_t cn);
  // Whether the log says that the id has a vector. Reads the log from its end.
  bool is_in_log(int64_t id);

  // A reset statement "SELECT id, cn, <stored columns> FROM rows WHERE id = ?1", given back with
  // return_lookup(): prepared once and used by one cursor at a time.
  Statement take_lookup();
  void return_lookup(Statement statement) noexcept;
  // Whether a look-up was prepared under the name that the collection has now.
  bool is_current(const Statement& lookup) const noexcept;
  // The result column of that statement (and of a scan by the same list) for a column's position.
  int stored_position(size_t column) const noexcept { return stored_positions_[column]; }
  // The columns both read: id, cn, c0, c2; and the same as one text.
  const std::vector<std::string>& stored_columns() const noexcept { return stored_columns_; }
  const std::string& stored_list() const noexcept { return stored_list_; }

  void rename(const std::string& name);
  // Whether its tables are there under its name: a ROLLBACK TO may have undone CREATE or RENAME.
  bool is_there() const;

  // storage::LogReader, of the current snapshot.
  int64_t sealed() override { return 0; }
  storage::LogPoint last() override;
  std::optional<int64_t> nonce_at(int64_t cn) override;
  void read_after(int64_t cn, const std::function<bool(const storage::LogRow&)>& visit) override;

 private:
  Collection(sqlite3* db, std::shared_ptr<OpenCollections> open, ShadowTables tables,
             CollectionOptions options);
  void list_columns();
  std::optional<std::string> find_log_vector(int64_t cn);
  std::string lookup_sql() const;

  sqlite3* db_;
  std::shared_ptr<OpenCollections> open_;
  ShadowTables tables_;
  CollectionOptions options_;
  std::string stored_id_;  // "" until the configuration is read
  std::shared_ptr<CollectionSession> session_;
  std::vector<std::string> stored_columns_ = {"id", "cn"};
  std::string stored_list_ = "id, cn";
  std::string lookup_sql_;
  std::vector<int> stored_positions_;
  Statement made_by_;  // the identity of the model that made the vectors
  Statement last_;
  Statement nonce_at_;
  Statement log_vector_;
  std::vector<Statement> lookups_;
};

}  // namespace kindred::sql
