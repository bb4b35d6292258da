// SPDX-License-Identifier: Apache-2.0
#include "sql/collections/sweeping.h"

#include <filesystem>
#include <memory>

#include "sql/models/model_registry.h"
#include "sql/own_connection.h"
#include "sql/statement.h"
#include "sql/store_access.h"
#include "storage/error.h"
#include "storage/file.h"
#include "storage/upkeep/mending.h"
#include "storage/upkeep/sweep.h"

namespace kindred::sql {
namespace {

// A statement's rows, all or nothing: an error is no answer.
template <class Visit>
bool read(sqlite3* db, const std::string& sql, Visit&& visit) {
  sqlite3_stmt* raw = nullptr;
  int rc = sqlite3_prepare_v2(db, sql.c_str(), -1, &raw, nullptr);
  const std::unique_ptr<sqlite3_stmt, int (*)(sqlite3_stmt*)> statement(raw, sqlite3_finalize);
  while (rc == SQLITE_OK || rc == SQLITE_ROW) {
    rc = sqlite3_step(raw);
    if (rc == SQLITE_ROW) visit(raw);
  }
  return rc == SQLITE_DONE;
}

std::string text(sqlite3_stmt* row) {
  const unsigned char* bytes = sqlite3_column_text(row, 0);
  return bytes != nullptr ? reinterpret_cast<const char*>(bytes) : "";
}

bool has_column(sqlite3* db, const std::string& table, const char* column) {
  return sqlite3_table_column_metadata(db, "main", table.c_str(), column, nullptr, nullptr, nullptr,
                                       nullptr, nullptr) == SQLITE_OK;
}

// false where nothing can be swept now.
bool sweep_taken(const std::string& database, const storage::SegmentFolder& folder,
                 storage::Sweep& sweep) {
  const std::optional<std::set<int64_t>> named = committed_segments(database);
  if (!named) return false;
  sweep.keep(*named);
  if (!sweep.is_needed()) return true;
  if (!std::filesystem::exists(folder.store())) return false;
  const std::shared_ptr<storage::Store> store = store_if_free(folder);
  if (!store) return false;
  // A power loss takes the database back no further than here.
  for (const std::string& path : {database + "-wal", database + "-journal"})
    if (std::filesystem::exists(path)) storage::File(path, storage::File::Mode::kRead).sync();
  storage::sync_folder(std::filesystem::absolute(database).parent_path());
  sweep.remove(*store, *named);
  storage::mend_lost_ranges(folder, *store, *named);
  return true;
}

}  // namespace

std::optional<std::set<int64_t>> committed_segments(const std::string& database) {
  const OwnConnection fresh(database, SQLITE_OPEN_READONLY);
  if (fresh.code() != SQLITE_OK || !read(fresh.get(), "BEGIN", [](sqlite3_stmt*) {}))
    return std::nullopt;
  std::vector<std::string> tables;
  const bool listed = read(fresh.get(),
                           "SELECT name FROM sqlite_schema WHERE type = 'table' AND name LIKE "
                           "'%\\_segments' ESCAPE '\\'",
                           [&](sqlite3_stmt* row) { tables.push_back(text(row)); });
  if (!listed) return std::nullopt;
  std::set<int64_t> named;
  const auto add = [&](const std::string& table, const char* column) {
    if (!has_column(fresh.get(), table, column)) return true;  // some other table of the user
    return read(fresh.get(), std::string("SELECT ") + column + " FROM " + quote_identifier(table),
                [&](sqlite3_stmt* row) { named.insert(sqlite3_column_int64(row, 0)); });
  };
  for (const std::string& table : tables)
    if (!add(table, "segment")) return std::nullopt;
  for (const char* column : {"pack_segment", "rows_segment"})
    if (!add(kRegistryTable, column)) return std::nullopt;
  return named;
}

bool has_no_old_readers(const std::string& database) {
  const OwnConnection fresh(database, SQLITE_OPEN_READWRITE);
  std::string mode;
  if (fresh.code() != SQLITE_OK ||
      !read(fresh.get(), "PRAGMA journal_mode", [&](sqlite3_stmt* row) { mode = text(row); }))
    return false;
  if (mode != "wal") return true;
  int in_log = -1;
  int checkpointed = -1;
  const int rc = sqlite3_wal_checkpoint_v2(fresh.get(), "main", SQLITE_CHECKPOINT_PASSIVE, &in_log,
                                           &checkpointed);
  return rc == SQLITE_OK && in_log == checkpointed;
}

void sweep(const std::string& database, const storage::SegmentFolder& folder, bool at_once) {
  storage::Sweep sweep(folder, at_once ? std::chrono::seconds(0) : storage::kGrace);
  try {
    while (sweep.take_next())
      if (!sweep_taken(database, folder, sweep)) return;
  } catch (const storage::StorageError& error) {
    // A store that is to be mended first: a commit need not fail for what can wait until then.
    if (!error.is_damage()) throw;
  }
}

}  // namespace kindred::sql
