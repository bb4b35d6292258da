// Databases that were copied without the folder that has their vectors: whoever writes to one is
// told at once, whoever reads ordinary columns can save them.
// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <fstream>
#include <string>

#include "tests/support/catch.h"
#include "tests/support/sql_functions.h"

using namespace kindred::test;

namespace {

const std::string kKnn = "SELECT rowid FROM knn('items', '[1,2]')";

// Two rows in a segment, one in the log.
void fill(Database& db) {
  db.run(
      "CREATE VIRTUAL TABLE items USING kindred(v float[2] distance_metric=l2, m TEXT);"
      "INSERT INTO items(rowid, v, m) VALUES(1, '[1,1]', 'a'), (2, '[2,2]', 'b');"
      "INSERT INTO items(items) VALUES('optimize');"
      "INSERT INTO items(rowid, v, m) VALUES(3, '[3,3]', 'c')");
}

void copy_by_backup_api(Database& from, const std::string& to) {
  Database copy(to);
  kindred::test::copy_by_backup_api(from, copy);
}

// A copy without its folder.
std::string copy_alone(const ScratchDirectory& scratch, const std::string& how) {
  const std::string path = scratch.file("app.db");
  const std::string copy = scratch.file("copy.db");
  Database db(path);
  fill(db);
  if (how == "VACUUM INTO") db.run("VACUUM INTO '" + copy + "'");
  if (how == "backup") copy_by_backup_api(db, copy);
  if (how == "cp") std::filesystem::copy_file(path, copy);
  return copy;
}

// An error that says what is missing and how to mend it.
void check_told(Database& db, const std::string& sql) {
  INFO(sql);
  check_error(db, sql,
              {"items: ", "copy.db-kindred", "copied without", "copy the folder along",
               "kindred_backup()"});
}

const std::initializer_list<std::string> kWrites = {
    "INSERT INTO items(v, m) VALUES('[4,4]', 'd')",
    "UPDATE items SET m = 'x' WHERE rowid = 1",
    "UPDATE items SET v = '[5,5]' WHERE rowid = 3",
    "DELETE FROM items WHERE rowid = 3",
    "DELETE FROM items",
    "INSERT INTO items(items) VALUES('optimize')",
    "INSERT INTO items(items) VALUES('integrity-check')",
    "INSERT INTO items(items) VALUES('seal=5')",
};

}  // namespace

TEST_CASE("a database that was copied without its folder says so at the first write",
          "[sql][copied]") {
  const ScratchDirectory scratch;
  const std::string copy =
      copy_alone(scratch, GENERATE(as<std::string>(), "VACUUM INTO", "backup", "cp"));
  for (const std::string& sql : kWrites) {
    Database db(copy);
    check_told(db, sql);
    check_told(db, sql);
    db.run("BEGIN");
    check_told(db, sql);
    db.run("COMMIT");
    CHECK(db.rows("SELECT rowid, m FROM items") == std::vector<std::string>{"1|a", "2|b", "3|c"});
  }
  CHECK_FALSE(std::filesystem::exists(copy + "-kindred"));
  Database db(copy);
  check_told(db, kKnn);
  check_told(db, "SELECT v FROM items");
  check_told(db, "SELECT kindred_backup('" + scratch.file("another.db") + "')");
  SECTION("and can be dropped") {
    db.run("DROP TABLE items");
    CHECK(db.one("SELECT count(*) FROM sqlite_schema") == "0");
  }
  SECTION("and renamed") {
    db.run("ALTER TABLE items RENAME TO things");
    CHECK(db.one("SELECT count(*) FROM things") == "3");
  }
  SECTION("and works when the folder is copied along after all") {
    std::filesystem::copy(scratch.file("app.db-kindred"), copy + "-kindred",
                          std::filesystem::copy_options::recursive);
    db.run("INSERT INTO items(rowid, v) VALUES(9, '[1,2]')");
    CHECK(db.one(kKnn) == "9");
    CHECK(db.error("INSERT INTO items(items) VALUES('integrity-check')") == "");
  }
}

