// SPDX-License-Identifier: Apache-2.0
#include "sql/tables/collection_cursor.h"

#include "sql/boundary.h"
#include "sql/search/query_plan.h"
#include "storage/error.h"

namespace kindred::sql {

namespace {

bool is_rowid_lookup(const std::vector<PlanTerm>& terms) noexcept {
  return terms.size() == 1 && terms[0].role == Role::kFilter && terms[0].column == -1 &&
         terms[0].op == SQLITE_INDEX_CONSTRAINT_EQ;
}

}  // namespace

CollectionCursor::CollectionCursor(std::shared_ptr<Collection> collection,
                                   const CollectionCursor*& asked)
    : sqlite3_vtab_cursor{}, collection_(std::move(collection)), asked_(asked) {}

CollectionCursor::~CollectionCursor() {
  if (asked_ == this) asked_ = nullptr;
  give_row_back();
}

// To the next cursor that looks one up.
void CollectionCursor::give_row_back() noexcept {
  collection_->return_lookup(std::move(row_));
  row_ = Statement();
}

void CollectionCursor::filter(int plan, const char* plan_text, Values arguments) {
  std::string_view text = plan_text;
  if (static_cast<PlanKind>(plan) == PlanKind::kScan) listing_ = Listing::decode(text);
  const std::vector<PlanTerm> terms = decode(text, arguments.size());
  give_row_back();
  search_.reset();
  query_.reset();
  by_rowid_ = static_cast<PlanKind>(plan) == PlanKind::kScan && is_rowid_lookup(terms);
  row_read_ = false;
  row_gone_ = false;
  done_ = false;
  if (static_cast<PlanKind>(plan) == PlanKind::kNearest)
    start_search(terms, arguments);
  else
    start_scan(terms, arguments);
  next();
}

void CollectionCursor::start_search(const std::vector<PlanTerm>& terms, Values arguments) {
  for (size_t i = 0; i < terms.size(); ++i)
    if (terms[i].role == Role::kQuery && terms[i].op == kCheckedAgain) query_ = keep(arguments[i]);
  search_ = std::make_unique<Search>(*collection_, terms, arguments, collection_->name());
}

bool CollectionCursor::searches_for(sqlite3_value* query) const {
  return query_ && !done_ && sqlite3_value_type(query) == sqlite3_value_type(query_.get()) &&
         blob_of(query) == blob_of(query_.get());
}

void CollectionCursor::start_scan(const std::vector<PlanTerm>& terms, Values arguments) {
  if (by_rowid_) {
    row_ = collection_->take_lookup();
    row_.bind(1, arguments[0]);
    return;
  }
  const Condition condition = scan_condition(terms, arguments);
  const std::string sql = "SELECT " + listing_.columns(collection_->options()) + " FROM " +
                          collection_->tables().rows() +
                          (condition.empty() ? "" : " WHERE " + condition.sql()) + listing_.order();
  if (!scan_ || sql != sqlite3_sql(scan_.get())) scan_ = Statement(collection_->db(), sql);
  scan_.reset();
  condition.bind(scan_);
}

// What is left out SQLite checks itself.
Condition CollectionCursor::scan_condition(const std::vector<PlanTerm>& terms,
                                           Values arguments) const {
  Condition condition;
  for (size_t i = 0; i < terms.size(); ++i) {
    if (terms[i].role != Role::kIn) {
      if (is_certain(terms[i], arguments[i])) condition.add(terms[i], arguments[i]);
      continue;
    }
    std::vector<KeptValue> values = values_of_list(collection_->db(), arguments[i]);
    const size_t more = values.size() + terms.size() - i - 1;
    if (is_certain_list(terms[i], values) && condition.has_room(collection_->db(), more))
      condition.add_list(terms[i], std::move(values));
  }
  return condition;
}

void CollectionCursor::next() {
  if (search_) {
    const std::optional<storage::Neighbor> neighbor = search_->next();
    row_read_ = false;
    done_ = !neighbor;
    if (neighbor) {
      id_ = neighbor->id;
      distance_ = neighbor->distance;
    }
    return;
  }
  Statement& rows = by_rowid_ ? row_ : scan_;
  row_read_ = by_rowid_;
  done_ = !rows.step();
  if (!done_) id_ = rows.integer(0);
}

Statement* CollectionCursor::row_with(size_t column) {
  const bool scanned = !search_ && !by_rowid_ && listing_.reads(column);
  return scanned ? &scan_ : looked_up();
}

Statement* CollectionCursor::looked_up() {
  if (!row_read_) {
    if (row_ && !collection_->is_current(row_)) row_ = Statement();
    if (!row_) row_ = collection_->take_lookup();
    row_.reset();
    row_gone_ = !row_.bind(1, id_).step();
    if (row_gone_ && collection_->has_stored_vector(id_))
      throw storage::StorageError(
          storage::Fault::kCorrupt,
          collection_->name() + "_rows: row " + std::to_string(id_) + " of the log is missing");
    row_read_ = true;
  }
  return row_gone_ ? nullptr : &row_;
}

// Columns of a row that has gone are NULL, as for SQLite's own cursors.
void CollectionCursor::column(sqlite3_context* context, int column) {
  asked_ = this;
  const CollectionOptions& options = collection_->options();
  const auto i = static_cast<size_t>(column);
  if (i >= options.columns.size())
    return hidden_column(context, column - static_cast<int>(options.columns.size()));
  if (options.is_stored(i)) {
    if (Statement* row = row_with(i))
      sqlite3_result_value(context, row->value(collection_->stored_position(i)));
    return;
  }
  if (options.columns[i].kind == ColumnKind::kKey) return sqlite3_result_int64(context, id_);
  vector_column(context, i);
}

void CollectionCursor::hidden_column(sqlite3_context* context, int column) const {
  if (!search_ || sqlite3_vtab_nochange(context) != 0) return;
  if (column == hidden::kK && search_->k())
    sqlite3_result_int64(context, static_cast<sqlite3_int64>(*search_->k()));
  if (column == hidden::kDistance) sqlite3_result_double(context, distance_);
  if (column == hidden::kVisited)
    sqlite3_result_int64(context, static_cast<sqlite3_int64>(search_->visited()));
  if (column == hidden::kIsExact) sqlite3_result_int(context, search_->is_exact() ? 1 : 0);
  if (column == hidden::kEf && search_->ef() > 0) sqlite3_result_int64(context, search_->ef());
  if (column == hidden::kDiversity) sqlite3_result_double(context, search_->diversity());
  if (column == hidden::kExact) sqlite3_result_int(context, search_->must_be_exact() ? 1 : 0);
}

// An UPDATE that leaves the vector alone is not given it.
void CollectionCursor::vector_column(sqlite3_context* context, size_t column) {
  if (sqlite3_vtab_nochange(context) != 0) return;
  const Statement* row = row_with(column);
  if (row == nullptr || row->is_null(1)) return;
  const std::optional<std::string> bytes = collection_->row_vector(id_, row->integer(1));
  if (!bytes) return;
  result_vector(context, collection_->vectors().element, bytes->data(), collection_->vectors().dim);
}

}  // namespace kindred::sql
