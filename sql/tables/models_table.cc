// SPDX-License-Identifier: Apache-2.0
#include "sql/tables/models_table.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/token_table.h"
#include "sql/collections/shadow_tables.h"
#include "sql/collections/sweeping.h"
#include "sql/models/model_import.h"
#include "sql/models/models.h"
#include "sql/models/nearest_tokens.h"
#include "sql/module.h"
#include "sql/statement.h"
#include "sql/value.h"
#include "storage/upkeep/sweep.h"

namespace kindred::sql {
namespace {

enum Column { kName, kKind, kDimensions, kTokens, kBytes, kSource, kOptions, kColumns };
constexpr const char* kColumnNames[] = {"name",  "kind",   "dimensions", "tokens",
                                        "bytes", "source", "options"};
constexpr size_t kLongestName = 128;

// One as the table shows it. Built-in models count down from rowid -1.
struct ModelRow {
  int64_t rowid;
  std::string name;
  std::string kind;
  size_t dim;
  std::optional<size_t> tokens;
  std::optional<size_t> bytes;
  std::string source;
  std::optional<std::string> options;
};

std::vector<ModelRow> built_in_models() {
  std::vector<ModelRow> rows;
  for (const std::string& name : model::Embedder::names()) {
    const model::Embedder& model = *model::Embedder::find(name);
    ModelRow row{-1 - static_cast<int64_t>(rows.size()),
                 name,
                 "hash",
                 model.identity().dim,
                 std::nullopt,
                 std::nullopt,
                 "built in",
                 std::nullopt};
    if (const model::EmbeddingTable* table = model.table()) {
      row.kind = "static";
      row.tokens = table->size();
      row.bytes = model::TokenTable::built_in().size();
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

std::vector<ModelRow> all_models(sqlite3* db) {
  std::vector<ModelRow> rows = built_in_models();
  for (const ModelRecord& r : registered_models(db))
    rows.push_back({r.id, r.name, r.kind, r.dim, r.tokens, r.bytes(), r.source, r.options});
  return rows;
}

class ModelsCursor : public sqlite3_vtab_cursor {
 public:
  explicit ModelsCursor(sqlite3* db) : sqlite3_vtab_cursor{}, db_(db) {}

  void filter(int, const char*, Values) {
    rows_ = all_models(db_);
    at_ = 0;
  }
  void next() { ++at_; }
  bool eof() const { return at_ == rows_.size(); }
  int64_t rowid() const { return rows_[at_].rowid; }
  void column(sqlite3_context* context, int column) const {
    const ModelRow& row = rows_[at_];
    const auto number = [&](const std::optional<size_t>& value) {
      if (value) sqlite3_result_int64(context, static_cast<int64_t>(*value));
    };
    switch (column) {
      case kName:
        return result_text(context, row.name);
      case kKind:
        return result_text(context, row.kind);
      case kDimensions:
        return number(row.dim);
      case kTokens:
        return number(row.tokens);
      case kBytes:
        return number(row.bytes);
      case kSource:
        return result_text(context, row.source);
      default:
        if (row.options) result_text(context, *row.options);
    }
  }

 private:
  sqlite3* db_;
  std::vector<ModelRow> rows_;
  size_t at_ = 0;
};

[[noreturn]] void refuse(int code, const std::string& what) {
  throw Error(code, "kindred_models: " + what);
}

std::string text_argument(sqlite3_value* value, Column column) {
  if (sqlite3_value_type(value) != SQLITE_TEXT)
    refuse(SQLITE_ERROR,
           std::string(kColumnNames[column]) + ": text is wanted, got " + describe(value));
  return std::string(text_of(value));
}

// A name stands in messages and in what collections store of their model.
void require_name(const std::string& name) {
  const bool prints =
      std::all_of(name.begin(), name.end(), [](unsigned char c) { return c >= ' ' && c != 0x7f; });
  if (name.empty() || name.size() > kLongestName || !prints)
    refuse(SQLITE_ERROR, "name: 1 to " + std::to_string(kLongestName) +
                             " bytes without control characters are wanted");
  if (model::Embedder::find(name) != nullptr)
    refuse(SQLITE_CONSTRAINT, name + " is the name of a built-in model");
}

std::string joined(const std::vector<std::string>& names) {
  std::string list;
  for (const std::string& name : names) list += (list.empty() ? "" : ", ") + name;
  return list;
}

class ModelsTable : public sqlite3_vtab {
 public:
  using Cursor = ModelsCursor;

  explicit ModelsTable(sqlite3* db) : sqlite3_vtab{}, db_(db) {}

  static std::unique_ptr<ModelsTable> connect(const Connection& connection) {
    declare_columns(connection.db,
                    "CREATE TABLE kindred_models(name TEXT, kind TEXT, dimensions INTEGER, "
                    "tokens INTEGER, bytes INTEGER, source TEXT, options TEXT)");
    check(connection.db, sqlite3_vtab_config(connection.db, SQLITE_VTAB_CONSTRAINT_SUPPORT, 1));
    check(connection.db, sqlite3_vtab_config(connection.db, SQLITE_VTAB_DIRECTONLY));
    return std::make_unique<ModelsTable>(connection.db);
  }

  bool best_index(sqlite3_index_info& info) const {
    info.estimatedRows = 10;
    info.estimatedCost = 100;
    return true;
  }
  std::unique_ptr<ModelsCursor> open() { return std::make_unique<ModelsCursor>(db_); }

  bool update(Values values, int64_t& rowid) {
    if (values.size() > 1 && !is_null(values[0]))
      refuse(SQLITE_ERROR,
             "a model cannot be changed: INSERT OR REPLACE puts another in its place");
    if (values.size() > 1) {  // its rowid is what last_insert_rowid() gives
      rowid = insert(values[1], values.subspan(2));
      return true;
    }
    const KeepLastRowid keep(db_);
    erase(sqlite3_value_int64(values[0]));
    return false;
  }

  void begin() noexcept {}
  void sync();
  void commit() noexcept;
  void rollback() noexcept;

 private:
  int64_t insert(sqlite3_value* rowid, Values columns);
  void erase(int64_t id);

  sqlite3* db_;
  // Of the transaction at hand: what it has written, kept from being swept, and what it has
  // removed.
  std::vector<std::pair<int64_t, std::shared_ptr<const OpenModel>>> written_;
  std::vector<ModelRecord> removed_;
};

// A model takes another's place under a collection only where it makes vectors of the same size:
// the collection is then refused until 'rebuild' has embedded its rows anew.
void require_replaceable(sqlite3* db, const ModelRecord& old, const ModelRecord& fresh) {
  if (old.dim == fresh.dim) return;
  const std::vector<std::string> users = users_of_model(db, old.name);
  if (!users.empty())
    refuse(SQLITE_CONSTRAINT, old.name + " has " + std::to_string(old.dim) + " dimensions and " +
                                  joined(users) + " uses it: it cannot be replaced by one of " +
                                  std::to_string(fresh.dim));
}

// Nobody keeps a model open that its writer takes back.
class ForgetUnlessWritten {
 public:
  ForgetUnlessWritten(sqlite3* db, int64_t id) noexcept : db_(db), id_(id) {}
  ~ForgetUnlessWritten() {
    if (!is_written_) forget_model(db_, id_);
  }
  ForgetUnlessWritten(const ForgetUnlessWritten&) = delete;
  ForgetUnlessWritten& operator=(const ForgetUnlessWritten&) = delete;
  void set_written() noexcept { is_written_ = true; }

 private:
  sqlite3* db_;
  int64_t id_;
  bool is_written_ = false;
};

int64_t ModelsTable::insert(sqlite3_value* rowid, Values columns) {
  const KeepLastRowid keep(db_);
  if (!is_null(rowid)) refuse(SQLITE_ERROR, "a rowid is drawn: it cannot be given");
  for (const Column column : {kKind, kDimensions, kTokens, kBytes})
    if (!is_null(columns[column]))
      refuse(SQLITE_ERROR, std::string(kColumnNames[column]) +
                               ": is found in the source: NULL is wanted, got " +
                               describe(columns[column]));
  ModelRequest request{db_, text_argument(columns[kName], kName),
                       text_argument(columns[kSource], kSource), std::nullopt};
  if (!is_null(columns[kOptions])) request.options = text_argument(columns[kOptions], kOptions);
  require_name(request.name);
  const std::optional<ModelRecord> old = registered_model(db_, request.name);
  if (old && sqlite3_vtab_on_conflict(db_) != SQLITE_REPLACE)
    refuse(SQLITE_CONSTRAINT, "there is a model " + request.name + " already");

  ModelRecord record;
  record.id = random_number();
  record.name = request.name;
  record.source = request.source;
  record.options = request.options;
  const std::unique_ptr<ModelWriter> writer = write_stored_model(db_, record.id);
  const model::ImportResult result = write_model(request, *writer);
  record.kind = result.kind;
  record.tokens = result.tokens;
  writer->finish(record);
  ForgetUnlessWritten forget(db_, record.id);
  const std::shared_ptr<const OpenModel> model = find_open_model(db_, record);
  record.dim = model->embedder->identity().dim;
  record.identity = model->embedder->description();
  if (old) require_replaceable(db_, *old, record);
  written_.emplace_back(record.id, model);
  create_registry(db_);
  insert_model(db_, record);
  writer->keep();
  forget.set_written();
  if (!old) return record.id;
  removed_.push_back(*old);
  remove_model(db_, old->id);
  return record.id;
}

void ModelsTable::erase(int64_t id) {
  const std::vector<ModelRecord> records = registered_models(db_);
  const auto found = std::find_if(records.begin(), records.end(),
                                  [id](const ModelRecord& record) { return record.id == id; });
  if (found == records.end()) refuse(SQLITE_CONSTRAINT, "a built-in model cannot be deleted");
  const std::vector<std::string> users = users_of_model(db_, found->name);
  if (!users.empty())
    refuse(SQLITE_CONSTRAINT, found->name + " is used by " + joined(users) + ": drop it first");
  remove_model(db_, id);
  removed_.push_back(*found);
}

// In a database whose collections are never written nobody else sweeps. What ROLLBACK TO has taken
// back is let go for the next sweep.
void ModelsTable::sync() {
  const KeepLastRowid keep(db_);
  const std::string database = main_database(db_);
  const storage::SegmentFolder folder(database);
  if (!database.empty() && storage::is_sweep_due(folder))
    sweep(database, folder, /*at_once=*/false);
  const bool known = has_registry(db_);
  const size_t undone = std::erase_if(written_, [&](const auto& written) {
    if (known && is_registered(db_, written.first)) return false;
    forget_model(db_, written.first);
    return true;
  });
  if (undone > 0 && !database.empty()) storage::sweep_soon(folder);
}

// Readers of older snapshots have a minute.
void ModelsTable::commit() noexcept {
  const auto ignore = [](int, const char*) noexcept {};
  guard(
      [&] {
        for (const ModelRecord& record : removed_) {
          forget_model(db_, record.id);
          if (!record.pack_segment) continue;
          const storage::SegmentFolder folder(main_database(db_));
          folder.touch(*record.pack_segment);
          if (record.rows_segment) folder.touch(*record.rows_segment);
        }
      },
      ignore);
  for (const auto& written : written_)
    guard([&] { build_token_graph_soon(*written.second); }, ignore);
  written_.clear();
  removed_.clear();
}

void ModelsTable::rollback() noexcept {
  for (const auto& [id, model] : written_) forget_model(db_, id);
  const bool leaves_files = !written_.empty() && written_.front().second->pack != nullptr;
  written_.clear();
  removed_.clear();
  const auto ignore = [](int, const char*) noexcept {};
  if (leaves_files)
    guard([&] { storage::sweep_soon(storage::SegmentFolder(main_database(db_))); }, ignore);
}

}  // namespace

void register_models_table(sqlite3* db) {
  static const sqlite3_module module = Module<ModelsTable>::writable_table();
  check(db, sqlite3_create_module_v2(db, "kindred_models", &module, db, [](void* connection) {
          close_models(static_cast<sqlite3*>(connection));
        }));
}

}  // namespace kindred::sql
