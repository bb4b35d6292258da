// <name>_log as storage reads it: the rows after what segments hold, in the current snapshot.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "sql/collections/shadow_tables.h"
#include "sql/statement.h"
#include "storage/log/log.h"

namespace kindred::sql {

class LogTable final : public storage::LogReader {
 public:
  // Both outlive it.
  LogTable(sqlite3* db, const ShadowTables& tables) : db_(db), tables_(tables) {}

  // To be told before each use: what the snapshot's manifest says.
  void set_sealed(int64_t cn) noexcept { sealed_ = cn; }

  int64_t sealed() override { return sealed_; }
  storage::LogPoint last() override;
  std::optional<int64_t> nonce_at(int64_t cn) override;
  void read_after(int64_t cn, const std::function<bool(const storage::LogRow&)>& visit) override;

  // The vector of a row; nullopt if there is no such row.
  std::optional<std::string> vector_at(int64_t cn);
  // Adds a row. Hands an error back instead of throwing it.
  std::optional<Error> try_write(const storage::LogRow& row);
  // Removes up to `most` rows that are sealed. Returns their number.
  int64_t remove_sealed(int64_t most);

  // Drops prepared statements: the table has another name.
  void forget_statements();

 private:
  Statement& prepared(Statement& statement, const std::string& before, const std::string& after);

  sqlite3* db_;
  const ShadowTables& tables_;
  int64_t sealed_ = 0;
  Statement last_;
  Statement nonce_at_;
  Statement vector_at_;
  Statement write_;
  Statement remove_;
};

}  // namespace kindred::sql
