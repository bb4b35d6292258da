// Collections in the life of a schema: RENAME, DROP, ATTACH, temp, VACUUM, rollback, protection.
// SPDX-License-Identifier: Apache-2.0
#include "tests/support/catch.h"
#include "tests/support/database.h"
#include "tests/support/sql_functions.h"

using kindred::test::check_error;
using kindred::test::Database;
using kindred::test::numbers;
using kindred::test::ScratchDirectory;
using kindred::test::SqlFunctions;
using Rows = std::vector<std::string>;

namespace {

std::string create(const std::string& name) {
  return "CREATE VIRTUAL TABLE " + name + " USING kindred(v float[1] distance_metric=l2, m TEXT);";
}

std::string create_with_rows(const std::string& name, const std::string& mark = "") {
  return create(name) + "INSERT INTO " + name + " VALUES('[1]', 'a" + mark + "'), ('[2]', 'b" +
         mark + "');";
}

Rows nearest(Database& db, const std::string& name, const std::string& query = "[2]") {
  return db.rows("SELECT rowid, distance FROM knn('" + name + "', '" + query + "')");
}

void check_integrity(Database& db, const std::string& name) {
  CHECK(db.error("INSERT INTO " + name + "(" + name + ") VALUES('integrity-check')").empty());
}

const Rows kBoth = {"2|0.0", "1|1.0"};

}  // namespace

TEST_CASE("a renamed collection goes on under its new name", "[sql][collection]") {
  const ScratchDirectory folder;
  const std::string path = folder.file("app.db");
  {
    Database db(path);
    db.run(create_with_rows("items"));
    CHECK(nearest(db, "items") == kBoth);
    SECTION("to another name") {
      db.run("ALTER TABLE items RENAME TO \"my things\"");
      CHECK(nearest(db, "my things") == kBoth);
      check_error(db, "SELECT * FROM knn('items', '[2]')", {"knn()", "no such collection: items"});
      CHECK(db.one("SELECT count(*) FROM sqlite_schema WHERE name LIKE 'items%'") == "0");
      db.run("INSERT INTO \"my things\" VALUES('[2.5]', 'c')");
      db.run("ALTER TABLE \"my things\" RENAME TO items");
      db.run("DELETE FROM items WHERE m = 'c'");
    }
    SECTION("inside a transaction, between changes") {
      db.run("BEGIN; INSERT INTO items VALUES('[3]', 'c')");
      db.run("ALTER TABLE items RENAME TO things");
      CHECK(nearest(db, "things", "[3]").front() == "3|0.0");
      db.run("DELETE FROM things WHERE m = 'c'; UPDATE things SET v = '[2]' WHERE rowid = 2");
      db.run("ALTER TABLE things RENAME TO items; COMMIT");
    }
    SECTION("and back by ROLLBACK") {
      db.run(
          "BEGIN; DELETE FROM items WHERE rowid = 1; ALTER TABLE items RENAME TO things; "
          "INSERT INTO things VALUES('[9]', 'z'); ROLLBACK");
    }
    SECTION("and back by ROLLBACK TO") {
      db.run(
          "BEGIN; INSERT INTO items VALUES('[9]', 'z'); DELETE FROM items WHERE m = 'z'; "
          "SAVEPOINT s; ALTER TABLE items RENAME TO things; "
          "INSERT INTO things VALUES('[9]', 'z'); DELETE FROM things WHERE rowid = 1");
      db.run("ROLLBACK TO s");
      CHECK(nearest(db, "items") == kBoth);
      CHECK(db.error("COMMIT").empty());
    }
    CHECK(nearest(db, "items") == kBoth);
    check_integrity(db, "items");
  }
  Database again(path);
  CHECK(nearest(again, "items") == kBoth);
}

