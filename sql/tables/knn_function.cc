// SPDX-License-Identifier: Apache-2.0
#include "sql/tables/knn_function.h"

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "sql/collections/collection.h"
#include "sql/collections/open_collections.h"
#include "sql/function_arguments.h"
#include "sql/module.h"
#include "sql/search/query_plan.h"
#include "sql/search/search.h"
#include "sql/statement.h"
#include "sql/value.h"

namespace kindred::sql {
namespace {

enum Column {
  kRowid,
  kKey,
  kDistance,
  kCollection,
  kQuery,
  kK,
  kEf,
  kExact,
  kDiversity,
  kVisited,
  kIsExact
};

// Dear enough that SQLite makes the search the outer loop of a join and looks up the other tables'
// rows by its rowids, and not the other way round (which would be one search a row).
constexpr double kSearchCost = 1e12;
constexpr double kSearchForRowCost = 2e12;
constexpr sqlite3_int64 kStreamRows = 1000;
constexpr sqlite3_int64 kNearestRows = 10;

constexpr const char* kArguments =
    "knn(): 2 to 6 arguments are wanted: collection, query, k, ef, exact, diversity";

// What the columns from kEf on are for.
constexpr Role kInputs[] = {Role::kEf, Role::kExact, Role::kDiversity};

class KnnTable;

class KnnCursor : public sqlite3_vtab_cursor {
 public:
  explicit KnnCursor(KnnTable& table) : sqlite3_vtab_cursor{}, table_(table) {}

  void filter(int, const char* plan_text, Values arguments);
  void next() { row_ = search_->next(); }
  bool eof() const { return !row_; }
  int64_t rowid() const { return row_->id; }
  void column(sqlite3_context* context, int column);

 private:
  void argument(sqlite3_context* context, int column);
  void key(sqlite3_context* context);

  KnnTable& table_;
  std::shared_ptr<Collection> collection_;  // also when it is dropped meanwhile
  std::unique_ptr<Search> search_;
  std::optional<storage::Neighbor> row_;
  std::map<int, KeptValue> arguments_;  // by column
};

class KnnTable : public sqlite3_vtab {
 public:
  using Cursor = KnnCursor;

  KnnTable(sqlite3* db, std::shared_ptr<OpenCollections> open)
      : sqlite3_vtab{}, db_(db), open_(std::move(open)) {}

  static std::unique_ptr<KnnTable> connect(const Connection& connection) {
    declare_columns(connection.db,
                    "CREATE TABLE knn(rowid INTEGER, key TEXT, distance REAL, collection HIDDEN, "
                    "query HIDDEN, k HIDDEN, ef HIDDEN, exact HIDDEN, diversity HIDDEN, visited "
                    "INTEGER HIDDEN, "
                    "is_exact INTEGER HIDDEN)");
    check(connection.db, sqlite3_vtab_config(connection.db, SQLITE_VTAB_INNOCUOUS));
    return std::make_unique<KnnTable>(
        connection.db, *static_cast<std::shared_ptr<OpenCollections>*>(connection.client_data));
  }

  bool best_index(sqlite3_index_info& info) const;
  std::unique_ptr<KnnCursor> open() { return std::make_unique<KnnCursor>(*this); }

  // The collection of that name as the schema is now.
  std::shared_ptr<Collection> collection(const std::string& name);

 private:
  // Where a name led to, and a statement on that table: stepping it has SQLite check the schema
  // and connect the table anew where it has changed.
  struct Known {
    Place place;
    Statement touch;
  };

  Known& look_up(const std::string& name);
  bool touch(Known& known);

