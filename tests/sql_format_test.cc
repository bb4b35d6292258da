// Databases that earlier versions wrote: fixtures/<format>/app.db with its folder. Segment files
// are of version 1 in format 2, of version 3 in 2-segment-3.
// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <string>
#include <vector>

#include "tests/support/catch.h"
#include "tests/support/database.h"

using namespace kindred::test;

namespace {

// A copy of a fixture that may be written to.
std::string copied(const ScratchDirectory& scratch, const std::string& format) {
  const std::filesystem::path fixtures = KINDRED_SOURCE_DIR "/tests/fixtures";
  std::filesystem::copy(fixtures / format, scratch.file(format),
                        std::filesystem::copy_options::recursive);
  return scratch.file(format) + "/app.db";
}

// What each fixture holds: ids 1 to 21 but 4, at their id on the first axis, 3 at 100.
void check_content(Database& db) {
  CHECK(db.one("SELECT count(*) FROM items") == "20");
  CHECK(
      db.rows("SELECT rowid, distance FROM knn('items', '[1.9, 0, 0, 1]', 3)") ==
      std::vector<std::string>{"2|0.100000023841858", "1|0.899999976158142", "5|3.09999990463257"});
  CHECK(db.one("SELECT group_concat(id) FROM (SELECT id FROM items WHERE v MATCH '[0, 0, 0, 1]' "
               "AND genre = 'odd' ORDER BY distance DESC LIMIT 2)") == "3,21");
  CHECK(db.one("SELECT vec_to_json(v) FROM items WHERE id = 3") == "[100,0,0,1]");
  db.run("INSERT INTO items(items) VALUES('integrity-check')");
}

}  // namespace

TEST_CASE("databases of every format are read, written and brought up to date", "[sql][format]") {
  const std::string format = GENERATE("1", "2", "2-segment-3");
  INFO("format " << format);
  const ScratchDirectory scratch;
  const std::string path = copied(scratch, format);
  {
    Database db(path);
    check_content(db);
    db.run(
        "INSERT INTO items(id, v, genre) VALUES(4, '[4, 0, 0, 1]', 'even'); "
        "DELETE FROM items WHERE id = 4");
    check_content(db);
    db.run("INSERT INTO items(items) VALUES('optimize')");
    check_content(db);
    CHECK(db.one("SELECT value FROM items_config WHERE key = 'format'") == "2");
    CHECK(db.one("SELECT count(*) FROM items_segments") == "1");
  }
  Database db(path);
  check_content(db);
}
