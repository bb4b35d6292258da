// SPDX-License-Identifier: Apache-2.0
#include "sql/database_file.h"

#include <string_view>

namespace kindred::sql {
namespace {

// Of sqlite3_deserialize() and vfs=memdb: these have a name, which is no file's.
bool is_in_memory(sqlite3* db, const char* schema) noexcept {
  sqlite3_vfs* vfs = nullptr;
  const int rc = sqlite3_file_control(db, schema, SQLITE_FCNTL_VFS_POINTER, &vfs);
  return rc == SQLITE_OK && vfs != nullptr && std::string_view(vfs->zName) == "memdb";
}

}  // namespace

const char* database_file(sqlite3* db, const char* schema) noexcept {
  const char* path = sqlite3_db_filename(db, schema);
  return path == nullptr || is_in_memory(db, schema) ? "" : path;
}

}  // namespace kindred::sql
