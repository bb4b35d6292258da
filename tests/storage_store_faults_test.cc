// A store whose system calls fail, each in turn.
// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <filesystem>
#include <optional>
#include <string>

#include "storage/error.h"
#include "storage/rocksdb/store.h"
#include "tests/support/catch.h"
#include "tests/support/failing_calls.h"

namespace fs = std::filesystem;
using namespace kindred::test;
using kindred::storage::SegmentIngest;
using kindred::storage::StorageError;
using kindred::storage::Store;

namespace {

struct Scratch {
  fs::path path =
      fs::temp_directory_path() / ("kindred-store-faults-" + std::to_string(::getpid()));
  Scratch() { fs::create_directories(path); }
  ~Scratch() { fs::remove_all(path); }
};

void ingest(Store& store, int64_t segment, int64_t rows) {
  SegmentIngest into = store.ingest(segment);
  for (int64_t id = 1; id <= rows; ++id) into.add(id, "12345678");
  into.finish();
}

// Adds a segment and deletes one while a call fails. Whether that many calls were made.
bool change_with_failure(const fs::path& folder, Failure failure, int64_t at) {
  watch_calls({(folder / "app.db").string(), failure, at, ""});
  try {
    Store store((folder / "store").string());
    ingest(store, 2, 5);
    store.delete_segment(1);
  } catch (const StorageError&) {
    // What was to be shown is what is there afterwards.
  }
  const bool reached = has_failed();
  lift_failure();
  return reached;
}

}  // namespace

TEST_CASE("a store opens after any of its calls has failed, segments whole or missing",
          "[storage][store]") {
  const Failure failure = GENERATE(Failure::kError, Failure::kFull, Failure::kShort);
  const Scratch scratch;
  const std::string folder = (scratch.path / "store").string();
  bool reached = true;
  for (int64_t at = 1; reached; ++at) {
    fs::remove_all(folder);
    {
      Store store(folder);
      ingest(store, 1, 3);
      ingest(store, 3, 4);
    }
    reached = change_with_failure(scratch.path, failure, at);
    INFO("call " << at << ", failure " << static_cast<int>(failure));
    std::optional<Store> store;
    REQUIRE_NOTHROW(store.emplace(folder));
    CHECK(store->count(3) == 4);
    CHECK(store->count(1).value_or(3) == 3);
    CHECK(store->count(2).value_or(5) == 5);
    REQUIRE_NOTHROW(ingest(*store, 4, 6));
    CHECK(store->count(4) == 6);
  }
}