TEST_CASE("a collection is not renamed to a name that is taken", "[sql][collection]") {
  Database db;
  db.run(create_with_rows("items") + "CREATE TABLE taken(x); CREATE TABLE half_log(x);");
  const Rows schema = db.rows("SELECT name FROM sqlite_schema ORDER BY name");
  for (const std::string begin : {"", "BEGIN"}) {
    db.run(begin);
    check_error(db, "ALTER TABLE items RENAME TO taken", {"taken"});
    check_error(db, "ALTER TABLE items RENAME TO half", {"half_log"});
    check_error(db, "ALTER TABLE items RENAME TO m", {"'m'"});
    check_error(db, "ALTER TABLE items RENAME TO V", {"'v'"});
    check_error(db, "ALTER TABLE items RENAME TO distance", {"'distance'", "reserved"});
    check_error(db, "ALTER TABLE items RENAME TO sqlite_items", {"reserved"});
    CHECK(db.rows("SELECT name FROM sqlite_schema ORDER BY name") == schema);
    CHECK(nearest(db, "items") == kBoth);
    db.run("INSERT INTO items VALUES('[3]', 'c'); DELETE FROM items WHERE m = 'c'");
    if (!begin.empty()) db.run("COMMIT");
    check_integrity(db, "items");
  }
}

TEST_CASE("changes to other tables in mid-transaction do not disturb a collection",
          "[sql][collection]") {
  Database db;
  db.run(create_with_rows("items") + "CREATE TABLE other(x);");
  db.run(
      "BEGIN; INSERT INTO items VALUES('[3]', 'c'); ALTER TABLE other ADD COLUMN y; "
      "INSERT INTO items VALUES('[4]', 'd')");
  CHECK(nearest(db, "items", "[4]") == Rows{"4|0.0", "3|1.0", "2|2.0", "1|3.0"});
  db.run(
      "CREATE TABLE third(x); DELETE FROM items WHERE rowid = 2; DROP TABLE other; "
      "CREATE INDEX i ON third(x); UPDATE items SET v = '[5]' WHERE rowid = 1");
  CHECK(nearest(db, "items", "[4]") == Rows{"4|0.0", "1|1.0", "3|1.0"});
  db.run("SAVEPOINT s; ALTER TABLE third RENAME TO fourth; DELETE FROM items; ROLLBACK TO s");
  CHECK(nearest(db, "items", "[4]") == Rows{"4|0.0", "1|1.0", "3|1.0"});
  SECTION("COMMIT") {
    db.run("COMMIT");
    CHECK(nearest(db, "items", "[4]") == Rows{"4|0.0", "1|1.0", "3|1.0"});
  }
  SECTION("ROLLBACK") {
    db.run("ROLLBACK");
    CHECK(nearest(db, "items") == kBoth);
  }
  check_integrity(db, "items");
}

TEST_CASE("a dropped collection leaves nothing and can be created again", "[sql][collection]") {
  Database db;
  db.run(create_with_rows("items"));
  CHECK(nearest(db, "items") == kBoth);
  SECTION("in one transaction each") {
    db.run("DROP TABLE items");
    CHECK(db.one("SELECT count(*) FROM sqlite_schema") == "0");
    check_error(db, "SELECT * FROM knn('items', '[1]')", {"no such collection"});
    db.run(create("items") + "INSERT INTO items VALUES('[7]', 'x')");
    CHECK(nearest(db, "items", "[7]") == Rows{"1|0.0"});
  }
  SECTION("in one transaction together") {
    db.run("BEGIN; DELETE FROM items WHERE rowid = 1; DROP TABLE items; " + create("items") +
           "INSERT INTO items VALUES('[7]', 'x')");
    CHECK(nearest(db, "items", "[7]") == Rows{"1|0.0"});
    SECTION("COMMIT") {
      db.run("COMMIT");
      CHECK(nearest(db, "items", "[7]") == Rows{"1|0.0"});
    }
    SECTION("ROLLBACK") {
      db.run("ROLLBACK");
      CHECK(nearest(db, "items") == kBoth);
    }
  }
  SECTION("with other dimensions") {
    db.run(
        "DROP TABLE items; CREATE VIRTUAL TABLE items USING kindred(v float[2]); "
        "INSERT INTO items VALUES('[1,2]')");
    CHECK(db.one("SELECT rowid FROM knn('items', '[1,2]')") == "1");
    check_error(db, "SELECT * FROM knn('items', '[1]')", {"2", "1"});
  }
  SECTION("as an ordinary table") {
    db.run("DROP TABLE items; CREATE TABLE items(v)");
    check_error(db, "SELECT * FROM knn('items', '[1]')", {"items", "not a collection"});
  }
  SECTION("rolled back") {
    db.run("BEGIN; DROP TABLE items; ROLLBACK");
    CHECK(nearest(db, "items") == kBoth);
    db.run(
        "SAVEPOINT s; INSERT INTO items VALUES('[3]', 'c'); DELETE FROM items WHERE rowid = 1; "
        "DROP TABLE items; ROLLBACK TO s; RELEASE s");
    CHECK(nearest(db, "items") == kBoth);
    check_integrity(db, "items");
  }
}

