// SPDX-License-Identifier: Apache-2.0
#include "sql/tables/collection_commands.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <optional>
#include <string_view>

#include "sql/boundary.h"
#include "sql/collections/integrity_check.h"
#include "sql/search/recall.h"

namespace kindred::sql {
namespace {

// The number of "seal=500" where `key` is "seal=".
std::optional<int64_t> setting(std::string_view command, std::string_view key) {
  if (command.substr(0, key.size()) != key) return std::nullopt;
  const std::string_view number = command.substr(key.size());
  int64_t value = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
  if (error != std::errc() || end != number.data() + number.size() || value < 1)
    return std::nullopt;
  return value;
}

// To be read from the configuration: an INSERT yields no rows.
void report_recall(Collection& collection) {
  char text[16];
  std::snprintf(text, sizeof text, "%.4f", measure_recall(collection));
  collection.tables().set(kConfigRecall, std::string_view(text));
}

}  // namespace

void run_command(Collection& collection, CollectionWriter& writer, sqlite3_value* command,
                 Values columns) {
  if (!std::all_of(columns.begin(), columns.end(), [](sqlite3_value* v) { return is_null(v); }))
    throw Error(SQLITE_ERROR, collection.name() + ": a command takes no values of columns");
  const std::string name(sqlite3_value_type(command) == SQLITE_TEXT ? text_of(command) : "");
  if (name != "rebuild") collection.require_writable();
  if (name == "optimize") {
    writer.optimize();
  } else if (name == "rebuild") {
    writer.rebuild();
  } else if (name == "integrity-check") {
    check_integrity(collection);
  } else if (name == "recall") {
    report_recall(collection);
  } else if (const std::optional<int64_t> rows = setting(name, "seal=")) {
    collection.tables().set(kConfigSeal, *rows);
  } else if (const std::optional<int64_t> ef = setting(name, "ef=")) {
    collection.tables().set(kConfigEf, *ef);
  } else if (name == "seal=default") {
    collection.tables().unset(kConfigSeal);
  } else if (name == "ef=default") {
    collection.tables().unset(kConfigEf);
  } else {
    throw Error(SQLITE_ERROR,
                collection.name() +
                    ": optimize, rebuild, integrity-check, recall, ef=<rows>, ef=default, "
                    "seal=<rows> or seal=default is wanted as a command, got " +
                    describe(command));
  }
}

}  // namespace kindred::sql
