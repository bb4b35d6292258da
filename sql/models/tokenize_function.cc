// SPDX-License-Identifier: Apache-2.0
#include "sql/models/tokenize_function.h"

#include <string>
#include <vector>

#include "sql/function_arguments.h"
#include "sql/models/named_model.h"
#include "sql/statement.h"
#include "sql/value.h"

namespace kindred::sql {
namespace {

enum Column { kPosition, kToken, kId, kText, kModel };
enum Argument { kTextArgument, kModelArgument };

constexpr Signature kSignature{"tokenize(text [, model])", kText, 2, 1};

class TokenizeCursor : public sqlite3_vtab_cursor {
 public:
  explicit TokenizeCursor(sqlite3* db) : db_(db) {}

  void filter(int plan, const char*, Values values) {
    arguments_ = FunctionArguments(plan, values);
    tokens_.clear();
    position_ = 0;
    if (arguments_.has_null()) return;
    sqlite3_value* text = arguments_[kTextArgument];
    if (sqlite3_value_type(text) == SQLITE_BLOB)
      throw Error(SQLITE_ERROR, "tokenize(): argument 1: text is wanted, got " + describe(text));
    model_ = named_model(db_, arguments_[kModelArgument], "tokenize()");
    tokens_ = model_->tokenize(text_of(text));
  }
  void next() { ++position_; }
  bool eof() const { return position_ >= tokens_.size(); }
  int64_t rowid() const { return static_cast<int64_t>(position_); }

  void column(sqlite3_context* context, int column) const {
    const model::TextToken& token = tokens_[position_];
    switch (column) {
      case kPosition:
        return sqlite3_result_int64(context, rowid());
      case kToken:
        return result_text(context, token.text);
      case kId:
        if (token.id) sqlite3_result_int64(context, *token.id);
        return;
      case kText:
        return sqlite3_result_value(context, arguments_[kTextArgument]);
      default:
        return result_text(context, model_->identity().name);
    }
  }

 private:
  sqlite3* db_;
  FunctionArguments arguments_;
  std::shared_ptr<const model::Embedder> model_;
  std::vector<model::TextToken> tokens_;
  size_t position_ = 0;
};

class TokenizeTable : public sqlite3_vtab {
 public:
  using Cursor = TokenizeCursor;

  explicit TokenizeTable(sqlite3* db) : db_(db) {}

  static std::unique_ptr<TokenizeTable> connect(const Connection& connection) {
    declare_columns(connection.db,
                    "CREATE TABLE tokenize(position INTEGER, token TEXT, id INTEGER, "
                    "text HIDDEN, model HIDDEN)");
    check(connection.db, sqlite3_vtab_config(connection.db, SQLITE_VTAB_INNOCUOUS));
    return std::make_unique<TokenizeTable>(connection.db);
  }
  bool best_index(sqlite3_index_info& info) const {
    return plan_arguments(info, kSignature, {.rows = 100, .cost = 100});
  }
  std::unique_ptr<TokenizeCursor> open() { return std::make_unique<TokenizeCursor>(db_); }

 private:
  sqlite3* db_;
};

}  // namespace

const sqlite3_module* tokenize_module() noexcept {
  static const sqlite3_module module = Module<TokenizeTable>::table_function();
  return &module;
}

}  // namespace kindred::sql