TEST_CASE("a collection created in a rolled back savepoint is gone", "[sql][collection]") {
  Database db;
  db.run("BEGIN; SAVEPOINT s; " + create_with_rows("items") + "DELETE FROM items WHERE rowid = 1");
  CHECK(nearest(db, "items") == Rows{"2|0.0"});
  db.run("ROLLBACK TO s");
  check_error(db, "SELECT * FROM knn('items', '[1]')", {"no such collection"});
  SECTION("and the transaction commits without it") {
    CHECK(db.error("COMMIT").empty());
    CHECK(db.one("SELECT count(*) FROM sqlite_schema") == "0");
  }
  SECTION("and may be created once more") {
    db.run(create_with_rows("items"));
    CHECK(db.error("COMMIT").empty());
    CHECK(nearest(db, "items") == kBoth);
    check_integrity(db, "items");
  }
}

TEST_CASE("collections of attached files are found by their schema", "[sql][collection]") {
  const ScratchDirectory folder;
  Database db(folder.file("one.db"));
  db.run("ATTACH '" + folder.file("two.db") + "' AS aux");
  db.run(create_with_rows("items") + create("aux.items") + create("aux.only"));
  db.run("INSERT INTO aux.items VALUES('[5]', 'x'); INSERT INTO aux.only VALUES('[6]', 'y')");
  CHECK(nearest(db, "items") == kBoth);
  CHECK(nearest(db, "main.items") == kBoth);
  CHECK(nearest(db, "MAIN.Items") == kBoth);
  CHECK(nearest(db, "aux.items", "[5]") == Rows{"1|0.0"});
  CHECK(nearest(db, "only", "[5]") == Rows{"1|1.0"});
  check_error(db, "SELECT * FROM knn('main.only', '[1]')", {"no such collection: main.only"});
  check_error(db, "SELECT * FROM knn('nowhere.items', '[1]')", {"no such collection"});
  SECTION("one transaction writes both or neither") {
    db.run("BEGIN; INSERT INTO items VALUES('[3]', 'c'); DELETE FROM aux.items");
    CHECK(nearest(db, "items", "[3]").size() == 3);
    CHECK(nearest(db, "aux.items").empty());
    db.run("ROLLBACK");
    CHECK(nearest(db, "items") == kBoth);
    CHECK(nearest(db, "aux.items", "[5]") == Rows{"1|0.0"});
    db.run("BEGIN; INSERT INTO items VALUES('[3]', 'c'); DELETE FROM aux.items; COMMIT");
    CHECK(nearest(db, "aux.items").empty());
    CHECK(nearest(db, "items", "[3]").size() == 3);
  }
  SECTION("detached ones are gone, and come back") {
    db.run("DETACH aux");
    check_error(db, "SELECT * FROM knn('aux.items', '[1]')", {"no such collection"});
    check_error(db, "SELECT * FROM knn('only', '[1]')", {"no such collection"});
    CHECK(nearest(db, "items") == kBoth);
    db.run("ATTACH '" + folder.file("two.db") + "' AS second");
    CHECK(nearest(db, "second.items", "[5]") == Rows{"1|0.0"});
    CHECK(nearest(db, "only", "[5]") == Rows{"1|1.0"});
    db.run("DETACH second; ATTACH '" + folder.file("one.db") + "' AS second");
    CHECK(nearest(db, "second.items") == kBoth);
  }
  SECTION("the other file works on its own") {
    Database other(folder.file("two.db"));
    CHECK(nearest(other, "items", "[5]") == Rows{"1|0.0"});
    other.run("INSERT INTO items VALUES('[7]', 'z')");
    CHECK(nearest(db, "aux.items", "[7]") == Rows{"2|0.0", "1|2.0"});
    check_integrity(other, "items");
  }
}

