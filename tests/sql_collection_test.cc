// Collections as tables: INSERT, UPDATE, DELETE and SELECT of every kind of column.
// SPDX-License-Identifier: Apache-2.0
#include "tests/support/catch.h"
#include "tests/support/database.h"
#include "tests/support/sql_functions.h"

using kindred::test::blob;
using kindred::test::check_error;
using kindred::test::Database;
using kindred::test::integer;
using kindred::test::numbers;
using kindred::test::real;
using kindred::test::SqlFunctions;
using kindred::test::text;
using Rows = std::vector<std::string>;

namespace {

void check_integrity(Database& db, const std::string& name = "items") {
  CHECK(db.error("INSERT INTO " + name + "(" + name + ") VALUES('integrity-check')").empty());
}

Rows nearest(Database& db, const std::string& query) {
  return db.rows("SELECT rowid FROM knn('items', '" + query + "') ORDER BY distance");
}

}  // namespace

TEST_CASE("a collection gives back every kind of value it is given", "[sql][collection]") {
  Database db;
  db.run(
      "CREATE VIRTUAL TABLE items USING kindred(id INTEGER PRIMARY KEY, v float[2], m TEXT, "
      "n INTEGER, r REAL, x BLOB, b BOOLEAN, p TEXT PARTITION KEY, +a BLOB)");
  db.run(
      "INSERT INTO items VALUES(7, '[1,2.5]', 'text', 5, 1.5, x'00ff', 1, 'part', x'0102'), "
      "(9, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL), "
      "(8, x'0000803f00000040', '', 9223372036854775807, 1e300, x'', 0, '', zeroblob(3)), "
      "(-1, '[0,0]', 5, '6', 7, 'eight', 'yes', 9, 10)");
  CHECK(db.rows("SELECT id, vec_to_json(v), m, n, r, x, b, p, a FROM items ORDER BY id") ==
        Rows{"-1|[0,0]|5|6|7.0|eight|yes|9|10", "7|[1,2.5]|text|5|1.5|x'00ff'|1|part|x'0102'",
             "8|[1,2]||9223372036854775807|1.0e+300|x''|0||x'000000'",
             "9|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL"});
  CHECK(db.rows("SELECT typeof(v), typeof(m), typeof(n), typeof(r), typeof(x), typeof(b), "
                "typeof(p), typeof(a) FROM items WHERE id = -1") ==
        Rows{"blob|text|integer|real|text|text|text|integer"});
  CHECK(db.one("SELECT count(*), count(v), count(m) FROM items") == "4|3|3");
  CHECK(db.one("SELECT k, distance, visited, is_exact, items FROM items") ==
        "NULL|NULL|NULL|NULL|NULL");
  check_integrity(db);
}

TEST_CASE("SELECT * leaves the hidden columns out", "[sql][collection]") {
  Database db;
  db.run("CREATE VIRTUAL TABLE items USING kindred(v float[1], m TEXT)");
  db.run("INSERT INTO items VALUES('[1]', 'x')");
  CHECK(db.rows("SELECT * FROM items") == Rows{"x'0000803f'|x"});
}

TEST_CASE("several columns of text are embedded as lines of one text", "[sql][collection]") {
  Database db;
  db.run("CREATE VIRTUAL TABLE items USING kindred(title, body, lang TEXT)");
  db.run(
      "INSERT INTO items VALUES('Onion soup', 'Peel the onions', 'en'), "
      "('Onion soup', NULL, 'en'), (NULL, 'Peel the onions', 'en'), (NULL, NULL, 'en'), "
      "('', '  ', 'en')");
  const auto texts = {"embed('Onion soup' || char(10) || 'Peel the onions')", "embed('Onion soup')",
                      "embed('Peel the onions')"};
  int id = 0;
  for (const std::string text : texts) {
    INFO(text);
    CHECK(db.one("SELECT rowid, distance < 1e-6 FROM knn('items', " + text + ", 1)") ==
          std::to_string(++id) + "|1");
  }
  SECTION("text without content has no vector") {
    CHECK(db.one("SELECT count(*) FROM knn('items', 'onion')") == "3");
    CHECK(db.one("SELECT count(*) FROM items") == "5");
  }
  SECTION("UPDATE of any of them embeds anew") {
    db.run("UPDATE items SET body = 'Wash your car' WHERE rowid = 1");
    CHECK(db.one("SELECT distance < 1e-6 FROM knn('items', embed('Onion soup' || char(10) || "
                 "'Wash your car')) WHERE rowid = 1") == "1");
    db.run("UPDATE items SET title = NULL, body = NULL WHERE rowid = 1");
    CHECK(db.one("SELECT count(*) FROM knn('items', 'onion') WHERE rowid = 1") == "0");
    db.run("UPDATE items SET title = 'Onion soup' WHERE rowid = 1");
    CHECK(db.one("SELECT count(*) FROM knn('items', 'onion') WHERE rowid = 1") == "1");
  }
  SECTION("numbers are embedded as their text") {
    db.run("INSERT INTO items VALUES(1984, NULL, 'en')");
    CHECK(db.one("SELECT rowid FROM knn('items', '1984', 1)") == "6");
    CHECK(db.one("SELECT typeof(title), title FROM items WHERE rowid = 6") == "text|1984");
  }
  check_integrity(db);
}

