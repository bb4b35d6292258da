// SPDX-License-Identifier: Apache-2.0
#include "sql/collection_commands.h"

#include <algorithm>

#include "sql/boundary.h"
#include "storage/error.h"

namespace kindred::sql {
namespace {

// Each row with a vector has its put in the log, and the log's newest row of an id says the same.
void check_integrity(Collection& collection) {
  const std::string& rows = collection.tables().rows();
  const std::string& log = collection.tables().log();
  const auto fail = [&](const std::string& what) {
    throw storage::StorageError(storage::Fault::kCorrupt, collection.name() + ": " + what);
  };
  Statement lost(collection.db(), "SELECT r.id, r.cn FROM " + rows + " AS r LEFT JOIN " + log +
                                      " AS l ON l.cn = r.cn AND l.id = r.id AND l.op = 1 "
                                      "WHERE r.cn IS NOT NULL AND l.cn IS NULL");
  if (lost.step())
    fail("row " + std::to_string(lost.integer(0)) + " has no vector in the log at " +
         std::to_string(lost.integer(1)));
  Statement stray(collection.db(), "SELECT l.id, l.cn FROM (SELECT id, max(cn) AS cn, op FROM " +
                                       log + " WHERE op <> 3 GROUP BY id) AS l LEFT JOIN " + rows +
                                       " AS r ON r.id = l.id WHERE l.op = 1 AND r.cn IS NOT l.cn "
                                       "OR l.op = 2 AND r.cn IS NOT NULL");
  if (stray.step())
    fail("the log's newest row of id " + std::to_string(stray.integer(0)) + ", " +
         std::to_string(stray.integer(1)) + ", is not the row's own");
  const std::string name = collection.name() + "_log";
  collection.read_after(0, [&](const storage::LogRow& row) {
    storage::verify(collection.vectors(), name, row);
    return true;
  });
}

}  // namespace

void run_command(Collection& collection, CollectionWriter& writer, sqlite3_value* command,
                 Values columns) {
  if (!std::all_of(columns.begin(), columns.end(), [](sqlite3_value* v) { return is_null(v); }))
    throw Error(SQLITE_ERROR, collection.name() + ": a command takes no values of columns");
  const std::string name(sqlite3_value_type(command) == SQLITE_TEXT ? text_of(command) : "");
  if (name == "optimize") {
    writer.compact();
  } else if (name == "rebuild") {
    writer.rebuild();
  } else if (name == "integrity-check") {
    check_integrity(collection);
  } else {
    throw Error(SQLITE_ERROR, collection.name() +
                                  ": optimize, rebuild or integrity-check is wanted as a command, "
                                  "got " +
                                  describe(command));
  }
}

}  // namespace kindred::sql