TEST_CASE("a name with a dot in it is a collection's before it is a schema's",
          "[sql][collection]") {
  Database db;
  db.run("ATTACH ':memory:' AS a; " + create_with_rows("\"a.b\"") + create("a.b") +
         "INSERT INTO a.b VALUES('[9]', 'other')");
  CHECK(nearest(db, "a.b") == kBoth);
  db.run("DROP TABLE \"a.b\"");
  CHECK(nearest(db, "a.b", "[9]") == Rows{"1|0.0"});
}

TEST_CASE("a schema with a dot in its name is reached by schema.table", "[sql][collection]") {
  Database db;
  db.run("ATTACH ':memory:' AS \"s.x\"; ATTACH ':memory:' AS \"s\"");
  db.run(create("\"s.x\".faq") + "INSERT INTO \"s.x\".faq VALUES('[9]', 'far')");
  CHECK(nearest(db, "s.x.faq", "[9]") == Rows{"1|0.0"});
  CHECK(nearest(db, "S.X.FAQ", "[9]") == Rows{"1|0.0"});
  check_error(db, "SELECT * FROM knn('s.x.y.faq', '[9]')", {"no such collection: s.x.y.faq"});
  check_error(db, "SELECT * FROM knn('.faq', '[9]')", {"no such collection"});
  db.run(create("s.\"x.faq\"") + "INSERT INTO s.\"x.faq\" VALUES('[8]', 'near')");
  CHECK(nearest(db, "s.x.faq", "[8]") == Rows{"1|0.0"});  // the first dot that leads to a table
}

TEST_CASE("temp collections shadow those of the file", "[sql][collection]") {
  const ScratchDirectory folder;
  Database db(folder.file("app.db"));
  db.run(create_with_rows("items"));
  CHECK(nearest(db, "items") == kBoth);
  db.run(create("temp.items") + "INSERT INTO temp.items VALUES('[8]', 'temp')");
  CHECK(nearest(db, "items", "[8]") == Rows{"1|0.0"});
  CHECK(nearest(db, "temp.items", "[8]") == Rows{"1|0.0"});
  CHECK(nearest(db, "main.items") == kBoth);
  CHECK(db.one("SELECT m FROM items") == "temp");
  db.run(
      "BEGIN; INSERT INTO temp.items VALUES('[9]', 't'); INSERT INTO main.items "
      "VALUES('[9]', 'm')");
  CHECK(nearest(db, "temp.items", "[9]") == Rows{"2|0.0", "1|1.0"});
  db.run("ROLLBACK");
  CHECK(nearest(db, "temp.items", "[9]") == Rows{"1|1.0"});
  check_integrity(db, "items");
  db.run("DROP TABLE temp.items");
  CHECK(nearest(db, "items") == kBoth);
  Database other(folder.file("app.db"));
  CHECK(other.one("SELECT count(*) FROM sqlite_schema WHERE name = 'items'") == "1");
}

