// Loading kindred where it is loaded already, and taking its modules away from under collections.
// SPDX-License-Identifier: Apache-2.0
#include "tests/support/catch.h"
#include "tests/support/database.h"

using kindred::test::Database;
using kindred::test::ScratchDirectory;
using Rows = std::vector<std::string>;

namespace {

const std::string kCreate =
    "CREATE VIRTUAL TABLE items USING kindred(v float[1] distance_metric=l2, m TEXT);"
    "INSERT INTO items VALUES('[1]', 'a'), ('[2]', 'b')";
const std::string kKnn = "SELECT rowid, distance FROM knn('items', '[2]')";
const Rows kBoth = {"2|0.0", "1|1.0"};

void load_again(Database& db) {
  char* message = nullptr;
  const int rc = sqlite3_load_extension(db.handle(), KINDRED_EXTENSION, nullptr, &message);
  INFO((message != nullptr ? message : ""));
  CHECK(rc == SQLITE_OK);
  sqlite3_free(message);
}

}  // namespace

TEST_CASE("loading the extension twice changes nothing for open collections", "[sql][load]") {
  Database db;
  db.run(kCreate);
  CHECK(db.rows(kKnn) == kBoth);
  load_again(db);
  CHECK(db.rows(kKnn) == kBoth);
  db.run("INSERT INTO items VALUES('[3]', 'c')");
  load_again(db);
  CHECK(db.one("SELECT count(*) FROM knn('items', '[2]')") == "3");
  db.run("ALTER TABLE items RENAME TO things; DROP TABLE things");
  db.run(kCreate);
  CHECK(db.rows(kKnn) == kBoth);
}

TEST_CASE("the extension can be loaded again while a search is read", "[sql][load]") {
  Database db;
  db.run(kCreate);
  sqlite3_stmt* search = nullptr;
  REQUIRE(sqlite3_prepare_v2(db.handle(), kKnn.c_str(), -1, &search, nullptr) == SQLITE_OK);
  REQUIRE(sqlite3_step(search) == SQLITE_ROW);
  load_again(db);
  CHECK(sqlite3_step(search) == SQLITE_ROW);
  CHECK(sqlite3_step(search) == SQLITE_DONE);
  sqlite3_finalize(search);
  CHECK(db.rows(kKnn) == kBoth);
}

TEST_CASE("collections outlive modules that are dropped or registered anew", "[sql][load]") {
  const ScratchDirectory folder;
  Database db(folder.file("app.db"));
  db.run(kCreate);
  CHECK(db.rows(kKnn) == kBoth);
  sqlite3_stmt* scan = nullptr;
  REQUIRE(sqlite3_prepare_v2(db.handle(), "SELECT m FROM items", -1, &scan, nullptr) == SQLITE_OK);
  REQUIRE(sqlite3_step(scan) == SQLITE_ROW);
  REQUIRE(sqlite3_drop_modules(db.handle(), nullptr) == SQLITE_OK);
  CHECK(sqlite3_step(scan) == SQLITE_ROW);
  CHECK(sqlite3_step(scan) == SQLITE_DONE);
  sqlite3_finalize(scan);
  CHECK(db.one("SELECT count(*) FROM items") == "2");
  load_again(db);
  db.run("INSERT INTO items VALUES('[3]', 'c')");
  db.run("CREATE TABLE other(x)");
  CHECK(db.one("SELECT count(*) FROM items") == "3");
  CHECK(db.error("INSERT INTO items(items) VALUES('integrity-check')").empty());
  Database fresh(folder.file("app.db"));
  CHECK(fresh.one("SELECT count(*) FROM knn('items', '[2]')") == "3");
}