TEST_CASE("vectors of each element type can be inserted and updated", "[sql][collection]") {
  Database db;
  SqlFunctions functions(db);
  SECTION("float32 as JSON, BLOB and from functions") {
    db.run("CREATE VIRTUAL TABLE items USING kindred(v float[2])");
    db.run(
        "INSERT INTO items VALUES('[1,2]'), (' [ 1e0 , 2.0 ] '), (x'0000803f00000040'), "
        "(vec_f32('[1,2]')), (vec_add('[0,1]', '[1,1]'))");
    CHECK(db.one("SELECT count(*), count(DISTINCT v) FROM items") == "5|1");
  }
  SECTION("int8 with its subtype or as bytes") {
    db.run("CREATE VIRTUAL TABLE items USING kindred(v int8[3])");
    db.run("INSERT INTO items VALUES(vec_int8('[1,-2,3]')), (x'01fe03'), (vec_int8(x'01fe03'))");
    CHECK(db.one("SELECT count(*), count(DISTINCT v) FROM items") == "3|1");
    db.run("UPDATE items SET v = (SELECT vec_int8('[4,4,4]')) WHERE rowid = 2");
    CHECK(db.one("SELECT vec_to_json(v) FROM items WHERE rowid = 2") == "[4,4,4]");
    db.run("CREATE TABLE t AS SELECT v FROM items");
    db.run("INSERT INTO items SELECT v FROM t");
    CHECK(db.one("SELECT count(*) FROM knn('items', x'010101')") == "6");
  }
  SECTION("int8 as JSON") {
    db.run("CREATE VIRTUAL TABLE items USING kindred(v int8[3] distance_metric=l2)");
    db.run("INSERT INTO items VALUES('[1,-2,127]'), (' [ -128, 0, 3 ] ')");
    CHECK(db.rows("SELECT hex(v) FROM items") == Rows{"01FE7F", "800003"});
    db.run("UPDATE items SET v = '[4,4,4]' WHERE rowid = 2");
    CHECK(db.one("SELECT vec_to_json(v) FROM items WHERE rowid = 2") == "[4,4,4]");
    CHECK(db.one("SELECT rowid, distance FROM knn('items', '[4,4,1]', 1)") == "2|3.0");
    CHECK(db.one("SELECT rowid, distance FROM items WHERE v MATCH '[1,-2,127]' AND k = 1") ==
          "1|0.0");
    CHECK(db.error("INSERT INTO items VALUES('[1,2,128]')") ==
          "items.v: 128 is no int8: integers from -128 to 127 are wanted");
    CHECK(db.error("UPDATE items SET v = '[1,2]'") ==
          "items.v: dimensions differ: 3 are wanted, got 2");
    CHECK(db.error("INSERT INTO items VALUES('[1,2')").starts_with("items.v: no JSON array"));
  }
  SECTION("bit with its subtype or as bytes") {
    db.run("CREATE VIRTUAL TABLE items USING kindred(v bit[16])");
    db.run(
        "INSERT INTO items VALUES(vec_bit(x'0102')), (x'0102'), "
        "(vec_quantize_binary(random_vector(1, 16)))");
    CHECK(db.one("SELECT count(DISTINCT v) FROM items") == "2");
    CHECK(db.rows("SELECT rowid, distance FROM knn('items', x'0102', 2)") ==
          Rows{"1|0.0", "2|0.0"});
    CHECK(db.error("INSERT INTO items VALUES('[0,1]')") ==
          "items.v: a vector of bit is wanted, got one of float32");
  }
  check_integrity(db);
}