TEST_CASE("VACUUM keeps rows, keys and vectors", "[sql][collection]") {
  const ScratchDirectory folder;
  Database db(folder.file("app.db"));
  SqlFunctions functions(db);
  db.run("CREATE VIRTUAL TABLE items USING kindred(sku TEXT PRIMARY KEY, v float[4], m TEXT)");
  db.run("INSERT INTO items SELECT 'sku' || i, random_vector(i, 4), i FROM " + numbers(300));
  db.run("DELETE FROM items WHERE rowid % 3 = 0");
  const std::string search = "SELECT rowid, key, distance FROM knn('items', '[1,2,3,4]')";
  const Rows before = db.rows(search);
  REQUIRE(before.size() == 200);
  db.run("VACUUM");
  CHECK(db.rows(search) == before);
  db.run("VACUUM INTO '" + folder.file("copy.db") + "'");
  Database copy(folder.file("copy.db"));
  CHECK(copy.rows(search) == before);
  copy.run("DELETE FROM items WHERE rowid < 100");
  CHECK(db.rows(search) == before);
  db.run("ATTACH '" + folder.file("copy.db") + "' AS copy");
  CHECK(db.one("SELECT count(*) FROM knn('copy.items', '[1,2,3,4]')") ==
        copy.one("SELECT count(*) FROM items"));
  check_integrity(db, "items");
  check_integrity(copy, "items");
}

TEST_CASE("a read-only database is searched and not written", "[sql][collection]") {
  const ScratchDirectory folder;
  { Database(folder.file("app.db")).run(create_with_rows("items")); }
  Database db(":memory:");
  REQUIRE(db.error("ATTACH 'file:" + folder.file("app.db") + "?mode=ro' AS file").empty());
  CHECK(nearest(db, "items") == kBoth);
  CHECK(db.rows("SELECT m FROM file.items") == Rows{"a", "b"});
  check_error(db, "INSERT INTO file.items VALUES('[3]', 'c')", {"readonly"});
  check_error(db, "UPDATE file.items SET m = 'x'", {"readonly"});
  check_error(db, "DELETE FROM file.items", {"readonly"});
  check_error(db, "DROP TABLE file.items", {"readonly"});
  CHECK(nearest(db, "items") == kBoth);
}

TEST_CASE("triggers and views use collections without a trusted schema", "[sql][collection]") {
  Database db;
  db.run("PRAGMA trusted_schema = OFF");
  db.run(create("items") +
         "CREATE TABLE notes(id INTEGER PRIMARY KEY, v, m);"
         "CREATE TABLE found(note, near);"
         "CREATE TRIGGER ins AFTER INSERT ON notes BEGIN "
         "INSERT INTO items(rowid, v, m) VALUES(new.id, new.v, new.m); "
         "INSERT INTO found SELECT new.id, rowid FROM knn('items', new.v, 2); END;"
         "CREATE TRIGGER del AFTER DELETE ON notes BEGIN "
         "DELETE FROM items WHERE rowid = old.id; END;"
         "CREATE TRIGGER upd AFTER UPDATE ON notes BEGIN "
         "UPDATE items SET v = new.v WHERE rowid = old.id; END;"
         "CREATE VIEW near_one AS SELECT rowid, distance FROM knn('items', '[1]');");
  db.run("INSERT INTO notes VALUES(10, '[1]', 'a'), (20, '[2]', 'b'), (30, '[4]', 'c')");
  CHECK(db.rows("SELECT * FROM near_one") == Rows{"10|0.0", "20|1.0", "30|3.0"});
  CHECK(db.rows("SELECT * FROM found") == Rows{"10|10", "20|20", "20|10", "30|30", "30|20"});
  CHECK(db.one("SELECT last_insert_rowid()") == "30");
  db.run("UPDATE notes SET v = '[0.5]' WHERE id = 30; DELETE FROM notes WHERE id = 20");
  CHECK(db.rows("SELECT * FROM near_one") == Rows{"10|0.0", "30|0.5"});
  check_error(db, "INSERT INTO notes VALUES(40, '[1,2]', 'bad')", {"items.v"});
  CHECK(db.one("SELECT count(*) FROM notes") == "2");
  check_integrity(db, "items");
}