  sqlite3* db_;
  std::shared_ptr<OpenCollections> open_;
  std::map<std::string, Known, std::less<>> known_;
  uint64_t generation_ = 0;  // of open_ when known_ was filled
};

// `=` and IN of rowid and key, behind k. Whether one of them chooses a single row.
bool take_row_conditions(const sqlite3_index_info& info, bool with_k, PlanBuilder& plan) {
  bool one_row = false;
  for (int i = 0; i < info.nConstraint; ++i) {
    const auto& constraint = info.aConstraint[i];
    if (constraint.usable == 0 || constraint.op != SQLITE_INDEX_CONSTRAINT_EQ) continue;
    const bool rowid = constraint.iColumn == kRowid || constraint.iColumn == -1;
    if (!rowid && constraint.iColumn != kKey) continue;
    PlanTerm term{.fixed_only = with_k};
    if (!rowid) term.column = kKey;
    if (!rowid) term.affinity = Affinity::kText;
    one_row |= !plan.use_list(i, term, rowid) && plan.use_filter(i, term);
  }
  return one_row;
}

bool KnnTable::best_index(sqlite3_index_info& info) const {
  if (!is_given(info, kCollection) || !is_given(info, kQuery)) {
    refuse_plan(info, kArguments);
    return true;
  }
  PlanBuilder plan(info);
  bool has_collection = false;
  bool has_query = false;
  bool has_k = false;
  for (int i = 0; i < info.nConstraint; ++i) {
    const auto& constraint = info.aConstraint[i];
    const bool equal = constraint.op == SQLITE_INDEX_CONSTRAINT_EQ;
    const bool input =
        equal && constraint.iColumn >= kCollection && constraint.iColumn <= kDiversity;
    const bool argument = input && constraint.iColumn <= kK;
    if (constraint.iColumn == kK && is_comparison(constraint.op)) require_one_k(info, i, "knn()");
    if (constraint.usable == 0) {
      if (input) return false;
      continue;
    }
    if (plan.use_limit(i)) continue;
    if (equal && constraint.iColumn == kVisited)
      throw Error(SQLITE_ERROR, std::string(kArguments) + ": got a seventh or visited =");
    if (argument) {
      const Role role = constraint.iColumn == kCollection ? Role::kCollection
                        : constraint.iColumn == kQuery    ? Role::kQuery
                                                          : Role::kK;
      bool& seen = role == Role::kCollection ? has_collection
                   : role == Role::kQuery    ? has_query
                                             : has_k;
      if (seen) throw Error(SQLITE_ERROR, "knn(): an argument is given twice");
      seen = true;
      plan.use(i, {.role = role, .column = constraint.iColumn}, true);
    } else if (constraint.iColumn >= kEf && constraint.iColumn <= kDiversity) {
      plan.use_value(i, kInputs[constraint.iColumn - kEf]);
    } else if (constraint.iColumn == kDistance) {
      plan.use_distance(i);
    }
  }
  const bool one_row = take_row_conditions(info, has_k, plan);
  plan.consume_order(kDistance, kRowid);
  plan.finish(0, one_row ? kSearchForRowCost : kSearchCost, has_k ? kNearestRows : kStreamRows);
  return true;
}

KnnTable::Known& KnnTable::look_up(const std::string& name) {
  if (generation_ != open_->generation()) known_.clear();
  generation_ = open_->generation();
  auto found = known_.find(name);
  if (found == known_.end()) {
    const Place place = open_->locate(name, "knn()");
    Statement touch(db_, "SELECT 1 FROM " + quote_identifier(place.schema) + "." +
                             quote_identifier(place.table) + " WHERE 0");
    found = known_.emplace(name, Known{place, std::move(touch)}).first;
    generation_ = open_->generation();
  }
  return found->second;
}

// False if what the statement was prepared on has gone or changed. An interruption and other
// failures are thrown.
bool KnnTable::touch(Known& known) {
  sqlite3_step(known.touch.get());  // reset() returns its code
  const int rc = sqlite3_reset(known.touch.get());
  if ((rc & 0xFF) == SQLITE_ERROR) return false;
  check(db_, rc);
  return true;
}

std::shared_ptr<Collection> KnnTable::collection(const std::string& name) {
  if (!touch(look_up(name))) {  // once more from its name
    known_.erase(name);
    if (!touch(look_up(name))) throw Error(SQLITE_ERROR, sqlite3_errmsg(db_));
  }
  std::shared_ptr<Collection> collection = open_->at(look_up(name).place);
  if (!collection) throw Error(SQLITE_ERROR, "knn(): " + name + " is not a collection");
  return collection;
}

void KnnCursor::filter(int, const char* plan_text, Values arguments) {
  search_.reset();
  row_.reset();
  arguments_.clear();
  std::vector<PlanTerm> plan = decode(plan_text, arguments.size());
  for (size_t i = 0; i < plan.size(); ++i) {
    if (plan[i].column >= kCollection) arguments_[plan[i].column] = keep(arguments[i]);
    if (plan[i].role != Role::kCollection) continue;
    if (is_null(arguments[i])) return;
    if (sqlite3_value_type(arguments[i]) != SQLITE_TEXT)
      throw Error(SQLITE_ERROR,
                  "knn(): collection: a name is wanted, got " + describe(arguments[i]));
    collection_ = table_.collection(std::string(text_of(arguments[i])));
  }
  for (PlanTerm& term : plan) {
    if (term.column != kKey) continue;
    if (!collection_->options().has_text_key()) return;  // NULL is equal to nothing
    term.column = static_cast<int>(*collection_->options().key_column());
  }
  search_ = std::make_unique<Search>(*collection_, plan, arguments, "knn()");
  next();
}

void KnnCursor::column(sqlite3_context* context, int column) {
  switch (column) {
    case kRowid:
      return sqlite3_result_int64(context, row_->id);
    case kKey:
      return key(context);
    case kDistance:
      return sqlite3_result_double(context, row_->distance);
    case kVisited:
      return sqlite3_result_int64(context, static_cast<sqlite3_int64>(search_->visited()));
    case kIsExact:
      return sqlite3_result_int(context, search_->is_exact() ? 1 : 0);
    default:
      return argument(context, column);
  }
}

// SQLite asks where it compares again what it was told to leave out, as it does from the 17th
// constraint on.
void KnnCursor::argument(sqlite3_context* context, int column) {
  const auto found = arguments_.find(column);
  if (found != arguments_.end()) sqlite3_result_value(context, found->second.get());
}

void KnnCursor::key(sqlite3_context* context) {
  if (!collection_->options().has_text_key()) return;
  Statement row = collection_->take_lookup();
  if (row.bind(1, row_->id).step()) {
    const int position = collection_->stored_position(*collection_->options().key_column());
    sqlite3_result_value(context, row.value(position));
  }
  collection_->return_lookup(std::move(row));
}

}  // namespace

const sqlite3_module* knn_module() noexcept {
  static const sqlite3_module module = Module<KnnTable>::table_function();
  return &module;
}

}  // namespace kindred::sql
