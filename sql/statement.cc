// SPDX-License-Identifier: Apache-2.0
#include "sql/statement.h"

namespace kindred::sql {

void check(sqlite3* db, int rc) {
  if (rc != SQLITE_OK) throw Error(rc, sqlite3_errmsg(db));
}

void execute(sqlite3* db, const std::string& sql) {
  if (const std::optional<Error> error = try_execute(db, sql)) throw *error;
}

std::optional<Error> try_execute(sqlite3* db, const std::string& sql) {
  char* message = nullptr;
  const int rc = sqlite3_exec(db, sql.c_str(), nullptr, nullptr, &message);
  if (rc == SQLITE_OK) return std::nullopt;
  const std::unique_ptr<char, void (*)(void*)> owned(message, sqlite3_free);
  return Error(rc, message != nullptr ? message : sqlite3_errstr(rc));
}

std::string quote_identifier(std::string_view name) {
  std::string quoted = "\"";
  for (const char c : name) {
    quoted += c;
    if (c == '"') quoted += c;
  }
  return quoted + '"';
}

void Statement::Finalize::operator()(sqlite3_stmt* stmt) const noexcept {
  sqlite3_finalize(stmt);  // returns the last step's error again, which step() has thrown
}

Statement::Statement(sqlite3* db, const std::string& sql) {
  sqlite3_stmt* stmt = nullptr;
  const int rc = sqlite3_prepare_v3(db, sql.c_str(), static_cast<int>(sql.size()) + 1,
                                    SQLITE_PREPARE_PERSISTENT, &stmt, nullptr);
  stmt_.reset(stmt);
  check(db, rc);
}

namespace {
void check_bind(sqlite3_stmt* stmt, int rc) {
  check(sqlite3_db_handle(stmt), rc);
}
}  // namespace

Statement& Statement::bind(int index, int64_t value) {
  check_bind(get(), sqlite3_bind_int64(get(), index, value));
  return *this;
}

Statement& Statement::bind(int index, double value) {
  check_bind(get(), sqlite3_bind_double(get(), index, value));
  return *this;
}

Statement& Statement::bind(int index, std::string_view text) {
  check_bind(get(), sqlite3_bind_text64(get(), index, text.empty() ? "" : text.data(), text.size(),
                                        SQLITE_STATIC, SQLITE_UTF8));
  return *this;
}

Statement& Statement::bind(int index, sqlite3_value* value) {
  check_bind(get(), sqlite3_bind_value(get(), index, value));
  return *this;
}

Statement& Statement::bind_blob(int index, const void* data, size_t bytes) {
  check_bind(get(), sqlite3_bind_blob64(get(), index, data, bytes, SQLITE_STATIC));
  return *this;
}

Statement& Statement::bind_null(int index) {
  check_bind(get(), sqlite3_bind_null(get(), index));
  return *this;
}

bool Statement::step() {
  const int rc = sqlite3_step(get());
  if (rc == SQLITE_ROW) return true;
  if (rc == SQLITE_DONE) return false;
  const ResetGuard reset(*this);
  throw last_error();
}

// Which constraint failed is told only by the extended code, whatever the connection has
// sqlite3_step() itself return.
Error Statement::last_error() const {
  sqlite3* db = sqlite3_db_handle(get());
  return {sqlite3_extended_errcode(db), sqlite3_errmsg(db)};
}

void Statement::run() {
  if (const std::optional<Error> error = try_run()) throw *error;
}

std::optional<Error> Statement::try_run() {
  const ResetGuard reset(*this);
  int rc;
  do {
    rc = sqlite3_step(get());
  } while (rc == SQLITE_ROW);
  if (rc == SQLITE_DONE) return std::nullopt;
  return last_error();
}

void Statement::reset() noexcept {
  sqlite3_reset(get());  // repeats the last step's error, which step() has thrown
}

int64_t Statement::integer(int column) const noexcept {
  return sqlite3_column_int64(get(), column);
}

double Statement::real(int column) const noexcept {
  return sqlite3_column_double(get(), column);
}

bool Statement::is_null(int column) const noexcept {
  return sqlite3_column_type(get(), column) == SQLITE_NULL;
}

std::string_view Statement::text(int column) const noexcept {
  const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(get(), column));
  const auto size = static_cast<size_t>(sqlite3_column_bytes(get(), column));
  return data == nullptr ? std::string_view() : std::string_view(data, size);
}

std::string_view Statement::blob(int column) const noexcept {
  const auto* data = static_cast<const char*>(sqlite3_column_blob(get(), column));
  const auto size = static_cast<size_t>(sqlite3_column_bytes(get(), column));
  return data == nullptr ? std::string_view() : std::string_view(data, size);
}

sqlite3_value* Statement::value(int column) const noexcept {
  return sqlite3_column_value(get(), column);
}

}  // namespace kindred::sql