TEST_CASE("a value that is no vector of the collection is refused", "[sql][collection]") {
  Database db;
  SqlFunctions functions(db);
  db.run("CREATE VIRTUAL TABLE items USING kindred(v float[3], m TEXT)");
  db.run("INSERT INTO items VALUES('[1,2,3]', 'one')");
  for (const std::string statement : {"INSERT INTO items(v) VALUES(", "UPDATE items SET v = (",
                                      "INSERT OR IGNORE INTO items(v) VALUES("}) {
    const std::string end = ")";
    db.run("BEGIN");
    check_error(db, statement + "'[1,2]'" + end, {"items.v", "3", "2"});
    check_error(db, statement + "'[1,2,3,4]'" + end, {"items.v", "3", "4"});
    check_error(db, statement + "'[1,2,'" + end, {"items.v"});
    check_error(db, statement + "'hello'" + end, {"items.v"});
    check_error(db, statement + "''" + end, {"items.v"});
    check_error(db, statement + "'[1,2,\"3\"]'" + end, {"items.v"});
    check_error(db, statement + "'[1,2,1e99]'" + end, {"items.v"});
    check_error(db, statement + "x'0102030405'" + end, {"items.v", "5 bytes"});
    check_error(db, statement + "x''" + end, {"items.v", "empty"});
    check_error(db, statement + "x'0000807f0000000000000000'" + end, {"items.v"});
    check_error(db, statement + "x'00000000000000000000c07f'" + end, {"items.v"});
    check_error(db, statement + "5" + end, {"items.v", "5"});
    check_error(db, statement + "1.5" + end, {"items.v", "1.5"});
    // An UPDATE does not hand over the subtype that tells int8 from float32.
    if (statement[0] == 'I')
      check_error(db, statement + "vec_int8('[1,2,3]')" + end, {"items.v", "float32", "int8"});
    check_error(db, statement + "vec_int8('[1,2,3]')" + end, {"items.v"});
    check_error(db, statement + "random_vector(1, 4)" + end, {"items.v", "3", "4"});
    CHECK(db.rows("SELECT rowid, vec_to_json(v), m FROM items") == Rows{"1|[1,2,3]|one"});
    db.run("COMMIT");
    CHECK(db.rows("SELECT rowid, vec_to_json(v), m FROM items") == Rows{"1|[1,2,3]|one"});
  }
  db.run("INSERT INTO items VALUES('[4,5,6]', 'two')");
  CHECK(nearest(db, "[4,5,6]") == Rows{"2", "1"});
  check_integrity(db);
}

TEST_CASE("a failing row of a statement takes the whole statement back", "[sql][collection]") {
  Database db;
  db.run("CREATE VIRTUAL TABLE items USING kindred(id INTEGER PRIMARY KEY, v float[1])");
  db.run("INSERT INTO items VALUES(1, '[1]'), (2, '[2]')");
  for (const std::string begin : {"", "BEGIN"}) {
    db.run(begin);
    check_error(db, "INSERT INTO items VALUES(3, '[3]'), (4, '[4,4]')", {"items.v"});
    check_error(db, "INSERT INTO items VALUES(3, '[3]'), (1, '[4]')", {"items.id"});
    check_error(db, "UPDATE items SET v = CASE id WHEN 1 THEN '[9]' ELSE '[9,9]' END", {"items.v"});
    CHECK(db.rows("SELECT id, vec_to_json(v) FROM items") == Rows{"1|[1]", "2|[2]"});
    CHECK(db.rows("SELECT rowid, distance FROM knn('items', '[1]')") == Rows{"1|0.0", "2|0.0"});
    db.run(begin.empty() ? "" : "COMMIT");
    check_integrity(db);
  }
}

TEST_CASE("rows without a vector are kept and are nobody's neighbours", "[sql][collection]") {
  Database db;
  db.run("CREATE VIRTUAL TABLE items USING kindred(v float[2], m TEXT)");
  db.run(
      "INSERT INTO items VALUES(NULL, 'null'), ('[0,0]', 'zero'), ('[1,0]', 'one'), "
      "('[-0.0,0]', 'minus zero')");
  CHECK(db.rows("SELECT m, v IS NULL FROM items") ==
        Rows{"null|1", "zero|0", "one|0", "minus zero|0"});
  CHECK(nearest(db, "[1,1]") == Rows{"3"});
  CHECK(nearest(db, "[0,0]") == Rows{});
  db.run("UPDATE items SET v = '[0,1]' WHERE m IN ('null', 'zero')");
  CHECK(nearest(db, "[0,2]") == Rows{"1", "2", "3"});
  db.run("UPDATE items SET v = NULL WHERE m IN ('one', 'zero')");
  CHECK(nearest(db, "[0,2]") == Rows{"1"});
  CHECK(db.one("SELECT count(*), count(v) FROM items") == "4|2");
  db.run("DELETE FROM items WHERE v IS NULL");
  CHECK(db.rows("SELECT m FROM items") == Rows{"null", "minus zero"});
  check_integrity(db);
}

