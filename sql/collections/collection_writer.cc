// SPDX-License-Identifier: Apache-2.0
#include "sql/collections/collection_writer.h"

#include <cstring>
#include <limits>

#include "sql/boundary.h"
#include "sql/collections/mending.h"
#include "sql/progress.h"
#include "storage/error.h"

namespace kindred::sql {
namespace {

// SQLite has rolled a transaction back after these, or will when a callback returns them.
bool ends_transaction(int code) {
  const int primary = code & 0xFF;
  return primary == SQLITE_NOMEM || primary == SQLITE_IOERR || primary == SQLITE_INTERRUPT ||
         primary == SQLITE_FULL;
}

bool is_unique(int code) {
  return code == SQLITE_CONSTRAINT_PRIMARYKEY || code == SQLITE_CONSTRAINT_ROWID ||
         code == SQLITE_CONSTRAINT_UNIQUE;
}

// Whether two values are the same to the byte, NULL equal to NULL.
bool same_value(sqlite3_value* a, sqlite3_value* b) {
  const int type = sqlite3_value_type(a);
  if (type != sqlite3_value_type(b)) return false;
  switch (type) {
    case SQLITE_NULL:
      return true;
    case SQLITE_INTEGER:
      return sqlite3_value_int64(a) == sqlite3_value_int64(b);
    case SQLITE_FLOAT:
      return sqlite3_value_double(a) == sqlite3_value_double(b);
    case SQLITE_TEXT:
      return text_of(a) == text_of(b);
    default: {
      const void* data_a = sqlite3_value_blob(a);
      const void* data_b = sqlite3_value_blob(b);
      const int bytes = sqlite3_value_bytes(a);
      return bytes == sqlite3_value_bytes(b) &&
             (bytes == 0 || std::memcmp(data_a, data_b, static_cast<size_t>(bytes)) == 0);
    }
  }
}

std::optional<std::string> bytes_of(const std::optional<Vector>& vector) {
  if (!vector) return std::nullopt;
  return std::string(static_cast<const char*>(vector->data()), vector->bytes());
}

}  // namespace

CollectionWriter::CollectionWriter(Collection& collection)
    : collection_(collection), db_(collection.db()) {}

void CollectionWriter::forget_statements() {
  for (Statement* s : {&insert_, &replace_, &update_, &update_replace_, &move_, &erase_, &find_,
                       &find_key_, &greatest_id_})
    *s = Statement();
}

// "id = ?1, cn = ?2, c0 = ?3" and "?1, ?2, ?3" for the columns that are stored.
void CollectionWriter::prepare_row_statements() {
  if (insert_) return;
  const std::vector<std::string>& names = collection_.stored_columns();
  std::string places;
  std::string sets;
  for (size_t i = 0; i < names.size(); ++i) {
    const std::string place = "?" + std::to_string(i + 1);
    places += (i > 0 ? ", " : "") + place;
    sets += (i > 0 ? ", " : "") + names[i] + " = " + place;
  }
  const std::string& rows = collection_.tables().rows();
  const std::string insert =
      " INTO " + rows + "(" + collection_.stored_list() + ") VALUES(" + places + ")";
  const std::string update =
      rows + " SET " + sets + " WHERE id = ?" + std::to_string(names.size() + 1);
  replace_ = Statement(db_, "INSERT OR REPLACE" + insert);
  update_ = Statement(db_, "UPDATE " + update);
  update_replace_ = Statement(db_, "UPDATE OR REPLACE " + update);
  move_ = Statement(db_, "UPDATE " + rows + " SET cn = ?1 WHERE id = ?2");
  insert_ = Statement(db_, "INSERT" + insert);  // last: where it is, all are
}

int64_t CollectionWriter::insert(std::optional<int64_t> id, Values columns, int conflict) {
  if (const std::optional<int64_t> named = named_id(columns)) {
    require_one_id(*named, id.value_or(*named));
    id = named;
  }
  require_text_key(columns);
  const std::optional<std::string> vector = vector_bytes(columns);
  prepare_row_statements();
  if (!id) id = next_id();
  const bool replaces = conflict == SQLITE_REPLACE;
  LogRows log;
  if (vector) log.push_back(put(*id, *vector));
  if (replaces) end_replaced(log, in_the_way(*id, columns, std::nullopt));
  Statement& row = replaces ? replace_ : insert_;
  bind_row(row, *id, vector ? std::optional(log[0].cn) : std::nullopt, columns);
  write(log, row);
  return *id;
}

void CollectionWriter::update(int64_t old_id, int64_t new_id, Values columns, int conflict) {
  const std::optional<int64_t> named = named_id(columns);
  if (!named && collection_.options().has_integer_key())
    throw Error(SQLITE_MISMATCH,
                collection_.name() + ": an INTEGER PRIMARY KEY is wanted, got NULL");
  const bool key_changes = named && *named != old_id;
  if (key_changes && new_id != old_id) require_one_id(*named, new_id);
  const int64_t id = key_changes ? *named : new_id;
  require_text_key(columns);
  const std::optional<VectorChange> change = vector_change(old_id, id, columns);
  if (!change) return;  // another statement of this transaction has removed the row
  prepare_row_statements();
  LogRows log;
  if (change->put) log.push_back(put(id, *change->put));
  const std::optional<int64_t> cn = change->put    ? std::optional(log[0].cn)
                                    : change->keep ? change->old_cn
                                                   : std::nullopt;
  if (change->old_cn && !change->keep) end_vector(log, old_id);
  if (change->only) {
    cn ? move_.bind(1, *cn) : move_.bind_null(1);
    move_.bind(2, old_id);
    return write(log, move_);
  }
  const bool replaces = conflict == SQLITE_REPLACE;
  if (replaces) end_replaced(log, in_the_way(id, columns, old_id));
  Statement& row = replaces ? update_replace_ : update_;
  bind_row(row, id, cn, columns);
  row.bind(sqlite3_bind_parameter_count(row.get()), old_id);
  write(log, row);
}

void CollectionWriter::erase(int64_t id) {
  const std::optional<bool> vector = has_vector(id);
  if (!vector) return;
  LogRows log;
  if (*vector) end_vector(log, id);
  if (!erase_)
    erase_ = Statement(db_, "DELETE FROM " + collection_.tables().rows() + " WHERE id = ?1");
  erase_.bind(1, id);
  write(log, erase_);
}

// An INTEGER PRIMARY KEY is the rowid by another name.
std::optional<int64_t> CollectionWriter::named_id(Values columns) const {
  const std::optional<size_t> key = collection_.options().key_column();
  if (!key || collection_.options().has_text_key() || is_null(columns[*key])) return std::nullopt;
  const std::optional<int64_t> id = whole_number(columns[*key]);
  if (!id)
    throw Error(SQLITE_MISMATCH,
                collection_.name() + "." + collection_.options().columns[*key].name +
                    ": an INTEGER PRIMARY KEY is wanted, got " + describe(columns[*key]));
  return id;
}

void CollectionWriter::require_one_id(int64_t named, int64_t id) const {
  if (named == id) return;
  throw Error(SQLITE_MISMATCH, collection_.name() + ": the key " + std::to_string(named) +
                                   " differs from the rowid " + std::to_string(id));
}

void CollectionWriter::require_text_key(Values columns) const {
  const CollectionOptions& options = collection_.options();
  if (!options.has_text_key() || !is_null(columns[*options.key_column()])) return;
  throw Error(SQLITE_CONSTRAINT_NOTNULL, "NOT NULL constraint failed: " + collection_.name() + "." +
                                             options.columns[*options.key_column()].name);
}

std::optional<std::string> CollectionWriter::vector_bytes(Values columns) const {
  const CollectionOptions& options = collection_.options();
  std::optional<Vector> vector;
  if (const std::optional<size_t> column = options.vector_column())
    vector = collection_.vector_of(columns[*column],
                                   collection_.name() + "." + options.columns[*column].name);
  else
    vector = collection_.embed(collection_.embedder(), joined_text(columns));
  return bytes_of(vector);
}

// Several columns of text are one text, a line each.
std::string CollectionWriter::joined_text(Values columns) const {
  const CollectionOptions& options = collection_.options();
  std::string text;
  for (size_t i = 0; i < options.columns.size(); ++i) {
    if (options.columns[i].kind != ColumnKind::kText || is_null(columns[i])) continue;
    if (sqlite3_value_type(columns[i]) == SQLITE_BLOB)
      throw Error(SQLITE_ERROR, collection_.name() + "." + options.columns[i].name +
                                    ": text is wanted, got " + describe(columns[i]));
    if (!text.empty()) text += '\n';
    text += text_of(columns[i]);
  }
  return text;
}

// Whether an UPDATE gives the row another vector, or text that may have another.
bool CollectionWriter::vector_changes(Values columns, Statement& row) const {
  const CollectionOptions& options = collection_.options();
  if (const std::optional<size_t> column = options.vector_column())
    return sqlite3_value_nochange(columns[*column]) == 0;
  for (size_t i = 0; i < options.columns.size(); ++i)
    if (options.columns[i].kind == ColumnKind::kText &&
        !same_value(columns[i], row.value(collection_.stored_position(i))))
      return true;
  return false;
}

// Whether an UPDATE changes anything but the vector and the id.
bool CollectionWriter::stored_changes(Values columns, Statement& row) const {
  for (size_t i = 0; i < columns.size(); ++i)
    if (collection_.options().is_stored(i) &&
        !same_value(columns[i], row.value(collection_.stored_position(i))))
      return true;
  return false;
}

// nullopt if there is no such row.
std::optional<CollectionWriter::VectorChange> CollectionWriter::vector_change(
    int64_t old_id, int64_t id, Values columns) const {
  Statement row = collection_.take_lookup();
  if (!row.bind(1, old_id).step()) return std::nullopt;
  VectorChange change;
  if (!row.is_null(1)) change.old_cn = row.integer(1);
  change.keep = !vector_changes(columns, row);
  change.only = id == old_id && !stored_changes(columns, row);
  collection_.return_lookup(std::move(row));
  if (!change.keep) {
    change.put = vector_bytes(columns);
  } else if (id != old_id) {
    change.keep = false;
    if (change.old_cn) change.put = collection_.vector_of_row(old_id, *change.old_cn);
  }
  return change;
}

void CollectionWriter::bind_row(Statement& statement, int64_t id, std::optional<int64_t> cn,
                                Values columns) const {
  statement.bind(1, id);
  cn ? statement.bind(2, *cn) : statement.bind_null(2);
  for (size_t i = 0; i < columns.size(); ++i)
    if (collection_.options().is_stored(i))
      statement.bind(collection_.stored_position(i) + 1, columns[i]);
}

// The rowid that SQLite would count for a new row: taken before REPLACE removes rows, as for an
// ordinary table. At the end of the range it tries random ones, as SQLite does.
int64_t CollectionWriter::next_id() {
  if (!greatest_id_)
    greatest_id_ = Statement(db_, "SELECT max(id) FROM " + collection_.tables().rows());
  const ResetGuard reset(greatest_id_);
  if (!greatest_id_.step() || greatest_id_.is_null(0)) return 1;
  const int64_t greatest = greatest_id_.integer(0);
  if (greatest != std::numeric_limits<int64_t>::max()) return greatest + 1;
  for (int tries = 0; tries < 100; ++tries) {
    const int64_t id = (random_number() >> 1) + 1;
    if (!has_vector(id)) return id;
  }
  throw Error(SQLITE_FULL, collection_.name() + ": no free rowid is found");
}

// The ids whose rows, if there are any, REPLACE removes for a row of this id and key, which was
// `but` until now.
std::vector<int64_t> CollectionWriter::in_the_way(int64_t id, Values columns,
                                                  std::optional<int64_t> but) {
  std::vector<int64_t> ids;
  if (id != but) ids.push_back(id);
  const CollectionOptions& options = collection_.options();
  if (!options.has_text_key()) return ids;
  const size_t key = *options.key_column();
  if (!find_key_)
    find_key_ = Statement(db_, "SELECT id FROM " + collection_.tables().rows() + " WHERE " +
                                   stored_column(key) + " = ?1");
  const ResetGuard reset(find_key_);
  if (find_key_.bind(1, columns[key]).step() && find_key_.integer(0) != id &&
      find_key_.integer(0) != but)
    ids.push_back(find_key_.integer(0));
  return ids;
}

// Whether a row has a vector; nullopt if there is no such row.
std::optional<bool> CollectionWriter::has_vector(int64_t id) {
  if (!find_)
    find_ = Statement(db_, "SELECT cn FROM " + collection_.tables().rows() + " WHERE id = ?1");
  const ResetGuard reset(find_);
  if (!find_.bind(1, id).step()) return std::nullopt;
  return !find_.is_null(0);
}

storage::LogRow CollectionWriter::put(int64_t id, std::string_view vector) {
  return {collection_.next_cn(), random_number(), id, static_cast<int64_t>(storage::Op::kPut),
          vector};
}

// Says that `id` has its old vector no longer, unless a put of the same change says so.
void CollectionWriter::end_vector(LogRows& log, int64_t id) {
  if (!log.empty() && log[0].id == id) return;
  log.push_back(
      {collection_.next_cn(), random_number(), id, static_cast<int64_t>(storage::Op::kDelete), {}});
}

void CollectionWriter::end_replaced(LogRows& log, const std::vector<int64_t>& ids) {
  for (const int64_t id : ids)
    if (has_vector(id) == true) end_vector(log, id);
}

// Writes one change: what the log says of it, then the row. All that `row` binds is bound; a put
// comes first, so that a vector that is too long for SQLite is found before anything is written.
void CollectionWriter::write(const LogRows& log, Statement& row) {
  if (!log.empty()) collection_.session().sealing.begin_change(collection_);
  std::optional<Error> error;
  size_t written = 0;
  while (!error && written < log.size()) {
    error = write_log(log[written]);
    if (!error) ++written;
  }
  if (!error) error = row.try_run();
  if (!error) return;
  take_back({log.data(), written}, *error);
  throw written == log.size() ? named(*error) : *error;
}

std::optional<Error> CollectionWriter::write_log(const storage::LogRow& row) {
  std::optional<Error> error = collection_.session().sealing.write(collection_, row);
  if (error && is_unique(error->code()))  // not the user's: no conflict clause is to hide it
    error = Error(SQLITE_CORRUPT_VTAB, collection_.name() + "_log: row " + std::to_string(row.cn) +
                                           " is there before it is written");
  return error;
}

// Where even that fails, the error is one after which SQLite rolls the transaction back.
void CollectionWriter::take_back(std::span<const storage::LogRow> written, const Error& error) {
  const bool writing =
      sqlite3_txn_state(db_, collection_.tables().schema().c_str()) == SQLITE_TXN_WRITE;
  if (written.empty() || !writing || ends_transaction(error.code())) return;
  const std::optional<Error> stuck = try_execute(
      db_, "DELETE FROM " + collection_.tables().log() + " WHERE cn BETWEEN " +
               std::to_string(written.front().cn) + " AND " + std::to_string(written.back().cn));
  if (stuck)
    throw Error(SQLITE_IOERR, collection_.name() + ": a change failed (" + error.what() +
                                  ") and cannot be taken back (" + stuck->what() +
                                  "): the transaction is rolled back");
}

// An error by the collection's own names, where it is that a key is taken.
Error CollectionWriter::named(const Error& error) const {
  if (!is_unique(error.code())) return error;
  const std::optional<size_t> key = collection_.options().key_column();
  const bool by_text = error.code() == SQLITE_CONSTRAINT_UNIQUE;
  const bool by_key = key && by_text == collection_.options().has_text_key();
  return {error.code(), "UNIQUE constraint failed: " + collection_.name() + "." +
                            (by_key ? collection_.options().columns[*key].name : "rowid")};
}

void CollectionWriter::optimize() {
  collection_.session().sealing.optimize(collection_);
}

void CollectionWriter::sync() {
  if (CollectionSession* session = collection_.begun_session()) session->sealing.sync(collection_);
}

void CollectionWriter::commit() noexcept {
  CollectionSession* session = collection_.begun_session();
  if (session == nullptr) return;
  session->sealing.commit(collection_.manifest());
  session->last_cn.reset();
}

void CollectionWriter::rollback() noexcept {
  CollectionSession* session = collection_.begun_session();
  if (session == nullptr) return;
  session->sealing.rollback();
  session->last_cn.reset();
}

// Where vectors are lost they can be made again, if there is a text for each.
void CollectionWriter::mend() {
  try {
    mend_store(collection_);
    collection_.manifest().read();
    return;
  } catch (const storage::StorageError& error) {
    if (!error.is_damage() || !collection_.options().embeds()) throw;
  }
  Statement(db_, "UPDATE " + collection_.tables().rows() + " SET cn = NULL").run();
  collection_.manifest().abandon(collection_.newest_cn());
  replace_lost_store(collection_);
}

int64_t CollectionWriter::rebuild() {
  collection_.require_readable();
  collection_.require_fitting_model();
  mend();
  if (!collection_.options().embeds()) return 0;
  const model::Embedder& model = collection_.model();
  Statement rows(db_,
                 "SELECT " + collection_.stored_list() + " FROM " + collection_.tables().rows());
  Statement move(db_, "UPDATE " + collection_.tables().rows() + " SET cn = ?1 WHERE id = ?2");
  Statement number(db_, "SELECT count(*) FROM " + collection_.tables().rows());
  number.step();
  Progress progress(db_, collection_.name() + ": rebuild",
                    static_cast<uint64_t>(number.integer(0)));
  number.reset();
  int64_t count = 0;
  while (rows.step()) {
    progress.advance();
    std::vector<sqlite3_value*> columns;
    for (size_t i = 0; i < collection_.options().columns.size(); ++i)
      columns.push_back(
          rows.value(collection_.options().is_stored(i) ? collection_.stored_position(i) : 0));
    const std::optional<std::string> vector =
        bytes_of(collection_.embed(model, joined_text(columns)));
    const int64_t id = rows.integer(0);
    LogRows log;
    if (vector) log.push_back(put(id, *vector));
    if (!rows.is_null(1)) end_vector(log, id);
    vector ? move.bind(1, log[0].cn) : move.bind_null(1);
    move.bind(2, id);
    write(log, move);
    ++count;
  }
  collection_.adopt_model();  // last: until then searches are refused, should this stop halfway
  optimize();
  return count;
}

}  // namespace kindred::sql
