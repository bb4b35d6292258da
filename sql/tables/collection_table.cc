// SPDX-License-Identifier: Apache-2.0
#include "sql/tables/collection_table.h"

#include <algorithm>
#include <charconv>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sql/collections/collection.h"
#include "sql/collections/collection_writer.h"
#include "sql/collections/open_collections.h"
#include "sql/models/models.h"
#include "sql/module.h"
#include "sql/tables/collection_commands.h"
#include "sql/tables/collection_cursor.h"
#include "sql/tables/listing.h"
#include "storage/upkeep/sweep.h"

namespace kindred::sql {
namespace {

// A search costs less than a look-up by rowid in SQLite's eyes, and that less than a scan, so that
// of a join's tables the one that is searched comes first. A scan costs more than looking up each
// row of a joined table by its key: SQLite takes a table for a million rows until ANALYZE.
constexpr double kNearestCost = 1e4;
constexpr double kLookupCost = 3e4;
constexpr double kFilteredScanCost = 1e11;
constexpr double kScanCost = 1e12;
constexpr sqlite3_int64 kScanRows = 1000000;
constexpr sqlite3_int64 kListRows = 25;  // what SQLite takes an IN (SELECT ...) for

class CollectionTable : public sqlite3_vtab {
 public:
  using Cursor = CollectionCursor;

  explicit CollectionTable(std::shared_ptr<Collection> collection)
      : sqlite3_vtab{}, collection_(std::move(collection)), writer_(*collection_) {}

  static std::unique_ptr<CollectionTable> create(const Connection& connection);
  static std::unique_ptr<CollectionTable> connect(const Connection& connection);

  bool best_index(sqlite3_index_info& info) const;
  std::unique_ptr<CollectionCursor> open() {
    collection_->require_readable();
    return std::make_unique<CollectionCursor>(collection_, asked_);
  }
  bool update(Values values, int64_t& rowid);
  void match(sqlite3_context* context, Values arguments) const;
  void begin() {}
  void sync() {
    const KeepLastRowid keep(collection_->db());
    writer_.sync();
  }
  void commit() noexcept { writer_.commit(); }
  void rollback() noexcept { writer_.rollback(); }
  void rename(const char* name) {
    require_free_name(name, collection_->options());
    writer_.forget_statements();
    collection_->rename(name);
  }
  void destroy() {
    writer_.forget_statements();
    collection_->tables().drop();
    if (const std::string database = collection_->database(); !database.empty())
      storage::sweep_soon(storage::SegmentFolder(database));
  }

 private:
  bool is_command(Values values) const;
  bool is_match(const sqlite3_index_info::sqlite3_index_constraint& constraint) const;
  std::optional<PlanTerm> stored_term(int column) const;
  bool is_key_equality(const sqlite3_index_info::sqlite3_index_constraint& constraint) const;
  void use_conditions(const sqlite3_index_info& info, bool with_k, PlanBuilder& plan) const;
  bool plan_search(sqlite3_index_info& info, int match) const;
  bool refuse_search_columns(sqlite3_index_info& info) const;
  bool is_input(const sqlite3_index_info::sqlite3_index_constraint& constraint) const;
  enum class Keys { kOne, kList };
  bool plan_lookup(sqlite3_index_info& info) const;
  bool plan_lookup(sqlite3_index_info& info, Keys keys) const;
  bool plan_scan(sqlite3_index_info& info) const;
  void refuse_hidden_value(sqlite3_value* value, size_t i) const;