TEST_CASE("a copy in memory of a database with segments says so at the first write",
          "[sql][copied]") {
  const ScratchDirectory scratch;
  Database from(scratch.file("app.db"));
  fill(from);
  Database db;
  kindred::test::copy_by_backup_api(from, db);
  check_error(db, "INSERT INTO items(v) VALUES('[1,1]')", {"items: ", "copied without"});
  check_error(db, kKnn, {"items: ", "copied without"});
  CHECK(db.one("SELECT count(*) FROM items") == "3");
  db.run("DROP TABLE items");
}

TEST_CASE("a database beside an empty folder or another's is not written to", "[sql][copied]") {
  const ScratchDirectory scratch;
  const std::string copy = copy_alone(scratch, "cp");
  const std::string folder = copy + "-kindred";
  std::string wanted = "copied without";
  SECTION("an empty folder") {
    std::filesystem::create_directory(folder);
  }
  SECTION("another database's") {
    Database other(scratch.file("other.db"));
    fill(other);
    std::filesystem::copy(scratch.file("other.db-kindred"), folder,
                          std::filesystem::copy_options::recursive);
    wanted = "another database";
  }
  for (const std::string& sql : kWrites) {
    Database db(copy);
    check_error(db, sql, {wanted});
  }
}

TEST_CASE("a copy of which all vectors are in the log needs no folder", "[sql][copied]") {
  const ScratchDirectory scratch;
  const std::string copy = scratch.file("copy.db");
  {
    Database db(scratch.file("app.db"));
    db.run("CREATE VIRTUAL TABLE items USING kindred(v float[2] distance_metric=l2)");
    db.run("INSERT INTO items(v) VALUES('[1,1]'), ('[2,2]')");
    SECTION("because they are few") {}
    SECTION("because those of the segment have been deleted") {
      db.run("INSERT INTO items(items) VALUES('optimize'); DELETE FROM items");
      db.run("INSERT INTO items(items) VALUES('optimize')");
      db.run("INSERT INTO items(v) VALUES('[1,1]'), ('[2,2]')");
    }
    db.run("VACUUM INTO '" + copy + "'");
  }
  Database db(copy);
  db.run("INSERT INTO items(rowid, v) VALUES(9, '[1,2]')");
  CHECK(db.one(kKnn) == "9");
  db.run("INSERT INTO items(items) VALUES('optimize')");
  CHECK(db.one(kKnn) == "9");
  CHECK(db.error("INSERT INTO items(items) VALUES('integrity-check')") == "");
}

