// SPDX-License-Identifier: Apache-2.0
#include "sql/models/embedding_table_function.h"

#include <optional>
#include <vector>

#include "sql/function_arguments.h"
#include "sql/models/named_model.h"
#include "sql/statement.h"
#include "sql/value.h"

namespace kindred::sql {
namespace {

using model::TokenId;

enum Column { kId, kToken, kEmbedding, kModel };

constexpr Signature kSignature{"embedding_table([model])", kModel, 1, 0};

// What filter() looks up, beside the arguments; an IN list is a filter() for each of its values.
constexpr int kById = 1 << FunctionArguments::kMost, kByToken = 2 * kById;

class TableCursor : public sqlite3_vtab_cursor {
 public:
  explicit TableCursor(sqlite3* db) : db_(db) {}

  void filter(int plan, const char*, Values values) {
    const FunctionArguments arguments(plan, values);
    id_ = end_ = 0;
    if (arguments.has_null()) return;
    model_ = named_model(db_, arguments[0], "embedding_table()");
    table_ = &require_table(*model_, "embedding_table()");
    if ((plan & (kById | kByToken)) == 0) {
      end_ = table_->size();
    } else if (const auto id = look_up(plan, values[arguments.count()])) {
      id_ = *id;
      end_ = id_ + 1;
    }
  }
  void next() { ++id_; }
  bool eof() const { return id_ >= end_; }
  int64_t rowid() const { return static_cast<int64_t>(id_); }

  void column(sqlite3_context* context, int column) const {
    const auto id = static_cast<TokenId>(id_);
    switch (column) {
      case kId:
        return sqlite3_result_int64(context, rowid());
      case kToken:
        return result_text(context, table_->token(id));
      case kEmbedding: {
        std::vector<float> row(table_->dim());
        table_->row(id, row);
        return result_vector(context, math::Element::kFloat32, row.data(), row.size());
      }
      default:
        return result_text(context, model_->identity().name);
    }
  }

 private:
  std::optional<size_t> look_up(int plan, sqlite3_value* value) const {
    if (is_null(value)) return std::nullopt;
    if ((plan & kByToken) != 0) {
      const std::optional<TokenId> id = table_->find(text_of(value));
      return id ? std::optional<size_t>(*id) : std::nullopt;
    }
    const std::optional<int64_t> id = whole_number(value);
    if (!id || *id < 0 || static_cast<uint64_t>(*id) >= table_->size()) return std::nullopt;
    return static_cast<size_t>(*id);
  }

  sqlite3* db_;
  std::shared_ptr<const model::Embedder> model_;
  const model::EmbeddingTable* table_ = nullptr;  // the model's
  size_t id_ = 0, end_ = 0;
};

class TableOfRows : public sqlite3_vtab {
 public:
  using Cursor = TableCursor;

  explicit TableOfRows(sqlite3* db) : db_(db) {}

  static std::unique_ptr<TableOfRows> connect(const Connection& connection) {
    declare_columns(connection.db,
                    "CREATE TABLE embedding_table(id INTEGER, token TEXT, embedding BLOB, "
                    "model HIDDEN)");
    check(connection.db, sqlite3_vtab_config(connection.db, SQLITE_VTAB_INNOCUOUS));
    return std::make_unique<TableOfRows>(connection.db);
  }

  bool best_index(sqlite3_index_info& info) const {
    TakenArguments taken;
    if (!take_arguments(info, kSignature, taken)) return false;
    if (!take_look_up(info, taken)) {
      info.estimatedRows = 100'000;
      info.estimatedCost = 1e6;
      const bool by_id = info.nOrderBy == 1 && info.aOrderBy[0].iColumn <= kId;
      if (by_id && info.aOrderBy[0].desc == 0) info.orderByConsumed = 1;
    }
    info.idxNum = taken.plan;
    return true;
  }
  std::unique_ptr<TableCursor> open() { return std::make_unique<TableCursor>(db_); }

 private:
  // Says in EXPLAIN QUERY PLAN what is looked up.
  static bool take_look_up(sqlite3_index_info& info, TakenArguments& taken) {
    constexpr int kRowid = -1;
    int constraint = find_equality(info, kId);
    if (constraint < 0) constraint = find_equality(info, kRowid);
    const bool by_id = constraint >= 0;
    if (!by_id) constraint = find_equality(info, kToken);
    if (constraint < 0) return false;
    take_constraint(info, constraint, taken);
    taken.plan |= by_id ? kById : kByToken;
    info.idxStr = const_cast<char*>(by_id ? "id=?" : "token=?");  // SQLite does not write to it
    info.idxFlags = SQLITE_INDEX_SCAN_UNIQUE;
    info.estimatedRows = 1;
    info.estimatedCost = 10;
    return true;
  }

  sqlite3* db_;
};

}  // namespace

const sqlite3_module* embedding_table_module() noexcept {
  static const sqlite3_module module = Module<TableOfRows>::table_function();
  return &module;
}

}  // namespace kindred::sql
