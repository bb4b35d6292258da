// SPDX-License-Identifier: Apache-2.0
#include "sql/collections/backup_function.h"

#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include "sql/boundary.h"
#include "sql/collections/collection.h"
#include "sql/models/model_storage.h"
#include "sql/own_connection.h"
#include "sql/statement.h"
#include "sql/store_access.h"
#include "sql/value.h"
#include "storage/segments/segment_builder.h"

namespace kindred::sql {
namespace {

using storage::SegmentFolder;

[[noreturn]] void fail(int code, const std::string& what) {
  throw Error(code, "kindred_backup(): " + what);
}

// What is there of a copy, gone unless it is kept.
class Copy {
 public:
  explicit Copy(const std::string& database) : database_(database), folder_(database) {
    for (const std::string& path : {database_, folder_.path()})
      if (std::filesystem::exists(path)) fail(SQLITE_ERROR, path + " exists already");
  }
  ~Copy() {
    if (kept_) return;
    std::error_code ignored;  // what cannot be removed is no backup for want of the rest
    std::filesystem::remove(database_, ignored);
    std::filesystem::remove_all(folder_.path(), ignored);
  }
  Copy(const Copy&) = delete;
  Copy& operator=(const Copy&) = delete;

  const std::string& database() const noexcept { return database_; }
  const SegmentFolder& folder() const noexcept { return folder_; }
  void keep() noexcept { kept_ = true; }

 private:
  std::string database_;
  SegmentFolder folder_;
  bool kept_ = false;
};

// The collections of the main database, opened.
std::vector<std::shared_ptr<Collection>> collections(sqlite3* db, const OpenCollections& open) {
  std::vector<std::string> names;
  Statement tables(db,
                   "SELECT name FROM main.sqlite_schema WHERE type = 'table' AND sql LIKE "
                   "'CREATE VIRTUAL TABLE%'");
  while (tables.step()) names.emplace_back(tables.text(0));
  std::vector<std::shared_ptr<Collection>> found;
  for (const std::string& name : names) {
    Statement(db, "SELECT 1 FROM main." + quote_identifier(name) + " WHERE 0").run();
    const std::shared_ptr<Collection> collection = open.at({"main", name});
    if (!collection) continue;
    collection->require_readable();
    found.push_back(collection);
  }
  return found;
}

void require_open(const OwnConnection& connection, const Copy& copy) {
  if (connection.code() == SQLITE_OK) return;
  fail(connection.code(), copy.database() + ": " + sqlite3_errstr(connection.code()));
}

// REQUIRES: `db` holds a read transaction, whose snapshot is copied.
void copy_database(sqlite3* db, const Copy& copy) {
  const OwnConnection to(copy.database(), SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
  require_open(to, copy);
  sqlite3_backup* backup = sqlite3_backup_init(to.get(), "main", db, "main");
  if (backup == nullptr) fail(sqlite3_errcode(to.get()), sqlite3_errmsg(to.get()));
  const int stepped = sqlite3_backup_step(backup, -1);
  const int finished = sqlite3_backup_finish(backup);
  if (stepped != SQLITE_DONE) fail(stepped, copy.database() + ": " + sqlite3_errstr(stepped));
  if (finished != SQLITE_OK) fail(finished, copy.database() + ": " + sqlite3_errstr(finished));
}

// The copy has a store of its own, which its collections and models are to know.
void name_store(const Copy& copy, const std::vector<std::string>& names, int64_t store) {
  const OwnConnection to(copy.database(), SQLITE_OPEN_READWRITE);
  require_open(to, copy);
  for (const std::string& name : names)
    Statement(to.get(),
              "UPDATE " + quote_identifier(name + "_config") + " SET value = ?1 WHERE key = ?2")
        .bind(1, store)
        .bind(2, kConfigStore)
        .run();
  if (has_registry(to.get()))
    Statement(to.get(), std::string("UPDATE ") + kRegistryTable +
                            " SET store = ?1 WHERE pack_segment IS NOT NULL")
        .bind(1, store)
        .run();
}

// Returns the id of the copy's store, 0 if there is nothing to copy.
int64_t copy_models(sqlite3* db, const Copy& copy) {
  int64_t store = 0;
  for (const ModelRecord& record : registered_models(db)) {
    const std::shared_ptr<const OpenModel> model = open_model(db, record);
    if (model->pack)
      store = storage::copy_segment(*model->pack, pack_spec(), record.id, copy.folder());
    if (model->rows)
      store = storage::copy_segment(*model->rows, rows_spec(record), record.id, copy.folder());
  }
  return store;
}

void copy_pair(sqlite3* db, const OpenCollections& open, Copy& copy) {
  Statement snapshot(db, "SELECT 1 FROM main.sqlite_schema");
  snapshot.step();  // a read transaction until it is reset
  std::vector<std::string> names;
  int64_t store = copy_models(db, copy);
  for (const std::shared_ptr<Collection>& collection : collections(db, open)) {
    for (const NamedSegment& segment : collection->manifest().read().segments) {
      store = storage::copy_segment(*segment.file, collection->vectors(), collection->id(),
                                    copy.folder());
    }
    names.push_back(collection->name());
  }
  copy_database(db, copy);
  snapshot.reset();
  if (store != 0) name_store(copy, names, store);
  copy.keep();
}

void backup(sqlite3_context* context, int, sqlite3_value** arguments) noexcept {
  guard(
      [&] {
        sqlite3* db = sqlite3_context_db_handle(context);
        if (is_null(arguments[0])) return;
        if (sqlite3_value_type(arguments[0]) != SQLITE_TEXT)
          fail(SQLITE_ERROR, "file: a name is wanted, got " + describe(arguments[0]));
        if (sqlite3_get_autocommit(db) == 0)
          fail(SQLITE_ERROR, "cannot run inside a transaction: COMMIT first");
        const auto& open =
            *static_cast<std::shared_ptr<OpenCollections>*>(sqlite3_user_data(context));
        Copy copy(std::filesystem::absolute(std::string(text_of(arguments[0]))).string());
        copy_pair(db, *open, copy);
      },
      ContextReport{context});
}

}  // namespace

void register_backup_function(sqlite3* db, const std::shared_ptr<OpenCollections>& open) {
  auto reference = std::make_unique<std::shared_ptr<OpenCollections>>(open);
  check(db, sqlite3_create_function_v2(
                db, "kindred_backup", 1, SQLITE_UTF8 | SQLITE_DIRECTONLY,
                reference.release(),  // destroyed also on failure
                &backup, nullptr, nullptr,
                [](void* data) { delete static_cast<std::shared_ptr<OpenCollections>*>(data); }));
}

}  // namespace kindred::sql
