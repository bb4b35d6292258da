// SPDX-License-Identifier: Apache-2.0
#include "tests/support/database.h"

#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <stdexcept>

namespace kindred::test {
namespace {

using StatementPtr = std::unique_ptr<sqlite3_stmt, int (*)(sqlite3_stmt*)>;

std::string hex(const void* data, int size) {
  static const char* digits = "0123456789abcdef";
  std::string out = "x'";
  for (int i = 0; i < size; ++i) {
    const auto byte = static_cast<const unsigned char*>(data)[i];
    out += digits[byte >> 4];
    out += digits[byte & 15];
  }
  return out + "'";
}

std::string cell(sqlite3_stmt* stmt, int i) {
  switch (sqlite3_column_type(stmt, i)) {
    case SQLITE_NULL:
      return "NULL";
    case SQLITE_BLOB:
      return hex(sqlite3_column_blob(stmt, i), sqlite3_column_bytes(stmt, i));
    default:
      return reinterpret_cast<const char*>(sqlite3_column_text(stmt, i));
  }
}

void bind(sqlite3_stmt* stmt, int i, const Database::Parameter& p) {
  using Kind = Database::Parameter::Kind;
  switch (p.kind) {
    case Kind::kBlob:
      sqlite3_bind_blob(stmt, i, p.bytes.data(), static_cast<int>(p.bytes.size()), SQLITE_STATIC);
      break;
    case Kind::kText:
      sqlite3_bind_text(stmt, i, p.bytes.data(), static_cast<int>(p.bytes.size()), SQLITE_STATIC);
      break;
    case Kind::kInteger:
      sqlite3_bind_int64(stmt, i, p.integer);
      break;
    case Kind::kReal:
      sqlite3_bind_double(stmt, i, p.real);
      break;
    case Kind::kNull:
      sqlite3_bind_null(stmt, i);
  }
}

}  // namespace

Database::Database(const std::string& path) {
  sqlite3* db = nullptr;
  const int rc = sqlite3_open_v2(
      path.c_str(), &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_URI, nullptr);
  db_.reset(db);
  if (rc != SQLITE_OK) throw std::runtime_error(sqlite3_errmsg(db));
  sqlite3_enable_load_extension(db, 1);
  char* message = nullptr;
  if (sqlite3_load_extension(db, KINDRED_EXTENSION, nullptr, &message) != SQLITE_OK) {
    const std::string text = message != nullptr ? message : "cannot load the extension";
    sqlite3_free(message);
    throw std::runtime_error(text);
  }
  sqlite3_busy_timeout(db, 5000);
}

void Database::run(const std::string& sql) {
  char* message = nullptr;
  if (sqlite3_exec(handle(), sql.c_str(), nullptr, nullptr, &message) == SQLITE_OK) return;
  const std::string text = message != nullptr ? message : sqlite3_errmsg(handle());
  sqlite3_free(message);
  throw std::runtime_error(text + " in: " + sql.substr(0, 300));
}

std::string Database::error(const std::string& sql) {
  char* message = nullptr;
  const int rc = sqlite3_exec(handle(), sql.c_str(), nullptr, nullptr, &message);
  const std::string text = message != nullptr ? message : "";
  sqlite3_free(message);
  if (rc != SQLITE_OK && text.empty()) return sqlite3_errstr(rc);
  return text;
}

std::vector<std::string> Database::rows(const std::string& sql) {
  return rows(sql, {});
}

std::vector<std::string> Database::rows(const std::string& sql,
                                        const std::vector<Parameter>& parameters) {
  sqlite3_stmt* raw = nullptr;
  const int rc = sqlite3_prepare_v2(handle(), sql.c_str(), -1, &raw, nullptr);
  const StatementPtr stmt(raw, &sqlite3_finalize);
  if (rc != SQLITE_OK) throw std::runtime_error(sqlite3_errmsg(handle()) + (" in: " + sql));
  for (size_t i = 0; i < parameters.size(); ++i) bind(raw, static_cast<int>(i) + 1, parameters[i]);
  std::vector<std::string> out;
  int step;
  while ((step = sqlite3_step(raw)) == SQLITE_ROW) {
    std::string row;
    for (int i = 0; i < sqlite3_column_count(raw); ++i) row += (i > 0 ? "|" : "") + cell(raw, i);
    out.push_back(row);
  }
  if (step != SQLITE_DONE) throw std::runtime_error(sqlite3_errmsg(handle()) + (" in: " + sql));
  return out;
}

std::string Database::one(const std::string& sql) {
  const std::vector<std::string> all = rows(sql);
  return all.empty() ? "" : all.front();
}

void copy_by_backup_api(Database& from, Database& into) {
  sqlite3_backup* backup = sqlite3_backup_init(into.handle(), "main", from.handle(), "main");
  if (backup == nullptr) throw std::runtime_error(sqlite3_errmsg(into.handle()));
  const int stepped = sqlite3_backup_step(backup, -1);
  if (sqlite3_backup_finish(backup) != SQLITE_OK || stepped != SQLITE_DONE)
    throw std::runtime_error("backup: " + std::to_string(stepped));
}

Database::Parameter blob(const std::vector<float>& v) {
  return {Database::Parameter::Kind::kBlob,
          std::string(reinterpret_cast<const char*>(v.data()), v.size() * sizeof(float))};
}

Database::Parameter text(std::string s) {
  return {Database::Parameter::Kind::kText, std::move(s)};
}

Database::Parameter integer(int64_t i) {
  return {Database::Parameter::Kind::kInteger, "", i};
}

Database::Parameter real(double d) {
  return {Database::Parameter::Kind::kReal, "", 0, d};
}

}  // namespace kindred::test