  std::shared_ptr<Collection> collection_;
  CollectionWriter writer_;
  const CollectionCursor* asked_ = nullptr;  // the cursor that a column was last asked of
};

ShadowTables tables_of(const Connection& connection) {
  return {connection.db, connection.arguments[1], connection.arguments[2]};
}

// What a collection's vectors were made by says how long they are, so that a table can be
// connected, and dropped, whatever has become of its model.
std::optional<size_t> dimensions_in(std::string_view made_by, const std::string& model) {
  const std::string beginning = model + " dim=";
  if (!made_by.starts_with(beginning)) return std::nullopt;
  made_by.remove_prefix(beginning.size());
  size_t dim = 0;
  const auto parsed = std::from_chars(made_by.data(), made_by.data() + made_by.size(), dim);
  if (parsed.ec != std::errc() || dim == 0 || dim > 65536) return std::nullopt;
  return dim;
}

CollectionOptions options_of(const Connection& connection, std::string_view made_by = {}) {
  const auto dimensions = [&](const std::string& model) {
    const bool is_built_in = model::Embedder::find(model) != nullptr;
    const auto stored = is_built_in ? std::nullopt : dimensions_in(made_by, model);
    return stored ? stored : model_dimensions(connection.db, model);
  };
  return parse_collection(connection.arguments[2], connection.arguments.subspan(3), made_by,
                          dimensions);
}

// What guard() returns, and what was thrown in words: nullptr where there was no memory for them.
struct Attempt {
  int code;
  std::unique_ptr<char, void (*)(void*)> error{nullptr, sqlite3_free};
};

template <class Body>
Attempt attempt(const Body& body) {
  char* error = nullptr;
  const int code = guard(body, [&](int, const char* text) noexcept { set_message(&error, text); });
  return {code, {error, sqlite3_free}};
}

// The description of what made a collection's vectors; "" where it cannot be read: every use says
// so, but DROP TABLE.
std::string model_of(const ShadowTables& tables) {
  std::string made_by;
  const auto [code, error] = attempt([&] {
    if (tables.exist()) made_by = tables.setting(kConfigModel).value_or("");
  });
  switch (code & 0xFF) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_INTERRUPT:
    case SQLITE_IOERR:
    case SQLITE_NOMEM:
      throw Error(code, tables.name() + ": its configuration cannot be read now: " +
                            (error != nullptr ? error.get() : "out of memory"));
    default:
      return made_by;
  }
}

// For a collection that is there: SQLite drops no table that it cannot connect.
CollectionOptions options_to_connect(const Connection& connection, const ShadowTables& tables) {
  const std::string made_by = model_of(tables);
  CollectionOptions options;
  const auto [code, error] = attempt([&] { options = options_of(connection, made_by); });
  if (code == SQLITE_OK) return options;
  if (code == SQLITE_NOMEM || error == nullptr) throw std::bad_alloc();
  return salvage_collection(connection.arguments[2], connection.arguments.subspan(3), error.get());
}

void declare(sqlite3* db, const std::string& table, const CollectionOptions& options) {
  std::string columns;
  for (const Column& column : options.columns)
    columns += quote_identifier(column.name) + " " + column.type + ", ";
  declare_columns(db, ("CREATE TABLE x(" + columns + quote_identifier(table) +
                       " HIDDEN, k HIDDEN, distance REAL HIDDEN, ef HIDDEN, exact HIDDEN, "
                       "diversity HIDDEN, visited INTEGER HIDDEN, "
                       "is_exact INTEGER HIDDEN)")
                          .c_str());
  check(db, sqlite3_vtab_config(db, SQLITE_VTAB_CONSTRAINT_SUPPORT, 1));
  check(db, sqlite3_vtab_config(db, SQLITE_VTAB_INNOCUOUS));
}

std::unique_ptr<CollectionTable> CollectionTable::create(const Connection& connection) {
  if (sqlite3_stricmp(connection.arguments[2], "knn") == 0)
    throw Error(SQLITE_ERROR,
                "kindred: a collection named knn would hide the function knn(): "
                "another name is wanted");
  const CollectionOptions options = options_of(connection);
  const SharedEmbedder model = find_model(connection.db, options.model);
  tables_of(connection).create(options, model != nullptr ? model->description() : "");
  return connect(connection);
}

std::unique_ptr<CollectionTable> CollectionTable::connect(const Connection& connection) {
  const ShadowTables tables = tables_of(connection);
  CollectionOptions options = options_to_connect(connection, tables);
  declare(connection.db, connection.arguments[2], options);
  return std::make_unique<CollectionTable>(Collection::open(
      connection.db, *static_cast<std::shared_ptr<OpenCollections>*>(connection.client_data),
      tables, std::move(options)));
}

bool CollectionTable::is_match(
    const sqlite3_index_info::sqlite3_index_constraint& constraint) const {
  if (constraint.op != SQLITE_INDEX_CONSTRAINT_MATCH) return false;
  const std::vector<Column>& columns = collection_->options().columns;
  const auto i = static_cast<size_t>(constraint.iColumn);
  return i == columns.size() || (i < columns.size() && (columns[i].kind == ColumnKind::kText ||
                                                        columns[i].kind == ColumnKind::kVector));
}

bool CollectionTable::best_index(sqlite3_index_info& info) const {
  collection_->require_parsed();
  std::optional<int> match;
  for (int i = 0; i < info.nConstraint; ++i) {
    if (!is_match(info.aConstraint[i])) continue;
    if (info.aConstraint[i].usable == 0) return false;
    if (match)
      throw Error(SQLITE_ERROR, collection_->name() + ": one MATCH is wanted, got several");
    match = i;
  }
  if (match) return plan_search(info, *match);
  if (refuse_search_columns(info)) return true;
  return plan_lookup(info) || plan_scan(info);
}

// Conditions on k, distance and their kin hold for no row where there is no search: that is an
// error, not an empty answer.
bool CollectionTable::refuse_search_columns(sqlite3_index_info& info) const {
  const int first_hidden = static_cast<int>(collection_->options().columns.size());
  const auto* constraints = info.aConstraint;
  if (std::none_of(constraints, constraints + info.nConstraint, [&](const auto& constraint) {
        return constraint.iColumn >= first_hidden && is_comparison(constraint.op);
      }))
    return false;
  refuse_plan(info, collection_->name() +
                        ": k, distance and other hidden columns have values in a search only: "
                        "MATCH is wanted beside a condition on them");
  return true;
}

// A column as plans name it: with its affinity, the rowid as -1. nullopt for one that is not
// stored.
std::optional<PlanTerm> CollectionTable::stored_term(int column) const {
  const CollectionOptions& options = collection_->options();
  if (options.is_rowid(column)) return PlanTerm{};
  const auto i = static_cast<size_t>(column);
  if (i >= options.columns.size() || !options.is_stored(i)) return std::nullopt;
  return PlanTerm{.column = column, .affinity = affinity_of(options.columns[i].type)};
}

// Whether a constraint chooses one row by its rowid or TEXT key.
bool CollectionTable::is_key_equality(
    const sqlite3_index_info::sqlite3_index_constraint& constraint) const {
  const std::optional<size_t> key = collection_->options().key_column();
  return (constraint.op == SQLITE_INDEX_CONSTRAINT_EQ ||
          constraint.op == SQLITE_INDEX_CONSTRAINT_IS) &&
         (collection_->options().is_rowid(constraint.iColumn) ||
          (key && constraint.iColumn == static_cast<int>(*key)));
}

// Conditions on stored columns and the rowid. With k, one that chooses a single row is most likely
// a join's: among one row each is among the k nearest.
void CollectionTable::use_conditions(const sqlite3_index_info& info, bool with_k,
                                     PlanBuilder& plan) const {
  for (int i = 0; i < info.nConstraint; ++i) {
    const auto& constraint = info.aConstraint[i];
    if (constraint.usable == 0 || info.aConstraintUsage[i].argvIndex > 0) continue;
    std::optional<PlanTerm> term = stored_term(constraint.iColumn);
    if (!term) continue;
    term->fixed_only = with_k && is_key_equality(constraint);
    if (!plan.use_list(i, *term, false)) plan.use_filter(i, *term);
  }
}

bool CollectionTable::plan_search(sqlite3_index_info& info, int match) const {
  PlanBuilder plan(info);
  const int first_hidden = static_cast<int>(collection_->options().columns.size());
  plan.use(match, {.role = Role::kQuery, .op = match < kMostOmitted ? 0 : kCheckedAgain}, true);
  bool with_k = false;
  for (int i = 0; i < info.nConstraint; ++i) {
    const auto& constraint = info.aConstraint[i];
    const bool k = constraint.iColumn == first_hidden + hidden::kK && is_comparison(constraint.op);
    if (k) require_one_k(info, i, collection_->name());
    if (k && with_k) throw Error(SQLITE_ERROR, collection_->name() + ": k is given twice");
    if (constraint.usable == 0 && is_input(constraint)) return false;
    if (constraint.usable == 0 || plan.use_limit(i)) continue;
    if (k) plan.use(i, {.role = Role::kK}, true);
    with_k |= k;
    if (constraint.iColumn == first_hidden + hidden::kEf) plan.use_value(i, Role::kEf);
    if (constraint.iColumn == first_hidden + hidden::kExact) plan.use_value(i, Role::kExact);
    if (constraint.iColumn == first_hidden + hidden::kDiversity)
      plan.use_value(i, Role::kDiversity);
    if (constraint.iColumn == first_hidden + hidden::kDistance) plan.use_distance(i);
  }
  use_conditions(info, with_k, plan);
  const CollectionOptions& options = collection_->options();
  const int id = options.has_integer_key() ? static_cast<int>(*options.key_column()) : -1;
  plan.consume_order(first_hidden + hidden::kDistance, id);
  plan.finish(static_cast<int>(PlanKind::kNearest), kNearestCost, 1);
  return true;
}

// Whether it says what a search is to do: SQLite could not check it afterwards.
bool CollectionTable::is_input(
    const sqlite3_index_info::sqlite3_index_constraint& constraint) const {
  const int i = constraint.iColumn - static_cast<int>(collection_->options().columns.size());
  if (i == hidden::kK) return is_comparison(constraint.op);
  return constraint.op == SQLITE_INDEX_CONSTRAINT_EQ &&
         (i == hidden::kEf || i == hidden::kExact || i == hidden::kDiversity);
}

// One row by its rowid, or rows by their TEXT keys. By the list of an IN only if there is no other
// way: SQLite would look up all of it for each row that the one key of a join chooses.
bool CollectionTable::plan_lookup(sqlite3_index_info& info) const {
  return plan_lookup(info, Keys::kOne) || plan_lookup(info, Keys::kList);
}

bool CollectionTable::plan_lookup(sqlite3_index_info& info, Keys keys) const {
  const std::optional<size_t> key = collection_->options().key_column();
  for (int i = 0; i < info.nConstraint; ++i) {
    const auto& constraint = info.aConstraint[i];
    if (constraint.usable == 0 || constraint.op != SQLITE_INDEX_CONSTRAINT_EQ) continue;
    if ((sqlite3_vtab_in(&info, i, -1) != 0) != (keys == Keys::kList)) continue;
    const bool id = collection_->options().is_rowid(constraint.iColumn);
    const bool binary = sqlite3_stricmp(sqlite3_vtab_collation(&info, i), "BINARY") == 0;
    if (!id && !(key && binary && constraint.iColumn == static_cast<int>(*key))) continue;
    PlanBuilder plan(info);
    const PlanTerm term = *stored_term(constraint.iColumn);
    if (id || !plan.use_list(i, term, false)) plan.use_filter(i, term);
    const int rows = keys == Keys::kList ? kListRows : 1;
    plan.finish(static_cast<int>(PlanKind::kScan), rows * kLookupCost, rows, Listing().encode());
    if (id) info.idxFlags = SQLITE_INDEX_SCAN_UNIQUE;  // a number is equal to several texts
    return true;
  }
  return false;
}

bool CollectionTable::plan_scan(sqlite3_index_info& info) const {
  PlanBuilder plan(info);
  use_conditions(info, false, plan);
  const bool filtered = !plan.terms().empty();
  const Listing listing(info, collection_->options(), plan.terms());
  plan.finish(static_cast<int>(PlanKind::kScan), filtered ? kFilteredScanCost : kScanCost,
              filtered ? kScanRows / 10 : kScanRows, listing.encode());
  return true;
}

void CollectionTable::refuse_hidden_value(sqlite3_value* value, size_t i) const {
  static constexpr const char* kNames[] = {nullptr, "k",         "distance", "ef",
                                           "exact", "diversity", "visited",  "is_exact"};
  if (is_null(value)) return;
  const std::string column = kNames[i] != nullptr ? kNames[i] : collection_->name();
  throw Error(SQLITE_ERROR, collection_->name() + ": the hidden column '" + column +
                                "' takes no value, got " + describe(value));
}

bool CollectionTable::is_command(Values values) const {
  const size_t extra = 2 + collection_->options().columns.size();
  return values.size() > extra && is_null(values[0]) && !is_null(values[extra + hidden::kTable]);
}

bool CollectionTable::update(Values values, int64_t& rowid) {
  const KeepLastRowid keep(collection_->db());
  if (!is_command(values)) collection_->require_writable();
  if (values.size() == 1) {
    writer_.erase(sqlite3_value_int64(values[0]));
    return false;
  }
  const size_t count = collection_->options().columns.size();
  const Values columns = values.subspan(2, count);
  const Values extra = values.subspan(2 + count);
  const std::optional<int64_t> id = whole_number(values[1]);
  const bool inserting = is_null(values[0]);
  if (!id && !(inserting && is_null(values[1])))
    throw Error(SQLITE_MISMATCH,
                collection_->name() + ": rowid: an integer is wanted, got " + describe(values[1]));
  const int conflict = sqlite3_vtab_on_conflict(collection_->db());
  if (!inserting) {
    // The others may be what a search has put there: UPDATE ... FROM hands everything back.
    refuse_hidden_value(extra[hidden::kTable], hidden::kTable);
    writer_.update(sqlite3_value_int64(values[0]), *id, columns, conflict);
    return false;
  }
  for (size_t i = 1; i < extra.size(); ++i) refuse_hidden_value(extra[i], i);
  if (is_null(extra[hidden::kTable])) {
    rowid = writer_.insert(id, columns, conflict);
    return true;
  }
  rowid = sqlite3_last_insert_rowid(collection_->db());
  run_command(*collection_, writer_, extra[hidden::kTable], columns);
  return true;
}

// The column, the second argument, has just been asked of the cursor whose row is checked.
void CollectionTable::match(sqlite3_context* context, Values arguments) const {
  if (asked_ == nullptr || !asked_->searches_for(arguments[0]))
    throw Error(SQLITE_ERROR, collection_->name() +
                                  ": unable to use function MATCH in the requested context: it is "
                                  "wanted as a condition of its own");
  sqlite3_result_int(context, 1);
}

int shadow_name(const char* suffix) noexcept {
  return ShadowTables::is_suffix(suffix) ? 1 : 0;
}

}  // namespace

const sqlite3_module* collection_module() noexcept {
  static const sqlite3_module module = Module<CollectionTable>::writable(&shadow_name);
  return &module;
}

}  // namespace kindred::sql
