// SPDX-License-Identifier: Apache-2.0
#include "tests/support/host_sqlite.h"

#include <sqlite3ext.h>

#undef sqlite3_auto_extension  // SQLite's own

extern "C" {
SQLITE_EXTENSION_INIT1

static int bind_sqlite(sqlite3*, char**, const sqlite3_api_routines* api) {
  SQLITE_EXTENSION_INIT2(api);
  return SQLITE_OK;
}
}

namespace kindred::test {

void use_host_sqlite() {
  sqlite3_auto_extension(reinterpret_cast<void (*)()>(&bind_sqlite));
}

}  // namespace kindred::test