TEST_CASE("zero vectors are neighbours where their distance is defined", "[sql][collection]") {
  Database db;
  for (const std::string metric : {"l2", "l1", "dot"}) {
    INFO(metric);
    db.run("CREATE VIRTUAL TABLE items USING kindred(v float[2] distance_metric=" + metric + ")");
    db.run("INSERT INTO items VALUES('[0,0]'), ('[1,1]')");
    CHECK(db.one("SELECT count(*) FROM knn('items', '[0,0]')") == "2");
    CHECK(nearest(db, "[-1,-1]") == Rows{"1", "2"});
    db.run("DROP TABLE items");
  }
}

TEST_CASE("UPDATE of metadata leaves the vector alone", "[sql][collection]") {
  Database db;
  db.run(
      "CREATE VIRTUAL TABLE items USING kindred(id INTEGER PRIMARY KEY, v int8[2], m TEXT, "
      "+a TEXT)");
  db.run("INSERT INTO items VALUES(1, vec_int8('[1,2]'), 'a', 'x'), (2, NULL, 'b', 'y')");
  const std::string log = db.one("SELECT count(*), max(cn) FROM items_log");
  db.run("UPDATE items SET m = m || '!', a = NULL");
  CHECK(db.one("SELECT count(*), max(cn) FROM items_log") == log);
  CHECK(db.rows("SELECT id, vec_to_json(v), m, a FROM items") ==
        Rows{"1|[1,2]|a!|NULL", "2|NULL|b!|NULL"});
  SECTION("also when the statement names it") {
    db.run("UPDATE items SET v = v, m = 'c'");
    CHECK(db.rows("SELECT id, vec_to_json(v), m FROM items") == Rows{"1|[1,2]|c", "2|NULL|c"});
  }
  SECTION("also when another column is computed from it") {
    db.run("UPDATE items SET m = vec_to_json(v)");
    CHECK(db.rows("SELECT id, vec_to_json(v), m FROM items") ==
          Rows{"1|[1,2]|[1,2]", "2|NULL|NULL"});
  }
  SECTION("UPDATE FROM takes it from another table") {
    db.run("CREATE TABLE t(id, v); INSERT INTO t VALUES(1, x'0505'), (2, x'0606')");
    db.run("UPDATE items SET v = t.v FROM t WHERE t.id = items.id");
    CHECK(db.rows("SELECT id, vec_to_json(v), m FROM items") == Rows{"1|[5,5]|a!", "2|[6,6]|b!"});
  }
  check_integrity(db);
}

