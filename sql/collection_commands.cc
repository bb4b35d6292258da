// SPDX-License-Identifier: Apache-2.0
#include "sql/collection_commands.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>

#include "sql/boundary.h"
#include "sql/integrity_check.h"

namespace kindred::sql {
namespace {

// The number of "seal=500".
std::optional<int64_t> seal_rows(std::string_view command) {
  constexpr std::string_view kSetting = "seal=";
  if (command.substr(0, kSetting.size()) != kSetting) return std::nullopt;
  const std::string_view number = command.substr(kSetting.size());
  int64_t rows = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), rows);
  if (error != std::errc() || end != number.data() + number.size() || rows < 1) return std::nullopt;
  return rows;
}

}  // namespace

void run_command(Collection& collection, CollectionWriter& writer, sqlite3_value* command,
                 Values columns) {
  if (!std::all_of(columns.begin(), columns.end(), [](sqlite3_value* v) { return is_null(v); }))
    throw Error(SQLITE_ERROR, collection.name() + ": a command takes no values of columns");
  const std::string name(sqlite3_value_type(command) == SQLITE_TEXT ? text_of(command) : "");
  if (name == "optimize") {
    writer.optimize();
  } else if (name == "rebuild") {
    writer.rebuild();
  } else if (name == "integrity-check") {
    check_integrity(collection);
  } else if (const std::optional<int64_t> rows = seal_rows(name)) {
    collection.tables().set(kConfigSeal, *rows);
  } else {
    throw Error(SQLITE_ERROR, collection.name() +
                                  ": optimize, rebuild, integrity-check or seal=<rows> is wanted "
                                  "as a command, got " +
                                  describe(command));
  }
}

}  // namespace kindred::sql
