// SPDX-License-Identifier: Apache-2.0
#include "sql/info_functions.h"

#include <string>
#include <utility>

#include "math/kernels.h"
#include "math/xsimd_version.h"
#include "sql/value.h"
#include "storage/rocksdb/versions.h"

namespace kindred::sql {
namespace {

void version(const Call& call) {
  result_text(call.context, KINDRED_VERSION);
}

// Versions and names are plain ASCII without quotes, so they need no escapes.
void info(const Call& call) {
  const std::pair<const char*, std::string> entries[] = {
      {"kindred", KINDRED_VERSION},
      {"sqlite", sqlite3_libversion()},
      {"rocksdb", storage::rocksdb_version()},
      {"hnswlib", storage::hnswlib_version()},
      {"xsimd", math::xsimd_version()},
      {"isa", math::active().name},
  };
  std::string json;
  for (const auto& [key, value] : entries)
    json += (json.empty() ? "{\"" : ",\"") + std::string(key) + "\":\"" + value + "\"";
  result_text(call.context, json + "}");
  sqlite3_result_subtype(call.context, kSubtypeJson);
}

// Not deterministic: another build or machine answers otherwise.
constexpr Function kFunctions[] = {
    {"kindred_version", 0, SQLITE_INNOCUOUS, scalar<version>},
    {"kindred_info", 0, SQLITE_INNOCUOUS | kResultSubtype, scalar<info>},
};

}  // namespace

std::span<const Function> info_functions() noexcept {
  return kFunctions;
}

}  // namespace kindred::sql
