// Statements whose allocations fail, each in turn: an error at most, and the next one works.
// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <filesystem>
#include <string>

#include "tests/support/catch.h"
#include "tests/support/database.h"
#include "tests/support/failing_calls.h"
#include "tests/support/model_files.h"

using namespace kindred::test;
namespace fs = std::filesystem;

namespace {

// Of the allocations that keep a model, some hundreds, one in so many: all of them take two
// minutes.
constexpr int64_t kEach = 11;

// Runs `sql` with the extension's `at`-th allocation failing. Whether it made as many; what is left
// open of a transaction is rolled back. `watched` is no file.
bool run_without_memory(Database& db, const std::string& watched, const std::string& sql,
                        int64_t at) {
  watch_calls({watched, Failure::kNoMemory, at, ""});
  db.error(sql);
  if (sqlite3_get_autocommit(db.handle()) == 0) db.error("ROLLBACK");
  const bool reached = has_failed();
  lift_failure();
  return reached;
}

size_t count_files(const std::string& folder) {
  size_t count = 0;
  for ([[maybe_unused]] const auto& entry : fs::directory_iterator(folder)) ++count;
  return count;
}

// Long enough ago for the sweep.
void make_old(const std::string& folder) {
  for (const auto& entry : fs::directory_iterator(folder))
    fs::last_write_time(entry.path(), fs::file_time_type::clock::now() - std::chrono::hours(1));
}

}  // namespace

TEST_CASE("a change that found no memory can be made the next time", "[sql][memory]") {
  const ScratchDirectory scratch;
  const std::string change =
      GENERATE("UPDATE OR IGNORE items SET key = 'b' WHERE rowid = 1",
               "INSERT OR IGNORE INTO items(key, v) VALUES('b', '[3, 3]')",
               "INSERT OR REPLACE INTO items(key, v) VALUES('b', '[3, 3]')",
               "UPDATE items SET v = '[4, 4]' WHERE rowid = 1", "DELETE FROM items WHERE rowid = 1",
               "SELECT rowid FROM knn('items', '[1, 1]', 1)");
  CAPTURE(change);
  int64_t at = 1;
  for (bool reached = true; reached; ++at) {
    CAPTURE(at);
    Database db;
    db.run(
        "CREATE VIRTUAL TABLE items USING kindred(key TEXT PRIMARY KEY, v float[2]);"
        "INSERT INTO items(key, v) VALUES('a', '[1, 1]'), ('b', '[2, 2]')");
    reached = run_without_memory(db, scratch.file("watched"), change, at);
    REQUIRE(db.error(change).empty());
    REQUIRE(db.error("INSERT INTO items(items) VALUES('integrity-check')").empty());
  }
  CHECK(at > 3);
}

TEST_CASE("a model that found no memory can be kept the next time and leaves no files behind",
          "[sql][memory]") {
  const ScratchDirectory scratch;
  const std::string path = scratch.file("app.db");
  const std::string source = scratch.file("words.vec");
  write_file(source, "3 2\none 1 0\ntwo 0 1\nthree 1 1\n");
  const std::string insert =
      "INSERT OR REPLACE INTO kindred_models(name, source) VALUES('mine', '" + source + "')";
  const std::string changes[] = {insert, "BEGIN;" + insert + ";SELECT embed('one', 'mine');COMMIT",
                                 "BEGIN;" + insert + ";ROLLBACK",
                                 "DELETE FROM kindred_models WHERE name = 'mine'"};
  const std::string change = changes[GENERATE(0, 1, 2, 3)];
  CAPTURE(change);
  Database db(path);
  db.run(insert);
  int64_t at = 1;
  for (bool reached = true; reached; at += kEach) {
    CAPTURE(at);
    reached = run_without_memory(db, scratch.file("watched"), change, at);
    REQUIRE(db.error(change).empty());
    REQUIRE(db.error(insert).empty());
    REQUIRE(db.one("SELECT embed('one', 'mine') = embed('one', 'mine')") == "1");
  }
  CHECK(at > 10);
  db.run("BEGIN;" + insert + ";ROLLBACK");  // the next transaction sweeps
  make_old(path + "-kindred/segments");
  db.run("INSERT INTO kindred_models(name, source) VALUES('other', '" + source + "')");
  const std::string named =
      "SELECT count(pack_segment) + count(rows_segment) FROM kindred_registry";
  CHECK(std::to_string(count_files(path + "-kindred/segments")) == db.one(named));
}

TEST_CASE("a search that found no memory hides no row once its changes are taken back",
          "[sql][memory]") {
  const ScratchDirectory scratch;
  Database db(scratch.file("app.db"));
  db.run(
      "CREATE VIRTUAL TABLE items USING kindred(key TEXT PRIMARY KEY, v float[2]);"
      "INSERT INTO items(key, v) VALUES('a', '[1, 1]'), ('b', '[2, 2]'), ('c', '[3, 1]');"
      "INSERT INTO items(items) VALUES('optimize')");
  const std::string search = "SELECT group_concat(rowid) FROM knn('items', '[1, 1]', 10)";
  const std::string undone = GENERATE("DELETE FROM items WHERE rowid = 1",
                                      "UPDATE items SET v = '[9, 1]' WHERE rowid = 1");
  CAPTURE(undone);
  int64_t at = 1;
  for (bool reached = true; reached; ++at) {
    CAPTURE(at);
    db.run("BEGIN; SAVEPOINT s;" + undone);
    watch_calls({scratch.file("watched"), Failure::kNoMemory, at, ""});
    db.error(search);
    reached = has_failed();
    lift_failure();
    db.run(sqlite3_get_autocommit(db.handle()) != 0 ? "BEGIN" : "ROLLBACK TO s");
    db.run("INSERT INTO items(rowid, key, v) VALUES(99, 'z', '[5, 1]')");
    const std::string found =
        db.one("SELECT count(*) FROM knn('items', '[1, 1]', 10) WHERE rowid = 1");
    db.run("ROLLBACK");
    REQUIRE(found == "1");
  }
  CHECK(at > 10);
}
