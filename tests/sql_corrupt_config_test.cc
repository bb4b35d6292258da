// A collection's configuration that somebody has broken, or that a newer version has written: using
// the collection says so, dropping it works.
// SPDX-License-Identifier: Apache-2.0
#include <span>
#include <string>

#include "tests/support/catch.h"
#include "tests/support/database.h"
#include "tests/support/sql_functions.h"

using kindred::test::check_error;
using kindred::test::Database;
using kindred::test::ScratchDirectory;
using Rows = std::vector<std::string>;

namespace {

const std::string kCreate =
    "CREATE VIRTUAL TABLE items USING kindred(v float[2] distance_metric=l2, m TEXT);"
    "INSERT INTO items VALUES('[1,1]', 'a'), ('[2,2]', 'b')";
const char* const kUses[] = {
    "SELECT * FROM items",
    "SELECT rowid FROM knn('items', '[1,1]')",
    "SELECT m FROM items WHERE v MATCH '[1,1]'",
    "INSERT INTO items VALUES('[3,3]', 'c')",
    "UPDATE items SET m = 'd'",
    "DELETE FROM items",
    "INSERT INTO items(items) VALUES('integrity-check')",
};

int code(Database& db, const std::string& sql) {
  sqlite3_extended_result_codes(db.handle(), 1);
  const int rc = sqlite3_exec(db.handle(), sql.c_str(), nullptr, nullptr, nullptr);
  sqlite3_extended_result_codes(db.handle(), 0);
  return rc;
}

// Each statement is an error of a corrupt virtual table, whose message begins so.
void check_corrupt(Database& db, std::span<const char* const> statements,
                   const std::string& beginning) {
  for (const char* sql : statements) {
    INFO(sql);
    CHECK(code(db, sql) == SQLITE_CORRUPT_VTAB);
    CHECK(db.error(sql).find(beginning) == 0);
  }
}

}  // namespace

TEST_CASE("a collection with a broken configuration is corrupt and can be dropped",
          "[sql][corrupt]") {
  const ScratchDirectory folder;
  const std::string path = folder.file("app.db");
  const std::string damage = GENERATE(
      as<std::string>(), "UPDATE items_config SET value = '1x' WHERE key = 'format'",
      "UPDATE items_config SET value = 'x' WHERE key = 'format'",
      "UPDATE items_config SET value = '' WHERE key = 'format'",
      "UPDATE items_config SET value = 0 WHERE key = 'format'",
      "UPDATE items_config SET value = NULL WHERE key = 'format'",
      "DELETE FROM items_config WHERE key = 'format'", "DELETE FROM items_config WHERE key = 'id'",
      "UPDATE items_config SET value = NULL WHERE key = 'id'",
      "UPDATE items_config SET value = 'abc' WHERE key = 'id'",
      "UPDATE items_config SET value = '12 34' WHERE key = 'id'",
      "UPDATE items_config SET value = '99999999999999999999' WHERE key = 'id'");
  INFO(damage);
  {
    Database db(path);
    db.run(kCreate);
    db.run("CREATE TABLE other(x); INSERT INTO other VALUES(1)");
    db.run(damage);
  }
  Database db(path);
  check_corrupt(db, kUses, "items_config: ");
  CHECK(db.one("SELECT x FROM other") == "1");
  SECTION("dropped at once") {
    db.run("DROP TABLE items");
  }
  SECTION("dropped in a transaction after other writes") {
    db.run("BEGIN; INSERT INTO other VALUES(2); DROP TABLE items; COMMIT");
  }
  CHECK(db.one("SELECT count(*) FROM sqlite_schema WHERE name LIKE 'items%' OR name LIKE 'kin%'") ==
        "0");
  db.run(kCreate);
  CHECK(db.one("SELECT count(*) FROM knn('items', '[1,1]')") == "2");
}

TEST_CASE("a collection of a newer format is refused and can be dropped", "[sql][corrupt]") {
  const ScratchDirectory folder;
  {
    Database db(folder.file("app.db"));
    db.run(kCreate);
    db.run("UPDATE items_config SET value = '999' WHERE key = 'format'");
  }
  Database db(folder.file("app.db"));
  for (const char* sql : kUses) check_error(db, sql, {"items", "format 999", "newer version"});
  db.run("UPDATE items_config SET value = '1' WHERE key = 'format'");  // by that version, perhaps
  CHECK(db.one("SELECT count(*) FROM knn('items', '[1,1]')") == "2");
  db.run("UPDATE items_config SET value = '999' WHERE key = 'format'");
  Database again(folder.file("app.db"));
  check_error(again, "SELECT * FROM items", {"newer version"});
  again.run("ALTER TABLE items RENAME TO things");
  again.run("DROP TABLE things");
  CHECK(again.one("SELECT count(*) FROM sqlite_schema") == "0");
}