TEST_CASE("UPDATE moves a row to another key or rowid with its vector", "[sql][collection]") {
  Database db;
  db.run(
      "CREATE VIRTUAL TABLE items USING kindred(id INTEGER PRIMARY KEY, "
      "v float[2] distance_metric=l2, m TEXT)");
  db.run("INSERT INTO items VALUES(1, '[1,1]', 'a'), (2, '[2,2]', 'b'), (3, NULL, 'c')");
  SECTION("by the key") {
    db.run("UPDATE items SET id = id + 10");
    CHECK(db.rows("SELECT rowid, id, vec_to_json(v), m FROM items") ==
          Rows{"11|11|[1,1]|a", "12|12|[2,2]|b", "13|13|NULL|c"});
    CHECK(nearest(db, "[1,1]") == Rows{"11", "12"});
  }
  SECTION("by the rowid") {
    db.run("UPDATE items SET rowid = 20 WHERE id = 1");
    CHECK(db.rows("SELECT id, m FROM items") == Rows{"2|b", "3|c", "20|a"});
    CHECK(nearest(db, "[1,1]") == Rows{"20", "2"});
  }
  SECTION("with a new vector") {
    db.run("UPDATE items SET id = 20, v = '[3,3]' WHERE id = 1");
    CHECK(nearest(db, "[2,2]") == Rows{"2", "20"});
    CHECK(db.one("SELECT vec_to_json(v) FROM items WHERE id = 20") == "[3,3]");
  }
  SECTION("without one") {
    db.run("UPDATE items SET id = 20, v = NULL WHERE id = 1");
    CHECK(nearest(db, "[2,2]") == Rows{"2"});
  }
  SECTION("to one that another row has had") {
    db.run("DELETE FROM items WHERE id = 2; UPDATE items SET id = 2 WHERE id = 1");
    CHECK(nearest(db, "[2,2]") == Rows{"2"});
    CHECK(db.one("SELECT m FROM items WHERE id = 2") == "a");
  }
  SECTION("not to one that is taken") {
    check_error(db, "UPDATE items SET id = 2 WHERE id = 1", {"UNIQUE", "items.id"});
    check_error(db, "UPDATE items SET rowid = 2 WHERE id = 1", {"UNIQUE", "items"});
    CHECK(nearest(db, "[1,1]") == Rows{"1", "2"});
  }
  SECTION("written as an integer, a whole number or its text") {
    db.run("UPDATE items SET id = 4.0 WHERE id = 1; UPDATE items SET id = '5' WHERE id = 2");
    db.run("INSERT INTO items(id, m) VALUES(6.0, 'd'), ('7', 'e')");
    CHECK(db.one("SELECT group_concat(id) FROM items") == "3,4,5,6,7");
  }
  SECTION("not to what is no integer") {
    for (const std::string id : {"NULL", "'abc'", "1.5", "x'01'", "''"}) {
      INFO(id);
      check_error(db, "UPDATE items SET id = " + id, {"items", "INTEGER PRIMARY KEY"});
      if (id != "NULL") {
        check_error(db, "UPDATE items SET rowid = " + id, {"items", "rowid"});
        check_error(db, "INSERT INTO items(id, m) VALUES(" + id + ", 'd')", {"items.id"});
        CHECK(db.error("INSERT INTO items(rowid, m) VALUES(" + id + ", 'd')") ==
              "datatype mismatch");
      }
    }
    CHECK(db.one("SELECT group_concat(id) FROM items") == "1,2,3");
  }
  check_integrity(db);
}

TEST_CASE("a TEXT primary key names a row", "[sql][collection]") {
  Database db;
  db.run(
      "CREATE VIRTUAL TABLE items USING kindred(sku TEXT PRIMARY KEY, "
      "v float[2] distance_metric=l2, m TEXT)");
  db.run("INSERT INTO items VALUES('a', '[1,1]', 'one'), ('b', '[2,2]', 'two'), ('', NULL, 'no')");
  CHECK(db.one("SELECT m FROM items WHERE sku = 'b'") == "two");
  CHECK(db.one("SELECT m FROM items WHERE sku = 'B' COLLATE NOCASE") == "two");
  CHECK(db.one("SELECT m FROM items WHERE sku = ''") == "no");
  CHECK(db.rows("SELECT m FROM items WHERE sku = NULL") == Rows{});
  CHECK(db.rows("SELECT key, rowid FROM knn('items', '[2,2]')") == Rows{"b|2", "a|1"});
  check_error(db, "INSERT INTO items VALUES('a', '[1,1]', 'x')", {"UNIQUE", "items.sku"});
  check_error(db, "INSERT INTO items VALUES(NULL, '[1,1]', 'x')", {"NOT NULL", "items.sku"});
  check_error(db, "UPDATE items SET sku = NULL", {"NOT NULL", "items.sku"});
  check_error(db, "UPDATE items SET sku = 'a' WHERE sku = 'b'", {"UNIQUE", "items.sku"});
  check_error(db, "INSERT INTO items(rowid, sku) VALUES(1, 'z')", {"UNIQUE", "items.rowid"});
  db.run("UPDATE items SET sku = 'c' WHERE sku = 'a'");
  db.run("UPDATE items SET v = '[2.1,2.1]' WHERE sku = 'c'");
  CHECK(db.rows("SELECT key, distance FROM knn('items', '[2.1,2.1]', 1)") == Rows{"c|0.0"});
  db.run("DELETE FROM items WHERE sku = 'b'");
  CHECK(db.rows("SELECT key FROM knn('items', '[2,2]')") == Rows{"c"});
  db.run("INSERT INTO items VALUES(5, '[5,5]', 'five')");
  CHECK(db.one("SELECT typeof(sku), m FROM items WHERE sku = '5'") == "text|five");
  CHECK(db.one("SELECT m FROM items WHERE sku = 5") == "five");
  check_integrity(db);
}

