// The folder of a database's segments: how it is made.
// SPDX-License-Identifier: Apache-2.0
#include "storage/segment_folder.h"

#include <filesystem>

#include "tests/support/catch.h"
#include "tests/support/files.h"

using namespace kindred;
namespace fs = std::filesystem;

TEST_CASE("the folder of a database with a relative path is made where paths begin", "[folder]") {
  const test::ScratchDirectory scratch;
  const fs::path before = fs::current_path();
  fs::current_path(scratch.path());
  CHECK_NOTHROW(storage::SegmentFolder("app.db").create());
  fs::current_path(before);
  CHECK(fs::is_directory(scratch.file("app.db-kindred/segments")));
}
