// The folder of a database's segments: how it is made.
// SPDX-License-Identifier: Apache-2.0
#include "storage/segments/segment_folder.h"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "storage/file.h"
#include "tests/support/catch.h"
#include "tests/support/files.h"

using namespace kindred;
namespace fs = std::filesystem;

namespace {

// A umask of its own, as tests are run under any.
struct Umask {
  explicit Umask(mode_t mask) : before(::umask(mask)) {}
  ~Umask() { ::umask(before); }
  Umask(const Umask&) = delete;
  Umask& operator=(const Umask&) = delete;
  const mode_t before;
};

int permissions(const std::string& path) {
  return static_cast<int>(fs::status(path).permissions());
}

}  // namespace

TEST_CASE("the folder of a database with a relative path is made where paths begin", "[folder]") {
  const test::ScratchDirectory scratch;
  const fs::path before = fs::current_path();
  fs::current_path(scratch.path());
  CHECK_NOTHROW(storage::SegmentFolder("app.db").create());
  fs::current_path(before);
  CHECK(fs::is_directory(scratch.file("app.db-kindred/segments")));
}

TEST_CASE("the folder and its files are for those who may use the database", "[folder]") {
  const Umask umask(022);
  const test::ScratchDirectory scratch;
  const std::string database = scratch.file("app.db");
  const auto check = [&](int of_database, int of_folders, int of_files) {
    const std::string name = database + "." + std::to_string(of_database);
    std::ofstream(name).put('x');
    fs::permissions(name, static_cast<fs::perms>(of_database));
    const storage::SegmentFolder folder(name);
    folder.create();
    CHECK(permissions(folder.path()) == of_folders);
    CHECK(permissions(folder.segments()) == of_folders);
    const storage::File file(folder.file(1), storage::File::Mode::kCreate);
    CHECK(permissions(folder.file(1)) == of_files);
  };
  check(0600, 0700, 0600);
  check(0640, 0750, 0640);
  check(0644, 0755, 0644);
  check(0660, 0770, 0660);
  check(0666, 0777, 0666);
  check(0444, 0755, 0644);  // the owner may do all
}

TEST_CASE("a folder without a database, as of a backup, is as the system makes it", "[folder]") {
  const Umask umask(027);
  const test::ScratchDirectory scratch;
  const storage::SegmentFolder folder(scratch.file("app.db"));
  folder.create();
  CHECK(permissions(folder.segments()) == 0750);
  CHECK_NOTHROW(folder.create());
}