TEST_CASE("a collection without its configuration can be dropped", "[sql][corrupt]") {
  const ScratchDirectory folder;
  {
    Database db(folder.file("app.db"));
    db.run(kCreate);
    db.run("DROP TABLE items_config");
  }
  Database db(folder.file("app.db"));
  CHECK(!db.error("SELECT * FROM items").empty());
  CHECK(!db.error("SELECT * FROM knn('items', '[1,1]')").empty());
  db.run("DROP TABLE items");
  CHECK(db.one("SELECT count(*) FROM sqlite_schema") == "0");
}

TEST_CASE("a collection whose CREATE can no longer be read says so and can be dropped",
          "[sql][corrupt]") {
  const ScratchDirectory folder;
  const std::string change =
      GENERATE(as<std::string>(), "'float[2]', 'complex[2]'", "'float[2]', 'float[two]'",
               "'float[2]', 'float[2], model=nowhere, v'",
               "'float[2]', 'float[2], k BLOB, items BLOB, +, V float[2]'");
  INFO(change);
  {
    Database db(folder.file("app.db"));
    db.run(kCreate);
    db.run("PRAGMA writable_schema=ON; UPDATE sqlite_schema SET sql = replace(sql, " + change +
           ") WHERE name = 'items'");
  }
  Database db(folder.file("app.db"));
  for (const char* sql : kUses) check_error(db, sql, {"items: kindred: ", "DROP TABLE"});
  check_error(db, "SELECT v FROM items", {"items: kindred: "});
  check_error(db, "INSERT INTO items(items) VALUES('optimize')", {"items: kindred: "});
  db.run("DROP TABLE items");
  CHECK(db.one("SELECT count(*) FROM sqlite_schema") == "0");
  db.run(kCreate);
  CHECK(db.one("SELECT count(*) FROM knn('items', '[1,1]')") == "2");
}

TEST_CASE("collections of different shapes with one id share nothing", "[sql][corrupt]") {
  const ScratchDirectory folder;
  const std::string path = folder.file("app.db");
  const std::string other =
      GENERATE(as<std::string>(), "v float[64] distance_metric=l2", "v int8[2] distance_metric=l2",
               "v float[2] distance_metric=l1", "v bit[8]");
  INFO(other);
  {
    Database db(path);
    db.run(kCreate);
    db.run("CREATE VIRTUAL TABLE others USING kindred(" + other + ")");
    db.run("INSERT INTO others SELECT CASE WHEN '" + other +
           "' LIKE '%64%' THEN zeroblob(256) WHEN '" + other +
           "' LIKE '%int8%' THEN vec_int8('[5,5]') WHEN '" + other +
           "' LIKE '%bit%' THEN vec_bit(x'05') ELSE vec_f32('[5,4]') END");
    db.run(
        "UPDATE others_config SET value = (SELECT value FROM items_config WHERE key = 'id') "
        "WHERE key = 'id'");
    db.run(
        "UPDATE others_log SET (cn, nonce) = (SELECT cn, nonce FROM items_log WHERE cn = 2);"
        "UPDATE others_rows SET cn = 2");
  }
  Database db(path);
  for (int i = 0; i < 2; ++i) {
    CHECK(db.rows("SELECT rowid, distance FROM knn('items', '[1,1]')").front() == "1|0.0");
    CHECK(db.one("SELECT count(*) FROM knn('others', (SELECT v FROM others))") == "1");
    db.run("BEGIN");
    db.run("INSERT INTO items VALUES('[7,7]', 'c')");
    CHECK(db.one("SELECT count(*) FROM knn('others', (SELECT v FROM others))") == "1");
    CHECK(db.one("SELECT count(*) FROM knn('items', '[1,1]')") == "3");
    db.run("ROLLBACK");
  }
}

