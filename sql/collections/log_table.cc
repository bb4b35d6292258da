// SPDX-License-Identifier: Apache-2.0
#include "sql/collections/log_table.h"

namespace kindred::sql {

Statement& LogTable::prepared(Statement& statement, const std::string& before,
                              const std::string& after) {
  if (!statement) statement = Statement(db_, before + tables_.log() + after);
  return statement;
}

storage::LogPoint LogTable::last() {
  Statement& last = prepared(last_, "SELECT cn, nonce FROM ", " ORDER BY cn DESC LIMIT 1");
  const ResetGuard reset(last);
  if (!last.step() || last.integer(0) <= sealed_) return {sealed_, 0};
  return {last.integer(0), last.integer(1)};
}

std::optional<int64_t> LogTable::nonce_at(int64_t cn) {
  Statement& nonce = prepared(nonce_at_, "SELECT nonce FROM ", " WHERE cn = ?1");
  const ResetGuard reset(nonce);
  if (!nonce.bind(1, cn).step()) return std::nullopt;
  return nonce.integer(0);
}

void LogTable::read_after(int64_t cn, const std::function<bool(const storage::LogRow&)>& visit) {
  Statement rows(
      db_, "SELECT cn, nonce, id, op, vector FROM " + tables_.log() + " WHERE cn > ?1 ORDER BY cn");
  rows.bind(1, cn);
  while (rows.step()) {
    const storage::LogRow row{rows.integer(0), rows.integer(1), rows.integer(2), rows.integer(3),
                              rows.blob(4)};
    if (!visit(row)) return;
  }
}

std::optional<std::string> LogTable::vector_at(int64_t cn) {
  Statement& vector = prepared(vector_at_, "SELECT vector FROM ", " WHERE cn = ?1");
  const ResetGuard reset(vector);
  if (!vector.bind(1, cn).step()) return std::nullopt;
  return std::string(vector.blob(0));
}

std::optional<Error> LogTable::try_write(const storage::LogRow& row) {
  Statement& insert =
      prepared(write_, "INSERT INTO ", "(cn, nonce, id, op, vector) VALUES(?1, ?2, ?3, ?4, ?5)");
  insert.bind(1, row.cn).bind(2, row.nonce).bind(3, row.id).bind(4, row.op);
  is(row, storage::Op::kPut) ? insert.bind_blob(5, row.vector.data(), row.vector.size())
                             : insert.bind_null(5);
  return insert.try_run();
}

int64_t LogTable::remove_sealed(int64_t most) {
  Statement& remove = prepared(remove_, "DELETE FROM ",
                               " WHERE cn <= (SELECT max(cn) FROM (SELECT cn FROM " +
                                   tables_.log() + " WHERE cn <= ?1 ORDER BY cn LIMIT ?2))");
  remove.bind(1, sealed_).bind(2, most).run();
  return sqlite3_changes64(db_);
}

void LogTable::forget_statements() {
  for (Statement* s : {&last_, &nonce_at_, &vector_at_, &write_, &remove_}) *s = Statement();
}

}  // namespace kindred::sql