TEST_CASE("rebuild embeds the texts of collections whose folder is lost",
          "[sql][copied][mending]") {
  const ScratchDirectory scratch;
  const std::string path = scratch.file("app.db");
  const auto fill = [](Database& db, const std::string& name) {
    db.run("CREATE VIRTUAL TABLE " + name + " USING kindred(t, m INTEGER);INSERT INTO " + name +
           "(rowid, t, m) VALUES(1, 'pea soup', 1), (2, 'a lost key', 2), (3, 'gone', 3), "
           "(4, '', 4); INSERT INTO " +
           name + "(" + name + ") VALUES('seal=2'), ('optimize'); DELETE FROM " + name +
           " WHERE rowid = 3; INSERT INTO " + name + "(rowid, t) VALUES(5, 'rain tomorrow')");
  };
  const auto answers = [](Database& db, const std::string& name) {
    return db.rows("SELECT rowid FROM knn('" + name + "', 'soup of peas')");
  };
  {
    Database db(path);
    fill(db, "texts");
    fill(db, "others");
    db.run(
        "CREATE VIRTUAL TABLE items USING kindred(v float[2]);"
        "INSERT INTO items VALUES('[1,2]'); INSERT INTO items(items) VALUES('optimize')");
  }
  const std::string folder = path + "-kindred";
  std::string copy = path;
  SECTION("the folder is removed") {
    std::filesystem::remove_all(folder);
  }
  SECTION("the database is copied without it") {
    copy = scratch.file("copy.db");
    std::filesystem::copy_file(path, copy);
  }
  SECTION("files of segments and store are removed") {
    std::filesystem::remove_all(folder + "/segments");
    std::filesystem::remove_all(folder + "/rocksdb");
  }
  Database db(copy);
  CHECK_FALSE(db.error("INSERT INTO items(items) VALUES('rebuild')").empty());
  CHECK_FALSE(db.error("INSERT INTO texts(t) VALUES('x')").empty());
  db.run("BEGIN; INSERT INTO texts(texts) VALUES('rebuild'); ROLLBACK");
  CHECK_FALSE(db.error("SELECT * FROM knn('texts', 'soup')").empty());
  for (const std::string name : {"texts", "others"}) {
    INFO(name);
    db.run("INSERT INTO " + name + "(" + name + ") VALUES('rebuild')");
    CHECK(answers(db, name) == std::vector<std::string>{"1", "5", "2"});
    CHECK(db.error("INSERT INTO " + name + "(" + name + ") VALUES('integrity-check')") == "");
    db.run("INSERT INTO " + name + "(rowid, t) VALUES(6, 'soup of peas')");
    CHECK(answers(db, name).front() == "6");
    db.run("DELETE FROM " + name + " WHERE rowid = 6");
  }
  Database again(copy);
  CHECK(answers(again, "texts").size() == 3);
  CHECK_FALSE(again.error("SELECT * FROM knn('items', '[1,2]')").empty());
}

TEST_CASE("only a collection of texts whose folder is lost is told to rebuild",
          "[sql][copied][mending]") {
  const ScratchDirectory scratch;
  const std::string path = scratch.file("app.db");
  {
    Database db(path);
    fill(db);
    db.run("CREATE VIRTUAL TABLE texts USING kindred(t); INSERT INTO texts VALUES('pea soup');");
    db.run("INSERT INTO texts(texts) VALUES('optimize')");
  }
  std::filesystem::remove_all(path + "-kindred");
  Database db(path);
  const std::string rebuild = "INSERT INTO texts(texts) VALUES('rebuild')";
  const std::string search = "SELECT rowid FROM knn('texts', 'soup')";
  std::string wanted = "copied without";
  SECTION("and nothing is in its place") {}
  SECTION("and another collection has begun one") {
    db.run(
        "CREATE VIRTUAL TABLE others USING kindred(v float[2]); INSERT INTO others VALUES('[1,2]');"
        "INSERT INTO others(others) VALUES('optimize')");
    wanted = "the store belongs to another database";
  }
  check_error(db, search, {wanted, rebuild + " embeds its texts anew"});
  check_error(db, kKnn, {wanted});
  CHECK(db.error(kKnn).find("rebuild") == std::string::npos);
  db.run(rebuild);
  CHECK(db.one(search) == "1");
  CHECK(db.error("INSERT INTO texts(texts) VALUES('integrity-check')") == "");
}

TEST_CASE("rebuild embeds the texts of a copy in memory", "[sql][copied][mending]") {
  const ScratchDirectory scratch;
  Database from(scratch.file("app.db"));
  from.run(
      "CREATE VIRTUAL TABLE texts USING kindred(t); INSERT INTO texts VALUES('pea soup');"
      "INSERT INTO texts(texts) VALUES('optimize')");
  Database db;
  kindred::test::copy_by_backup_api(from, db);
  check_error(db, "SELECT rowid FROM knn('texts', 'soup')", {"texts: ", "copied without"});
  db.run("INSERT INTO texts(texts) VALUES('rebuild')");
  CHECK(db.one("SELECT rowid FROM knn('texts', 'soup')") == "1");
  CHECK(db.error("INSERT INTO texts(texts) VALUES('integrity-check')") == "");
}
