// SPDX-License-Identifier: Apache-2.0
#include "sql/collections/collection.h"

#include <algorithm>
#include <iterator>
#include <limits>

#include "sql/boundary.h"
#include "sql/database_file.h"
#include "sql/vector_text.h"
#include "storage/error.h"
#include "storage/sort_distinct.h"
#include "storage/upkeep/graph_jobs.h"

namespace kindred::sql {
namespace {

using math::Element;

// Cursors of one query that stand on the same collection: rarely more.
constexpr size_t kLookupsKept = 4;
// The same of filters, of which a search has two.
constexpr size_t kFiltersKept = 8;

// The whole number of at least `least` that a setting is.
int64_t require_number(const ShadowTables& tables, std::string_view key, int64_t least) {
  const std::optional<int64_t> value = tables.number(key);
  if (!value || *value < least)
    throw storage::StorageError(storage::Fault::kCorrupt,
                                tables.name() + "_config: " + std::string(key) +
                                    ": a whole number from " + std::to_string(least) +
                                    " is wanted, got '" + tables.setting(key).value_or("") + "'");
  return *value;
}

// A BLOB that lost its subtype on the way (an UPDATE, a table, a parameter) but has the size of the
// column's type.
bool fits_untyped(sqlite3_value* value, const storage::VectorSpec& spec) {
  return spec.element != Element::kFloat32 && sqlite3_value_type(value) == SQLITE_BLOB &&
         sqlite3_value_subtype(value) == 0 &&
         static_cast<size_t>(sqlite3_value_bytes(value)) == spec.bytes();
}

}  // namespace

Collection::Collection(sqlite3* db, std::shared_ptr<OpenCollections> open, ShadowTables tables,
                       CollectionOptions options)
    : db_(db),
      open_(std::move(open)),
      tables_(std::move(tables)),
      options_(std::move(options)),
      model_(db, options_.model),
      log_(db, tables_) {
  list_columns();
  lookup_sql_ = lookup_sql();
  lookups_.reserve(kLookupsKept);
  filters_.reserve(kFiltersKept);
}

std::shared_ptr<Collection> Collection::open(sqlite3* db, std::shared_ptr<OpenCollections> open,
                                             ShadowTables tables, CollectionOptions options) {
  const std::shared_ptr<Collection> collection(
      new Collection(db, std::move(open), std::move(tables), std::move(options)));
  collection->open_->add(Place(collection->tables().schema(), collection->name()), collection);
  return collection;
}

Collection::~Collection() {
  open_->remove(*this);
}

std::string Collection::database() const {
  return database_file(db_, tables_.schema().c_str());
}

void Collection::require_parsed() const {
  if (!options_.error.empty()) throw Error(SQLITE_ERROR, options_.error);
}

void Collection::require_readable() {
  if (session_) return;
  require_parsed();
  const int64_t format = require_number(tables_, kConfigFormat, 1);
  if (format > storage::kFormatVersion)
    throw Error(SQLITE_ERROR, "kindred: " + name() + " has format " + std::to_string(format) +
                                  ", written by a newer version: up to " +
                                  std::to_string(storage::kFormatVersion) + " can be read");
  id_ = require_number(tables_, kConfigId, 0);
  manifest_.emplace(db_, tables_, vectors(), database(), id_);
  const std::string id = std::to_string(id_);
  std::shared_ptr<CollectionSession> session = open_->session(tables_.schema(), id, vectors());
  if (!session->view) {
    const std::string log = name() + "_log";
    session->view = std::make_unique<storage::LogView>(
        vectors(), log, storage::shared_tail(database(), id, vectors(), log));
  }
  session_ = std::move(session);
}

void Collection::require_writable() {
  require_readable();
  if (writable_) return;
  manifest_->read();
  writable_ = true;
}

void Collection::list_columns() {
  for (size_t i = 0; i < options_.columns.size(); ++i) {
    stored_positions_.push_back(static_cast<int>(stored_columns_.size()));
    if (!options_.is_stored(i)) continue;
    stored_columns_.push_back(stored_column(i));
    stored_list_ += ", " + stored_columns_.back();
  }
}

const model::Embedder& Collection::model() {
  if (!options_.embeds())
    throw Error(SQLITE_ERROR, name() + " has no model: a vector is wanted, not text");
  const model::Embedder* model = model_.find();
  if (model == nullptr) throw Error(SQLITE_ERROR, name() + ": no such model: " + options_.model);
  return *model;
}

void Collection::require_fitting_model() const {
  const std::optional<size_t> dim = model_dimensions(db_, options_.model);
  if (!dim || options_.fits_model(*dim)) return;
  throw Error(SQLITE_ERROR,
              name() + ": the model " + options_.model + " has " + std::to_string(*dim) +
                  " dimensions now, its vectors have " + std::to_string(vectors().dim) +
                  ": make a new collection and INSERT INTO it what SELECT finds in this one");
}

const model::Embedder& Collection::embedder() {
  require_readable();
  const model::Embedder& now = model();
  if (!made_by_)
    made_by_ = Statement(db_, "SELECT value FROM " + tables_.config() + " WHERE key = ?1");
  const ResetGuard reset(made_by_);
  const std::string_view then =
      made_by_.bind(1, kConfigModel).step() ? made_by_.text(0) : std::string_view();
  if (then != now.description()) {
    require_fitting_model();
    throw Error(SQLITE_ERROR, name() + ": its vectors were made by the model \"" +
                                  std::string(then) + "\", which now is \"" + now.description() +
                                  "\": INSERT INTO " + name() + "(" + name() +
                                  ") VALUES('rebuild') embeds its rows anew");
  }
  return now;
}

void Collection::adopt_model() {
  tables_.set(kConfigModel, model().description());
}

std::optional<Vector> Collection::vector_of(sqlite3_value* value, const std::string& where) const {
  const storage::VectorSpec& spec = vectors();
  if (fits_untyped(value, spec)) return Vector(spec.element, sqlite3_value_blob(value), spec.dim);
  const bool is_int8_text =
      spec.element == Element::kInt8 && sqlite3_value_type(value) == SQLITE_TEXT;
  std::optional<Vector> vector = is_int8_text ? Vector(parse_int8_vector(text_of(value), where))
                                              : sql::vector_of(value, where);
  if (!vector) return vector;
  if (vector->element() != spec.element)
    throw Error(SQLITE_ERROR, where + ": a vector of " + math::element_name(spec.element) +
                                  " is wanted, got one of " +
                                  math::element_name(vector->element()));
  if (vector->dim() != spec.dim)
    throw Error(SQLITE_ERROR, where + ": dimensions differ: " + std::to_string(spec.dim) +
                                  " are wanted, got " + std::to_string(vector->dim()));
  return vector;
}

std::optional<Vector> Collection::embed(const model::Embedder& model, std::string_view text) const {
  std::vector<float> v(vectors().dim);
  if (!model.embed(text, v)) return std::nullopt;
  return Vector(std::move(v));
}

std::optional<Vector> Collection::query_of(sqlite3_value* value, const std::string& where) {
  const int type = sqlite3_value_type(value);
  const bool text = type == SQLITE_TEXT;
  const bool number = type == SQLITE_INTEGER || type == SQLITE_FLOAT;  // text, as for embed()
  if ((text || number) && options_.embeds() && !is_vector_text(text_of(value)))
    return embed(embedder(), text_of(value));
  if (text && !options_.embeds() && !is_vector_text(text_of(value)))
    throw Error(SQLITE_ERROR, where + ": " + name() + " has no model: a vector is wanted, got " +
                                  describe(value));
  if (options_.embeds()) embedder();  // vectors of two models never meet
  return vector_of(value, where);
}

LogTable& Collection::log() {
  require_readable();
  log_.set_sealed(manifest_->sealed());
  return log_;
}

std::vector<storage::RowLayer> Collection::layers(const storage::OnlyIds& only) {
  require_readable();
  session_->sealing.settle(*this);
  const SealedState& state = manifest_->read();
  log_.set_sealed(state.sealed);
  const bool writing = sqlite3_txn_state(db_, tables_.schema().c_str()) == SQLITE_TXN_WRITE;
  storage::LogLayers log = session_->view->layers(log_, writing, only);
  std::vector<storage::RowLayer> layers;
  for (const NamedSegment& segment : state.segments) {
    layers.push_back(segment.layer);
    layers.back().newer = log.changes;
    layers.back().graph = segment.file->graph();
    storage::populate_when_due(layers.back().graph);
    if (!only) continue;
    std::vector<uint32_t>& rows = layers.back().only.emplace();
    segment.file->for_each_rank(*only, [&](size_t rank) {
      if (!segment.dead.contains(rank)) rows.push_back(segment.file->row_at(rank));
    });
    storage::sort_distinct(rows);
  }
  std::move(log.layers.begin(), log.layers.end(), std::back_inserter(layers));
  return layers;
}

// nullopt if it is nowhere.
std::optional<std::string> Collection::find_vector(int64_t id, int64_t cn) {
  if (std::optional<std::string> vector = session_->sealing.vector_at(cn)) return vector;
  if (cn > manifest_->sealed()) {
    std::optional<std::string> vector = log_.vector_at(cn);
    if (vector) verify({cn, 0, id, static_cast<int64_t>(storage::Op::kPut), *vector});
    return vector;
  }
  for (const NamedSegment& segment : manifest_->read().segments) {
    const std::optional<size_t> rank = segment.file->rank_of(id);
    if (!rank || segment.dead.contains(*rank)) continue;
    const std::byte* vector = segment.file->vector(segment.file->row_at(*rank));
    return std::string(reinterpret_cast<const char*>(vector), vectors().bytes());
  }
  return std::nullopt;
}

std::string Collection::vector_of_row(int64_t id, int64_t cn) {
  std::optional<std::string> vector = find_vector(id, cn);
  if (!vector)
    throw storage::StorageError(
        storage::Fault::kCorrupt,
        name() + ": row " + std::to_string(id) + ": a vector is wanted in " +
            (cn > manifest_->sealed() ? "row " + std::to_string(cn) + " of the log" : "a segment") +
            ", got none");
  return std::move(*vector);
}

void Collection::verify(const storage::LogRow& row) const {
  storage::verify(vectors(), name() + "_log", row);
}

int64_t Collection::newest_cn() {
  return session_->last_cn ? *session_->last_cn : log().last().cn;
}

int64_t Collection::next_cn() {
  std::optional<int64_t>& last = session_->last_cn;
  if (!last) last = log().last().cn;
  if (*last == std::numeric_limits<int64_t>::max())
    throw storage::StorageError(storage::Fault::kCorrupt,
                                name() + "_log: no change number is left: the last one is used");
  return ++*last;
}

std::optional<std::string> Collection::row_vector(int64_t id, int64_t cn) {
  std::optional<std::string> bytes = find_vector(id, cn);
  if (bytes) return bytes;
  Statement row = take_lookup();
  const bool has_vector = row.bind(1, id).step() && !row.is_null(1);
  const int64_t now = has_vector ? row.integer(1) : 0;
  return_lookup(std::move(row));
  if (!has_vector) return std::nullopt;
  return vector_of_row(id, now);
}

bool Collection::has_stored_vector(int64_t id) {
  if (session_->sealing.is_past_log()) return false;
  const SealedState& state = manifest_->read();
  Statement newest(db_, "SELECT op FROM " + tables_.log() +
                            " WHERE cn > ?1 AND id = ?2 AND op <> ?3 ORDER BY cn DESC LIMIT 1");
  newest.bind(1, state.sealed).bind(2, id).bind(3, static_cast<int64_t>(storage::Op::kCut));
  if (newest.step()) return newest.integer(0) == static_cast<int64_t>(storage::Op::kPut);
  return std::any_of(state.segments.begin(), state.segments.end(), [id](const NamedSegment& s) {
    const std::optional<size_t> rank = s.file->rank_of(id);
    return rank && !s.dead.contains(*rank);
  });
}

std::string Collection::lookup_sql() const {
  return "SELECT " + stored_list_ + " FROM " + tables_.rows() + " WHERE id = ?1";
}

Statement Collection::take_lookup() {
  if (lookups_.empty()) return {db_, lookup_sql_};
  Statement lookup = std::move(lookups_.back());
  lookups_.pop_back();
  return lookup;
}

Statement Collection::take_filter(const std::string& sql) {
  const auto kept = std::find_if(filters_.begin(), filters_.end(), [&](const Statement& filter) {
    return sql == sqlite3_sql(filter.get());
  });
  if (kept == filters_.end()) return {db_, sql};
  Statement filter = std::move(*kept);
  filters_.erase(kept);
  return filter;
}

void Collection::return_filter(Statement statement) noexcept {
  if (!statement) return;
  statement.reset();
  sqlite3_clear_bindings(statement.get());
  if (filters_.size() == kFiltersKept) filters_.erase(filters_.begin());
  filters_.push_back(std::move(statement));  // within what the constructor reserved
}

bool Collection::is_current(const Statement& lookup) const noexcept {
  return lookup_sql_ == sqlite3_sql(lookup.get());
}

void Collection::return_lookup(Statement statement) noexcept {
  if (!statement || lookups_.size() == kLookupsKept || !is_current(statement)) return;
  statement.reset();
  lookups_.push_back(std::move(statement));  // within what the constructor reserved
}

void Collection::rename(const std::string& name) {
  made_by_ = Statement();
  log_.forget_statements();
  if (manifest_) manifest_->forget_statements();
  lookups_.clear();
  filters_.clear();
  tables_.rename(name);  // throws where a name is taken: all is as it was then
  lookup_sql_ = lookup_sql();
  open_->remove(*this);
  open_->add(Place(tables_.schema(), name), weak_from_this());
}

bool Collection::is_there() const {
  return tables_.exist() && tables_.number(kConfigId) == id_;
}

}  // namespace kindred::sql
