// SPDX-License-Identifier: Apache-2.0
#include "sql/store_access.h"

#include <chrono>
#include <utility>

#include "sql/boundary.h"
#include "sql/statement.h"

namespace kindred::sql {

std::shared_ptr<storage::Store> store_if_free(const storage::SegmentFolder& folder) {
  std::shared_ptr<storage::Store> store = storage::shared_store_if_free(folder.store());
  if (!store) return store;
  storage::Store* const borrowed = store.get();
  return {borrowed, [store = std::move(store)](storage::Store*) mutable {
            store.reset();
            storage::close_idle_stores(std::chrono::seconds(0));
          }};
}

std::shared_ptr<storage::Store> wait_for_store(sqlite3* db, const storage::SegmentFolder& folder) {
  if (storage::Store::is_forked()) return storage::shared_store(folder.store());  // says so
  constexpr int kPause = 5;  // milliseconds: others have it for tens of them
  Statement timeout(db, "PRAGMA busy_timeout");
  int64_t left = timeout.step() ? timeout.integer(0) : 0;
  timeout.reset();
  InterruptCheck stop_if_interrupted(db);
  for (;; left -= kPause) {
    if (std::shared_ptr<storage::Store> store = store_if_free(folder)) return store;
    if (left <= 0)
      throw Error(SQLITE_BUSY, "store " + folder.store() + ": another process has it open");
    stop_if_interrupted();
    sqlite3_sleep(kPause);
  }
}

}  // namespace kindred::sql