TEST_CASE("a defensive connection refuses to write shadow tables", "[sql][collection]") {
  Database db;
  db.run(create_with_rows("items"));
  REQUIRE(sqlite3_db_config(db.handle(), SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr) == SQLITE_OK);
  for (const std::string suffix : {"rows", "log", "config"}) {
    INFO(suffix);
    check_error(db, "DELETE FROM items_" + suffix, {"may not be modified"});
    check_error(db, "DROP TABLE items_" + suffix, {"may not be dropped"});
  }
  check_error(db, "CREATE TABLE items_rows(x)", {"items_rows"});
  db.run(
      "INSERT INTO items VALUES('[3]', 'c'); UPDATE items SET m = 'x'; "
      "DELETE FROM items WHERE rowid = 3; INSERT INTO items(items) VALUES('optimize')");
  CHECK(nearest(db, "items") == kBoth);
  db.run("ALTER TABLE items RENAME TO things");
  CHECK(nearest(db, "things") == kBoth);
  check_integrity(db, "things");
  db.run("DROP TABLE things; " + create_with_rows("items"));
  CHECK(nearest(db, "items") == kBoth);
}

TEST_CASE("another connection's schema changes are noticed", "[sql][collection]") {
  const ScratchDirectory folder;
  Database one(folder.file("app.db"));
  Database two(folder.file("app.db"));
  one.run(create_with_rows("items"));
  CHECK(nearest(two, "items") == kBoth);
  one.run("ALTER TABLE items RENAME TO things");
  check_error(two, "SELECT * FROM knn('items', '[1]')", {"no such collection"});
  CHECK(nearest(two, "things") == kBoth);
  one.run("DROP TABLE things; CREATE VIRTUAL TABLE things USING kindred(v float[2])");
  one.run("INSERT INTO things VALUES('[1,1]')");
  CHECK(two.one("SELECT count(*) FROM knn('things', '[1,1]')") == "1");
  two.run("DROP TABLE things");
  check_error(one, "SELECT * FROM knn('things', '[1,1]')", {"no such collection"});
  check_error(one, "INSERT INTO things VALUES('[1,1]')", {"no such table"});
}

TEST_CASE("thousands of updates leave the log small and the answers right", "[sql][collection]") {
  const ScratchDirectory folder;
  Database db(folder.file("app.db"));
  SqlFunctions functions(db);
  Database other(folder.file("app.db"));
  db.run("CREATE VIRTUAL TABLE items USING kindred(v float[4] distance_metric=l2)");
  db.run("INSERT INTO items(items) VALUES('seal=1000')");
  db.run("INSERT INTO items SELECT random_vector(i, 4) FROM " + numbers(3000));
  const std::string search = "SELECT rowid, distance FROM knn('items', '[1,1,1,1]', 20)";
  for (int round = 1; round <= 8; ++round) {
    db.run("UPDATE items SET v = random_vector(rowid + " + std::to_string(3000 * round) + ", 4)");
    if (round % 3 == 0) db.run("BEGIN; DELETE FROM items WHERE rowid % 5 = 0; ROLLBACK");
    const Rows wanted =
        db.rows("SELECT rowid, vec_distance_l2(v, '[1,1,1,1]') FROM items ORDER BY 2, 1 LIMIT 20");
    CHECK(db.rows(search) == wanted);
    CHECK(other.rows(search) == wanted);
  }
  CHECK(db.one("SELECT count(*) < 8000 FROM items_log") == "1");
  check_integrity(db, "items");
  db.run("INSERT INTO items(items) VALUES('optimize')");
  CHECK(db.one("SELECT count(*) FROM items_log") == "0");
  CHECK(db.rows(search) == other.rows(search));
}