// Conditions on a table with columns id, s TEXT, n INTEGER, r REAL, b BLOB, x NUMERIC.
const std::initializer_list<std::string> kConditions = {
    "s = 'abc'",
    "s = 'abc' COLLATE NOCASE",
    "s COLLATE NOCASE = 'ABC'",
    "s <> 'abc'",
    "s < 'b'",
    "s >= '5' AND s <= 'abc'",
    "s BETWEEN '0' AND 'Z'",
    "s = 5",
    "n = '5'",
    "n = 5.0",
    "n > '1'",
    "x = 5",
    "x = '5'",
    "x > 4",
    "x >= ''",
    "b = 5",
    "b = '5'",
    "b > x'00'",
    "r = 5",
    "r > '1'",
    "s IN ('abc', 'ABC', NULL)",
    "s IN ('abc')",
    "s IN ()",
    "s IN (5, 'abc')",
    "n IN (1, '5')",
    "n IN (SELECT i FROM other)",
    "s IN (SELECT t FROM other)",
    "s NOT IN ('abc')",
    "s LIKE 'a%'",
    "s LIKE 'A_C'",
    "s NOT LIKE 'a%'",
    "s GLOB 'a*'",
    "s GLOB '[a-b]*'",
    "s LIKE 'a\\%c' ESCAPE '\\'",
    "n LIKE '5%'",
    "s IS NULL",
    "s IS NOT NULL",
    "s IS 'abc'",
    "s IS NOT 'abc'",
    "s IS NOT NULL AND n IS NOT 5",
    "n IS NULL OR s = 'abc'",
    "s = NULL",
    "s <> NULL",
    "n = 1 OR r = 5",
    "n + 1 = 6",
    "length(s) = 3",
    "id = 4",
    "id = '4'",
    "id IN (1, 3, 99)",
    "id > 2 AND id < 6",
    "id <> 4",
    "id IS 4",
    "id = 4.5",
    "id = 'abc'",
    "id IS NULL",
    "rowid = 4",
    "id BETWEEN 3 AND 5 AND s IS NOT NULL",
    "NOT (s = 'abc')",
    "s = b",
    "n = r",
    "CAST(n AS TEXT) = s",
    "n IN (1, 2, 3) AND s IN ('abc', 'x')",
    "(n, s) = (1, 'abc')",
    "(n, s) > (1, 'abc')",
    "n = (SELECT max(i) FROM other)",
    "EXISTS (SELECT 1 FROM other WHERE other.t = s)"};

TEST_CASE("conditions of a plain SELECT mean what they mean on an ordinary table",
          "[sql][collection]") {
  Database db;
  const std::string columns =
      "(id INTEGER PRIMARY KEY, s TEXT, n INTEGER, r REAL, b BLOB, "
      "x NUMERIC)";
  db.run(
      "CREATE VIRTUAL TABLE items USING kindred(id INTEGER PRIMARY KEY, v float[1], s TEXT, "
      "n INTEGER, r REAL, b BLOB, x NUMERIC)");
  db.run("CREATE TABLE plain" + columns);
  db.run(
      "INSERT INTO plain VALUES(1, 'abc', 1, 1.5, x'01', '5'), (2, 'ABC', 2, -2, 'text', 'five'), "
      "(3, NULL, NULL, NULL, NULL, NULL), (4, '5', 5, 5, 5, 5), (5, '', 0, 0, x'', ''), "
      "(6, 'äöü', -9, 1e10, 'abc', 1e10), (7, 'a%c', 9223372036854775807, 0.1, 0.1, x'05'), "
      "(8, '05', '7', '7', '7', '07')");
  db.run("INSERT INTO items SELECT id, '[1]', s, n, r, b, x FROM plain");
  db.run(
      "CREATE TABLE other(t TEXT, i INTEGER, x); "
      "INSERT INTO other VALUES('5', 5, 5), ('abc', 1, '1'), (NULL, NULL, NULL)");
  for (const std::string& condition : kConditions) {
    INFO(condition);
    const std::string where = " WHERE " + condition + " ORDER BY id";
    CHECK(db.rows("SELECT id FROM items" + where) == db.rows("SELECT id FROM plain" + where));
  }
  for (const std::string join : {"o.t = i.s", "o.i = i.id", "i.id = o.x", "o.x = i.x"}) {
    INFO(join);
    const std::string end = " i ON " + join + " ORDER BY 1, 2";
    for (const std::string kind : {"JOIN", "LEFT JOIN"})
      CHECK(db.rows("SELECT o.i, i.id FROM other o " + kind + " items" + end) ==
            db.rows("SELECT o.i, i.id FROM other o " + kind + " plain" + end));
  }
}

