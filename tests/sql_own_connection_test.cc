// Hosts that have all connections of a process share one cache: kindred's own stay apart.
// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/support/catch.h"
#include "tests/support/sql_functions.h"

using namespace kindred::test;
namespace fs = std::filesystem;

namespace {

// What sqlite3_enable_shared_cache() turns on for every connection that is opened after it.
struct SharedCache {
  SharedCache() { sqlite3_enable_shared_cache(1); }
  ~SharedCache() { sqlite3_enable_shared_cache(0); }
  SharedCache(const SharedCache&) = delete;
  SharedCache& operator=(const SharedCache&) = delete;
};

std::vector<fs::path> segment_files(const std::string& database) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(database + "-kindred/segments"))
    if (entry.path().extension() == ".kin") files.push_back(entry.path());
  return files;
}

// A collection of two segments.
void fill(Database& db, const std::string& journal) {
  db.run("PRAGMA journal_mode=" + journal);
  db.run("CREATE VIRTUAL TABLE items USING kindred(v float[1] distance_metric=l2)");
  db.run("INSERT INTO items(items) VALUES('seal=10')");
  for (int i = 0; i < 2; ++i)
    db.run("BEGIN; INSERT INTO items SELECT json_array(i) FROM " + numbers(50) + "; COMMIT");
  REQUIRE(db.one("SELECT count(*) FROM items_segments") == "2");
}

}  // namespace

TEST_CASE("optimize gives space back at once where connections share a cache", "[sql][files]") {
  const SharedCache shared;
  const ScratchDirectory scratch;
  Database db(scratch.file("app.db"));
  fill(db, GENERATE(as<std::string>(), "DELETE", "WAL"));
  db.run("INSERT INTO items(items) VALUES('optimize')");
  CHECK(segment_files(scratch.file("app.db")).size() == 1);
  CHECK(db.one("SELECT count(*) FROM knn('items', '[1]')") == "100");
}

TEST_CASE("an INSERT sweeps where connections share a cache", "[sql][files]") {
  const SharedCache shared;
  const ScratchDirectory scratch;
  Database db(scratch.file("app.db"));
  fill(db, GENERATE(as<std::string>(), "DELETE", "WAL"));
  for (const fs::path& file : segment_files(scratch.file("app.db")))
    fs::last_write_time(file, fs::file_time_type::clock::now() - std::chrono::minutes(5));
  Database other(scratch.file("app.db"));
  db.run("DROP TABLE items; CREATE VIRTUAL TABLE others USING kindred(v float[1])");
  db.run("INSERT INTO others VALUES('[1]')");
  CHECK(segment_files(scratch.file("app.db")).empty());
}

TEST_CASE("a segment's file is written anew where connections share a cache", "[sql][files]") {
  const SharedCache shared;
  const ScratchDirectory scratch;
  {
    Database db(scratch.file("app.db"));
    fill(db, "DELETE");
  }
  fs::remove(segment_files(scratch.file("app.db")).at(0));
  Database db(scratch.file("app.db"));
  CHECK(db.one("SELECT count(*) FROM knn('items', '[1]')") == "100");
}

TEST_CASE("kindred_backup copies where connections share a cache", "[sql][files]") {
  const SharedCache shared;
  const ScratchDirectory scratch;
  Database db(scratch.file("app.db"));
  fill(db, "DELETE");
  db.run("SELECT kindred_backup('" + scratch.file("copy.db") + "')");
  Database copy(scratch.file("copy.db"));
  CHECK(copy.one("SELECT count(*) FROM knn('items', '[1]')") == "100");
}