TEST_CASE("a vector that is NaN in the log is corrupt where it is read", "[sql][corrupt]") {
  Database db;
  db.run(kCreate);
  db.run("UPDATE items_log SET vector = x'0000803f0000c07f' WHERE cn = 2");
  CHECK(db.one("SELECT vec_to_json(v) FROM items WHERE rowid = 1") == "[1,1]");
  CHECK(code(db, "SELECT v FROM items WHERE rowid = 2") == SQLITE_CORRUPT_VTAB);
  check_error(db, "SELECT v FROM items", {"items_log: row 2: ", "NaN"});
  check_error(db, "UPDATE items SET rowid = 9 WHERE rowid = 2", {"items_log: row 2: ", "NaN"});
  CHECK(db.one("SELECT count(*) FROM items WHERE rowid = 2") == "1");
  db.run("UPDATE items SET v = '[2,2]' WHERE rowid = 2");
  CHECK(db.one("SELECT vec_to_json(v) FROM items WHERE rowid = 2") == "[2,2]");
  db.run("INSERT INTO items(items) VALUES('optimize')");  // the bad one still stands in the log
  CHECK(db.error("INSERT INTO items(items) VALUES('integrity-check')").empty());
}

TEST_CASE("settings that no program of ours wrote are corrupt, and end no process",
          "[sql][corrupt]") {
  const ScratchDirectory folder;
  const std::string path = folder.file("app.db");
  const std::string damage = GENERATE(
      as<std::string>(), "INSERT INTO items_config VALUES('sealed', -5)",
      "INSERT INTO items_config VALUES('sealed', -9223372036854775808)",
      "INSERT INTO items_config VALUES('seal', 0)", "INSERT INTO items_config VALUES('seal', -1)",
      "INSERT INTO items_config VALUES('seal', 'many')",
      "INSERT INTO items_config VALUES('seal', x'')");
  INFO(damage);
  {
    Database db(path);
    db.run(kCreate);
    db.run(damage);
  }
  Database db(path);
  const char* const statements[] = {"SELECT rowid FROM knn('items', '[1,1]')",
                                    "INSERT INTO items VALUES('[3,3]', 'c')",
                                    "INSERT INTO items(items) VALUES('optimize')"};
  check_corrupt(db, statements, "items_config: seal");
  db.run("DROP TABLE items");
}

TEST_CASE("a log whose last change number is the greatest takes no more rows", "[sql][corrupt]") {
  const ScratchDirectory folder;
  Database db(folder.file("app.db"));
  db.run(kCreate);
  db.run(
      "UPDATE items_log SET cn = 9223372036854775807 WHERE cn = 2;"
      "UPDATE items_rows SET cn = 9223372036854775807 WHERE cn = 2");
  check_error(db, "INSERT INTO items VALUES('[3,3]', 'c')", {"items_log: ", "change number"});
  CHECK(db.one("SELECT count(*) FROM knn('items', '[1,1]')") == "2");
}

TEST_CASE("a bitmap of more dead rows than a segment has is corrupt", "[sql][corrupt]") {
  const ScratchDirectory folder;
  Database db(folder.file("app.db"));
  db.run(kCreate);
  db.run("INSERT INTO items(items) VALUES('optimize')");
  db.run(
      "UPDATE items_segments SET dead = x'ffffffffffffffff', version = version + 1;"
      "UPDATE items_config SET value = value + 1 WHERE key = 'segments'");
  for (const char* sql :
       {"SELECT rowid FROM knn('items', '[1,1]')", "INSERT INTO items VALUES('[3,3]', 'c')"})
    check_error(db, sql, {"items_segments: ", "the bitmap of dead rows does not fit"});
}

TEST_CASE("a segment of another shape is refused also while its own collection has it open",
          "[sql][corrupt]") {
  const ScratchDirectory folder;
  Database db(folder.file("app.db"));
  db.run(kCreate);
  db.run("CREATE VIRTUAL TABLE wide USING kindred(v float[65536], quantize=none)");
  db.run("INSERT INTO wide(rowid, v) VALUES(1, zeroblob(262144))");
  db.run("INSERT INTO wide(wide) VALUES('optimize'); INSERT INTO items(items) VALUES('optimize')");
  db.run(
      "DELETE FROM wide_segments; INSERT INTO wide_segments SELECT * FROM items_segments;"
      "UPDATE wide_config SET value = value + 1 WHERE key = 'segments'");
  CHECK(db.one("SELECT count(*) FROM knn('items', '[1,1]')") == "2");
  CHECK(code(db, "SELECT v FROM wide") == SQLITE_CORRUPT_VTAB);
  CHECK(db.one("SELECT count(*) FROM knn('items', '[1,1]')") == "2");
}