TEST_CASE("a comparison with another column keeps that column's affinity", "[sql][collection]") {
  Database db;
  db.run("CREATE VIRTUAL TABLE items USING kindred(v float[1], s TEXT)");
  db.run("INSERT INTO items VALUES('[1]', '05')");
  db.run("CREATE TABLE other(i INTEGER); INSERT INTO other VALUES(5)");
  CHECK(db.one("SELECT count(*) FROM other o JOIN items i ON i.s = o.i") == "1");
  CHECK(db.one("SELECT count(*) FROM items WHERE s IN (SELECT i FROM other)") == "1");
}

TEST_CASE("values compare as on an ordinary table whatever they come from", "[sql][collection]") {
  Database db;
  db.run(
      "CREATE VIRTUAL TABLE items USING kindred(k1 TEXT PRIMARY KEY, v float[1], s TEXT, "
      "n NUMERIC, b BLOB)");
  db.run("CREATE TABLE plain(k1 TEXT PRIMARY KEY, v, s TEXT, n NUMERIC, b BLOB)");
  db.run(
      "INSERT INTO plain SELECT column1, '[1]', column1, column1, column2 FROM (VALUES('5', '5'), "
      "('05', 5), ('5.0', 5.0), ('x', 'x'), ('X', x'35'), ('', '05'), ('10', 10), ('9', '9'))");
  db.run("INSERT INTO items SELECT * FROM plain");
  db.run("CREATE TABLE other(t TEXT, i INTEGER, x, b BLOB)");
  db.run(
      "INSERT INTO other VALUES('5', 5, 5, 5), ('05', '05', '05', '05'), ('x', 'x', 'x', 'x'), "
      "('9', 9.5, 9.0, x'35'), (NULL, NULL, NULL, NULL), ('10', 10, '10', 10)");
  const std::string search = " AND i.v MATCH '[1]'";
  const auto both = [&](const std::string& from, const std::string& where) {
    INFO(from << " WHERE " << where);
    const std::string select = "SELECT i.k1, count(*) FROM ";
    const std::string end = " GROUP BY 1 ORDER BY 1";
    const Rows wanted = db.rows(select + "plain i" + from + " WHERE " + where + end);
    CHECK(db.rows(select + "items i" + from + " WHERE " + where + end) == wanted);
    CHECK(db.rows(select + "items i" + from + " WHERE " + where + search + end) == wanted);
  };
  for (const std::string column : {"i.k1", "i.s", "i.n", "i.b"}) {
    for (const std::string op : {"=", "<>", "<", ">=", "IS", "IS NOT", "LIKE"}) {
      for (const std::string value : {"o.t", "o.i", "o.x", "o.b"}) {
        both(" JOIN other o", column + " " + op + " " + value);
        both(" CROSS JOIN other o", column + " " + op + " " + value);
      }
      for (const std::string value :
           {"5", "'05'", "x'35'", "CAST('5' AS INTEGER)", "CAST(5 AS TEXT)", "2 + 3", "+'5'",
            "(SELECT i FROM other)", "(SELECT t FROM other)", "(SELECT x FROM other)"})
        both("", column + " " + op + " " + value);
    }
    for (const std::string list :
         {"5, 9", "'5', 'x'", "5.0, '05', x'35', NULL", "SELECT i FROM other",
          "SELECT t FROM other", "SELECT x FROM other", "SELECT b FROM other",
          "SELECT CAST(t AS INTEGER) FROM other", "SELECT i || '' FROM other"})
      for (const std::string in : {" IN (", " NOT IN ("}) both("", column + in + list + ")");
  }
}

