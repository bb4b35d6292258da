// Databases in memory that SQLite gives a name: they have no file all the same.
// SPDX-License-Identifier: Apache-2.0
#include "sql/database_file.h"

#include <filesystem>
#include <string>
#include <utility>

#include "sql/models/model_storage.h"
#include "tests/support/catch.h"
#include "tests/support/host_sqlite.h"
#include "tests/support/sql_functions.h"

using namespace kindred;
using namespace kindred::test;
namespace fs = std::filesystem;

namespace {

// Where paths without a folder begin, for as long as it lives.
struct WorkingFolder {
  explicit WorkingFolder(const std::string& path) { fs::current_path(path); }
  ~WorkingFolder() { fs::current_path(before); }
  WorkingFolder(const WorkingFolder&) = delete;
  WorkingFolder& operator=(const WorkingFolder&) = delete;
  const fs::path before = fs::current_path();
};

// The database's bytes, as sqlite3_deserialize() may own them.
std::pair<unsigned char*, sqlite3_int64> serialized(Database& db) {
  sqlite3_int64 size = 0;
  unsigned char* bytes = sqlite3_serialize(db.handle(), "main", &size, 0);
  REQUIRE(bytes != nullptr);
  return {bytes, size};
}

void deserialize(Database& db, std::pair<unsigned char*, sqlite3_int64> image) {
  const auto [bytes, size] = image;
  REQUIRE(sqlite3_deserialize(db.handle(), "main", bytes, size, size,
                              SQLITE_DESERIALIZE_FREEONCLOSE | SQLITE_DESERIALIZE_RESIZEABLE) ==
          SQLITE_OK);
}

// Fills a collection past its seal, several times.
void fill(Database& db, const std::string& schema = "main") {
  const std::string items = schema + ".items";
  db.run("CREATE VIRTUAL TABLE " + items + " USING kindred(v float[1] distance_metric=l2)");
  db.run("INSERT INTO " + items + "(items) VALUES('seal=10')");
  for (int i = 0; i < 3; ++i)
    db.run("INSERT INTO " + items + " SELECT json_array(i) FROM " + numbers(50));
  db.run("INSERT INTO " + items + "(items) VALUES('optimize'), ('integrity-check')");
}

void check_all_inside(Database& db, const std::string& schema = "main") {
  CHECK(db.one("SELECT count(*) FROM " + schema + ".items_segments") == "0");
  CHECK(db.one("SELECT count(*) FROM knn('" + schema + ".items', '[1]')") == "150");
  CHECK(sql::database_file(db.handle(), schema.c_str()) == std::string());
}

}  // namespace

TEST_CASE("a database in memory that has a name keeps its vectors in itself", "[sql][files]") {
  const ScratchDirectory scratch;
  const WorkingFolder here(scratch.path());
  use_host_sqlite();
  const std::string named = "file:" + scratch.file("x") + "?vfs=memdb";
  SECTION("by the VFS memdb") {
    Database db(named);
    fill(db);
    check_all_inside(db);
    CHECK(sql::main_database(db.handle()).empty());
    Database other(named);
    check_all_inside(other);
    other.run("INSERT INTO items(rowid, v) VALUES(1000, '[-1]')");
    CHECK(db.one("SELECT rowid FROM knn('items', '[-1]', 1)") == "1000");
  }
  SECTION("attached") {
    Database db(scratch.file("app.db"));
    db.run("ATTACH '" + named + "' AS m");
    fill(db, "m");
    check_all_inside(db, "m");
  }
  SECTION("from sqlite3_deserialize()") {
    Database empty;
    empty.run("CREATE TABLE t(x)");
    Database db;
    deserialize(db, serialized(empty));
    fill(db);
    check_all_inside(db);
    Database again;
    deserialize(again, serialized(db));
    check_all_inside(again);
  }
  for (const auto& entry : fs::directory_iterator(scratch.path()))
    CHECK(entry.path().extension() == ".db");
}

TEST_CASE("a database's file is the path that SQLite has resolved", "[sql][files]") {
  use_host_sqlite();
  const ScratchDirectory scratch;
  const WorkingFolder here(scratch.path());
  Database db("app.db");
  db.run("CREATE TABLE t(x); ATTACH 'other.db' AS other; CREATE TEMP TABLE u(x)");
  const auto file = [&](const char* schema) {
    return std::string(sql::database_file(db.handle(), schema));
  };
  CHECK(fs::path(file("main")) == fs::canonical(scratch.file("app.db")));
  CHECK(fs::path(file("other")).filename() == "other.db");
  CHECK(file("temp").empty());
  CHECK(file("unknown").empty());
  CHECK(sql::main_database(db.handle()) == file("main"));
}

TEST_CASE("only who may read the database may read its vectors", "[sql][files]") {
  const ScratchDirectory scratch;
  const std::string path = scratch.file("app.db");
  const std::string folder = path + "-kindred";
  Database db(path);
  fs::permissions(path, fs::perms::owner_read | fs::perms::owner_write);
  db.run(
      "CREATE VIRTUAL TABLE items USING kindred(v float[2] distance_metric=l2);"
      "INSERT INTO items SELECT json_array(i, -i) FROM " +
      numbers(10000) + "; INSERT INTO items(items) VALUES('optimize')");
  int graphs = 0;
  for (const auto& file : fs::directory_iterator(folder + "/segments")) {
    CHECK(file.status().permissions() == (fs::perms::owner_read | fs::perms::owner_write));
    graphs += file.path().extension() == ".graph" ? 1 : 0;
  }
  CHECK(graphs == 1);
  for (const char* part : {"", "/segments", "/rocksdb"})
    CHECK(fs::status(folder + part).permissions() == fs::perms::owner_all);
}
