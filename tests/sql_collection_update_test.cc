// What an UPDATE or INSERT may say of rowids, keys, hidden columns and text, and what it may not.
// SPDX-License-Identifier: Apache-2.0
#include "tests/support/catch.h"
#include "tests/support/database.h"
#include "tests/support/sql_functions.h"

using kindred::test::check_error;
using kindred::test::Database;
using Rows = std::vector<std::string>;

namespace {

const std::string kCheck = "INSERT INTO items(items) VALUES('integrity-check')";

}  // namespace

TEST_CASE("UPDATE FROM with MATCH changes the rows that the search finds", "[sql][collection]") {
  const std::string key = GENERATE(as<std::string>(), "INTEGER", "TEXT");
  const std::string vector =
      GENERATE(as<std::string>(), "float[8]", "int8[8]", "float[8] distance_metric=l2");
  INFO(key << " key, " << vector);
  Database db;
  const std::string function = vector[0] == 'f' ? "vec_f32" : "vec_int8";
  const auto make = [&](const std::string& n) {
    return function + "('[" + n + ",1,1,1,1,1,1,1]')";
  };
  db.run("CREATE VIRTUAL TABLE items USING kindred(id " + key + " PRIMARY KEY, v " + vector +
         ", m TEXT)");
  db.run("INSERT INTO items VALUES(1, " + make("1") + ", 'a'), (2, " + make("20") + ", 'b'), (3, " +
         make("40") + ", 'c')");
  db.run(
      "CREATE TABLE marks(id INTEGER PRIMARY KEY, mark TEXT); "
      "INSERT INTO marks VALUES(1, 'x'), (2, 'y'), (3, 'z')");
  const Rows before = db.rows("SELECT hex(v) FROM items ORDER BY id");
  db.run("UPDATE items SET m = mark FROM marks WHERE v MATCH " + make("1") +
         " AND k = 2 AND marks.id = items.id");
  CHECK(db.rows("SELECT m FROM items ORDER BY id") == Rows{"x", "y", "c"});
  db.run("UPDATE items SET m = m || round(distance, 3) FROM (SELECT 1) WHERE items MATCH " +
         make("1") + " AND k = 1 AND distance < 0.5 AND visited > 0 AND is_exact");
  CHECK(db.one("SELECT m FROM items WHERE id = 1") == "x0.0");
  CHECK(db.rows("SELECT hex(v) FROM items ORDER BY id") == before);
  db.run("UPDATE items SET v = " + make("99") + " FROM marks WHERE v MATCH " + make("40") +
         " AND k = 1 AND mark = 'z'");
  CHECK(db.one("SELECT v = " + make("99") + " FROM items WHERE id = 3") == "1");
  CHECK(db.error(kCheck).empty());
}

TEST_CASE("an UPDATE that sets the rowid to NULL is refused as on a table", "[sql][collection]") {
  const std::string key = GENERATE(as<std::string>(), "INTEGER", "TEXT");
  INFO(key << " key");
  Database db;
  db.run("CREATE VIRTUAL TABLE items USING kindred(id " + key + " PRIMARY KEY, v float[1])");
  db.run("INSERT INTO items(rowid, id, v) VALUES(77, 77, '[1]')");
  check_error(db, "UPDATE items SET rowid = NULL",
              {"items: rowid: an integer is wanted, got NULL"});
  check_error(db, "UPDATE items SET rowid = NULL, v = '[2]'", {"rowid"});
  check_error(db, "UPDATE OR REPLACE items SET rowid = NULL", {"rowid"});
  CHECK(db.rows("SELECT rowid, id, vec_to_json(v) FROM items") == Rows{"77|77|[1]"});
  db.run("INSERT INTO items(rowid, id, v) VALUES(NULL, 80, '[3]')");
  CHECK(db.one("SELECT count(*) FROM items") == "2");
}

TEST_CASE("an UPDATE that gives key and rowid two values is refused", "[sql][collection]") {
  Database db;
  db.run("CREATE VIRTUAL TABLE items USING kindred(id INTEGER PRIMARY KEY, v float[1], m TEXT)");
  db.run("INSERT INTO items VALUES(77, '[1]', 'a')");
  check_error(db, "UPDATE items SET id = 78, rowid = 79", {"items", "key 78", "rowid 79"});
  check_error(db, "UPDATE items SET rowid = 79, id = 78, m = 'b'", {"key 78", "rowid 79"});
  CHECK(db.rows("SELECT id, m FROM items") == Rows{"77|a"});
  db.run("UPDATE items SET id = 78, rowid = 78");
  CHECK(db.rows("SELECT id, rowid FROM items") == Rows{"78|78"});
  db.run("UPDATE items SET id = 78, rowid = 80");  // the key stays what it is
  CHECK(db.rows("SELECT id, rowid FROM items") == Rows{"80|80"});
  CHECK(db.error(kCheck).empty());
}

TEST_CASE("a BLOB is refused for text to embed", "[sql][collection]") {
  Database db;
  db.run("CREATE VIRTUAL TABLE items USING kindred(title, body, +picture BLOB)");
  db.run("INSERT INTO items VALUES('onion soup', 'boil', x'00ff')");
  const std::string wanted = "text is wanted, got a BLOB of 3 bytes";
  db.run("BEGIN");
  check_error(db, "INSERT INTO items(title) VALUES(x'414243')", {"items.title: " + wanted});
  check_error(db, "INSERT INTO items(title, body) VALUES('x', x'414243')",
              {"items.body: " + wanted});
  check_error(db, "INSERT OR IGNORE INTO items(title) VALUES(x'414243')", {wanted});
  check_error(db, "UPDATE items SET body = x'414243'", {"items.body: " + wanted});
  db.run("COMMIT");
  CHECK(db.rows("SELECT title, body, hex(picture) FROM items") == Rows{"onion soup|boil|00FF"});
  db.run("INSERT INTO items(title) VALUES(5)");  // a number is the text it prints as
  CHECK(db.error(kCheck).empty());
}

TEST_CASE("INSERT ... RETURNING without a key gives rowid -1 and takes the row",
          "[sql][collection]") {
  Database db;
  db.run("CREATE VIRTUAL TABLE items USING kindred(id INTEGER PRIMARY KEY, v float[1], m TEXT)");
  // SQLite answers RETURNING from the values it is about to hand over.
  CHECK(db.rows("INSERT INTO items(v, m) VALUES('[1]', 'a') RETURNING rowid, id, m") ==
        Rows{"-1|NULL|a"});
  CHECK(db.one("SELECT last_insert_rowid()") == "1");
  CHECK(db.rows("SELECT id, m FROM items") == Rows{"1|a"});
  CHECK(db.rows("INSERT INTO items(id, v) VALUES(7, '[1]') RETURNING id") == Rows{"7"});
}