TEST_CASE("a bound value compares as on an ordinary table", "[sql][collection]") {
  Database db;
  db.run("CREATE VIRTUAL TABLE items USING kindred(k1 TEXT PRIMARY KEY, v float[1], b BLOB)");
  db.run("CREATE TABLE plain(k1 TEXT PRIMARY KEY, v, b BLOB)");
  db.run("INSERT INTO plain VALUES('5', '[1]', 5), ('05', '[1]', '5'), ('5.0', '[1]', x'35')");
  db.run("INSERT INTO items SELECT * FROM plain");
  for (const std::string where : {"k1 = ?1", "k1 > ?1", "k1 IN (?1, 7)", "b = ?1", "b <= ?1",
                                  "k1 = CAST(?1 AS INTEGER)", "b = CAST(?1 AS NUMERIC)"})
    for (const auto& value : {integer(5), real(5), text("5"), text("05"), blob({1})}) {
      INFO(where << ", a value of kind " << static_cast<int>(value.kind));
      const Rows wanted = db.rows("SELECT k1 FROM plain WHERE " + where + " ORDER BY 1", {value});
      CHECK(db.rows("SELECT k1 FROM items WHERE " + where + " ORDER BY 1", {value}) == wanted);
      CHECK(db.rows("SELECT k1 FROM items WHERE v MATCH '[1]' AND " + where + " ORDER BY 1",
                    {value}) == wanted);
      if (where.find("CAST") == std::string::npos)
        CHECK(db.rows(
                  "SELECT k1 FROM items WHERE v MATCH '[1]' AND k = 3 AND " + where + " ORDER BY 1",
                  {value}) == wanted);
    }
}

TEST_CASE("last_insert_rowid and changes count the collection's rows", "[sql][collection]") {
  Database db;
  SqlFunctions functions(db);
  db.run("CREATE VIRTUAL TABLE items USING kindred(v float[2], m TEXT)");
  db.run("INSERT INTO items VALUES('[1,1]', 'a'), ('[2,2]', 'b'), ('[3,3]', 'c')");
  CHECK(db.one("SELECT last_insert_rowid(), changes()") == "3|3");
  db.run("INSERT INTO items(rowid, v) VALUES(77, '[4,4]')");
  CHECK(db.one("SELECT last_insert_rowid(), changes()") == "77|1");
  db.run("UPDATE items SET m = 'x' WHERE rowid < 3");
  CHECK(db.one("SELECT last_insert_rowid(), changes()") == "77|2");
  db.run("UPDATE items SET v = '[5,5]'");
  CHECK(db.one("SELECT last_insert_rowid(), changes()") == "77|4");
  db.run("DELETE FROM items WHERE rowid < 3");
  CHECK(db.one("SELECT last_insert_rowid(), changes()") == "77|2");
  db.run("INSERT OR REPLACE INTO items(rowid, v) VALUES(3, '[1,1]')");
  CHECK(db.one("SELECT last_insert_rowid()") == "3");
  db.run("INSERT INTO items(items) VALUES('optimize')");
  CHECK(db.one("SELECT last_insert_rowid()") == "3");
  CHECK(db.rows("INSERT INTO items(rowid, v, m) VALUES(90, '[1,2]', 'r') RETURNING m") ==
        Rows{"r"});
  db.run("INSERT INTO items SELECT random_vector(i, 2), 'many' FROM " + numbers(500));
  CHECK(db.one("SELECT last_insert_rowid(), changes()") == "590|500");
  db.run("DELETE FROM items");
  CHECK(db.one("SELECT changes(), count(*) FROM items") == "503|0");
  check_integrity(db);
}

TEST_CASE("a number beyond 64 bits is no rowid", "[sql][collection]") {
  Database db;
  db.run("CREATE VIRTUAL TABLE items USING kindred(id INTEGER PRIMARY KEY, v float[1])");
  db.run("INSERT INTO items VALUES(9223372036854775807, '[1]')");
  for (const std::string number :
       {"9223372036854775808.0", "9223372036854775808", "'9223372036854775808'", "1e19", "-1e19"}) {
    INFO(number);
    check_error(db, "INSERT INTO items VALUES(" + number + ", '[2]')", {"items"});
    for (const std::string& choice :
         {"IN (" + number + ", 5)", "= " + number, "IN (SELECT " + number + " UNION SELECT 5)"}) {
      CHECK(db.rows("SELECT rowid FROM knn('items', '[1]', 1) WHERE rowid " + choice).empty());
      CHECK(db.rows("SELECT id FROM items WHERE v MATCH '[1]' AND id " + choice).empty());
      CHECK(db.rows("SELECT id FROM items WHERE id " + choice).empty());
    }
  }
  CHECK(db.one("SELECT rowid FROM knn('items', '[1]') WHERE rowid IN (9223372036854775807, 5)") ==
        "9223372036854775807");
}
