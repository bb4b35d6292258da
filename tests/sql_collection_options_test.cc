// CREATE VIRTUAL TABLE ... USING kindred(...): what its arguments mean, and what is refused.
// SPDX-License-Identifier: Apache-2.0
#include "tests/support/catch.h"
#include "tests/support/database.h"
#include "tests/support/sql_functions.h"

using kindred::test::check_error;
using kindred::test::Database;
using kindred::test::numbers;
using Rows = std::vector<std::string>;

namespace {

std::string create(const std::string& arguments, const std::string& name = "items") {
  return "CREATE VIRTUAL TABLE " + name + " USING kindred(" + arguments + ")";
}

// The collection's columns, those that are not hidden, with their types.
Rows columns(Database& db, const std::string& name) {
  return db.rows("SELECT name, type FROM pragma_table_info('" + name + "')");
}

// The CREATE fails with that message, leaves nothing behind and the connection as it was.
void check_refused(Database& db, const std::string& statement,
                   std::initializer_list<std::string_view> parts) {
  check_error(db, statement, parts);
  INFO(statement);
  CHECK(db.one("SELECT count(*) FROM sqlite_schema") == "0");
  db.run("BEGIN");
  check_error(db, statement, parts);
  CHECK(db.one("SELECT count(*) FROM sqlite_schema") == "0");
  db.run("COMMIT");
}

}  // namespace

TEST_CASE("a collection has the columns of its CREATE in their order", "[sql][collection]") {
  Database db;
  db.run(
      create("id INTEGER PRIMARY KEY, embedding float[4] distance_metric=l2, genre TEXT, "
             "year INTEGER, rating REAL, owner INTEGER PARTITION KEY, +thumbnail BLOB"));
  CHECK(columns(db, "items") == Rows{"id|INTEGER", "embedding|", "genre|TEXT", "year|INTEGER",
                                     "rating|REAL", "owner|INTEGER", "thumbnail|BLOB"});
}

TEST_CASE("column names are quoted in each of SQLite's ways", "[sql][collection]") {
  Database db;
  db.run(
      "CREATE VIRTUAL TABLE items USING kindred([my id] INTEGER PRIMARY KEY, \"a \"\"b\" TEXT, "
      "`c d` TEXT, +[e f] BLOB, v float[1])");
  CHECK(db.rows("SELECT name FROM pragma_table_info('items')") ==
        std::vector<std::string>{"my id", "a \"b", "c d", "e f", "v"});
}

TEST_CASE("a bare column name is text to embed", "[sql][collection]") {
  Database db;
  db.run(create("question, answer TEXT, lang TEXT", "faq"));
  CHECK(columns(db, "faq") == Rows{"question|TEXT", "answer|TEXT", "lang|TEXT"});
  db.run("INSERT INTO faq VALUES('how do I reset my password', 'by mail', 'en')");
  CHECK(db.one("SELECT rowid FROM knn('faq', 'reset my password', 1)") == "1");
}

TEST_CASE("every type of metadata that SQLite's affinities know is taken", "[sql][collection]") {
  Database db;
  for (const std::string type :
       {"INTEGER", "INT", "BIGINT", "BOOLEAN", "REAL", "FLOAT", "DOUBLE", "NUMERIC", "TEXT", "BLOB",
        "DATETIME", "DATE", "integer", "Text"}) {
    INFO(type);
    db.run(create("v float[2], m " + type + ", p " + type + " PARTITION KEY, +a " + type));
    db.run("INSERT INTO items VALUES('[1,2]', 1, 1, 1)");
    CHECK(db.one("SELECT count(*) FROM items WHERE m = 1 AND p = 1 AND a = 1") == "1");
    db.run("DROP TABLE items");
  }
}

TEST_CASE("vector columns are float, int8 or bit", "[sql][collection]") {
  Database db;
  SECTION("float32") {
    db.run(create("v float[3]"));
    db.run("INSERT INTO items VALUES('[1,2,3]')");
    CHECK(db.one("SELECT vec_type(v), vec_length(v), vec_to_json(v) FROM items") ==
          "float32|3|[1,2,3]");
  }
  SECTION("int8") {
    db.run(create("v int8[3] distance_metric=l2"));
    db.run("INSERT INTO items VALUES(vec_int8('[1,-2,3]'))");
    CHECK(db.one("SELECT vec_type(v), vec_length(v), vec_to_json(v) FROM items") ==
          "int8|3|[1,-2,3]");
  }
  SECTION("bit") {
    db.run(create("v bit[8]"));
    db.run("INSERT INTO items VALUES(vec_bit(x'05'))");
    CHECK(db.one("SELECT vec_type(v), vec_length(v), hex(v) FROM items") == "bit|8|05");
  }
  SECTION("keywords in any case") {
    db.run(create("v FLOAT[3] DISTANCE_METRIC=L2, id integer primary key, p Int Partition Key"));
    CHECK(columns(db, "items") == Rows{"v|", "id|INTEGER", "p|INT"});
  }
  SECTION("with spaces wherever they may be") {
    db.run(create("  v   float [ 3 ]   distance_metric = l2 ,  m TEXT  "));
    CHECK(columns(db, "items") == Rows{"v|", "m|TEXT"});
  }
}

TEST_CASE("the metric is cosine unless named, and hamming for bits", "[sql][collection]") {
  Database db;
  const auto distance = [&](const std::string& arguments, const std::string& a,
                            const std::string& b) {
    db.run("DROP TABLE IF EXISTS items");
    db.run(create(arguments));
    db.run("INSERT INTO items(v) VALUES(" + a + ")");
    return db.one("SELECT distance FROM knn('items', " + b + ")");
  };
  CHECK(distance("v float[2]", "'[3,0]'", "'[0,4]'") == "1.0");
  CHECK(distance("v float[2] distance_metric=l2", "'[3,0]'", "'[0,4]'") == "5.0");
  CHECK(distance("v float[2] distance_metric=l1", "'[3,0]'", "'[0,4]'") == "7.0");
  CHECK(distance("v float[2] distance_metric=dot", "'[3,1]'", "'[2,4]'") == "-10.0");
  CHECK(distance("v float[2], distance_metric='l2'", "'[3,0]'", "'[0,4]'") == "5.0");
  CHECK(distance("distance_metric=l1, v float[2]", "'[3,0]'", "'[0,4]'") == "7.0");
  CHECK(distance("v int8[2]", "vec_int8('[3,0]')", "vec_int8('[0,4]')") == "1.0");
  CHECK(distance("v int8[2] distance_metric=l1", "vec_int8('[3,0]')", "vec_int8('[0,4]')") ==
        "7.0");
  CHECK(distance("v bit[8]", "vec_bit(x'0f')", "vec_bit(x'1e')") == "2.0");
}

TEST_CASE("names of columns and collections may be quoted as in SQL", "[sql][collection]") {
  Database db;
  db.run(create(R"("order" float[2], 'group' TEXT, `a "b"` INTEGER, "x,y" TEXT, "with ""quotes""" )"
                R"(TEXT, "größe" REAL)",
                R"("my ""own"" items")"));
  CHECK(columns(db, R"(my "own" items)") == Rows{"order|", "group|TEXT", "a \"b\"|INTEGER",
                                                 "x,y|TEXT", "with \"quotes\"|TEXT", "größe|REAL"});
  db.run(R"(INSERT INTO "my ""own"" items" VALUES('[1,2]', 'g', 1, 'xy', 'q', 1.5))");
  CHECK(db.rows(R"(SELECT "group", "a ""b""", "x,y" FROM "my ""own"" items" WHERE "größe" > 1)") ==
        Rows{"g|1|xy"});
  CHECK(db.one(R"(SELECT rowid FROM knn('my "own" items', '[1,2]'))") == "1");
  db.run(R"(INSERT INTO "my ""own"" items"("my ""own"" items") VALUES('integrity-check'))");
  db.run(R"(DROP TABLE "my ""own"" items")");
  CHECK(db.one("SELECT count(*) FROM sqlite_schema") == "0");
}

TEST_CASE("dimensions shortens the vectors of the model", "[sql][collection]") {
  Database db;
  db.run(create("t, dimensions=32, model='hash'"));
  db.run("INSERT INTO items VALUES('soup of the day')");
  CHECK(db.one("SELECT rowid FROM knn('items', embed('soup', 'hash', '{\"dimensions\":32}'))") ==
        "1");
  check_error(db, "SELECT * FROM knn('items', embed('soup'))", {"32", "dimensions"});
}

TEST_CASE("a CREATE that names an unknown option or type is refused", "[sql][collection]") {
  Database db;
  check_refused(db, create("t, colour=red"), {"unknown option 'colour'", "model"});
  check_refused(db, create("v float[4] colour=red"), {"'colour'", "distance_metric"});
  check_refused(db, create("v float[4], m VARCHAR"), {"unknown type 'VARCHAR'", "TEXT"});
  check_refused(db, create("v double[4]"), {"double"});
  check_refused(db, create("v float[4], +a"), {"type is wanted"});
  check_refused(db, create("v float[4], m TEXT NOT NULL"), {"got 'NOT'"});
  check_refused(db, create("v float[4], m TEXT PRIMARY"), {"KEY"});
  check_refused(db, create("v float[4], id REAL PRIMARY KEY"), {"'id'", "INTEGER or TEXT", "REAL"});
  check_refused(db, create("v float[4], a INTEGER PRIMARY KEY, b TEXT PRIMARY KEY"),
                {"'b'", "second PRIMARY KEY"});
  check_refused(db, create("t, model=nope"), {"no such model: nope"});
  check_refused(db, create("t, model="), {"a value is wanted"});
}

TEST_CASE("a CREATE that gives an option twice is refused", "[sql][collection]") {
  Database db;
  for (const char* twice :
       {"t, model=hash, model=hash", "t, model=hash, MODEL=default",
        "t, dimensions=8, dimensions=9", "t, distance_metric=l2, distance_metric=l2",
        "v float[4] distance_metric=l2 distance_metric=cosine",
        "v float[4] distance_metric=l2, distance_metric=cosine",
        "distance_metric=cosine, v float[4] distance_metric=l2"})
    check_refused(db, create(twice), {"option", "is given twice"});
}

TEST_CASE("a CREATE without exactly one vector a row is refused", "[sql][collection]") {
  Database db;
  check_refused(db, create("a float[4], b float[4]"), {"second vector column"});
  check_refused(db, create("a float[4], b bit[8]"), {"second vector column"});
  check_refused(db, create("a float[4], note"),
                {"make two vectors", "\"note\", which has no type", "\"note TEXT\""});
  check_refused(db, create("t, v float[4]"), {"one is wanted"});
  check_refused(db, "CREATE VIRTUAL TABLE Knn USING kindred(v float[4])", {"named knn", "hide"});
  check_refused(db, create("v float[4], t"), {"one is wanted"});
  check_refused(db, create("a TEXT, b INTEGER"), {"vector column"});
  check_refused(db, "CREATE VIRTUAL TABLE items USING kindred", {"vector column"});
  check_refused(db, create("v float[4], model=hash"), {"model", "not with a vector column"});
}

TEST_CASE("dimensions of a vector column are fewer than it has, of float vectors that have codes",
          "[sql][collection]") {
  Database db;
  check_refused(db, create("v float[4], dimensions=4"), {"dimensions", "fewer than", "4"});
  check_refused(db, create("v float[4], dimensions=70"), {"dimensions", "fewer than", "4", "70"});
  check_refused(db, create("v float[4], dimensions=0"), {"1 to 65536", "'0'"});
  check_refused(db, create("dimensions=2, v int8[4]"), {"dimensions", "float[N]", "int8"});
  check_refused(db, create("v bit[8], dimensions=4"), {"dimensions", "float[N]", "bit"});
  check_refused(db, create("v float[4] distance_metric=l1, dimensions=2"),
                {"dimensions", "cosine, l2 or dot", "l1"});
  check_refused(db, create("v float[4], dimensions=2, distance_metric=l1"), {"dimensions", "l1"});
  check_refused(db, create("v float[4], dimensions=2, dimensions=3"), {"dimensions", "twice"});
  db.run(create("v float[4], dimensions=3"));
}

TEST_CASE("quantize is none or int8, of float vectors that codes can be made of",
          "[sql][collection]") {
  Database db;
  check_refused(db, create("v float[4], quantize=int4"), {"quantize none or int8", "'int4'"});
  check_refused(db, create("v float[4], quantize=''"), {"quantize none or int8", "''"});
  check_refused(db, create("v float[4], quantize=none, quantize=none"), {"quantize", "twice"});
  for (const std::string value : {"none", "int8"}) {
    INFO(value);
    check_refused(db, create("quantize=" + value + ", v int8[4]"),
                  {"quantize", "float[N]", "int8 vectors"});
    check_refused(db, create("v bit[8], quantize=" + value), {"quantize", "float[N]", "bit"});
  }
  check_refused(db, create("v float[4] distance_metric=l1, quantize=int8"),
                {"quantize int8", "cosine, l2 or dot", "l1"});
  check_refused(db, create("v float[4], quantize=none, dimensions=2"), {"dimensions", "int8"});
  for (const std::string arguments :
       {"v float[4], quantize='none'", "QUANTIZE = NONE, v float[4] distance_metric=l1",
        "v float[4], quantize=int8", "v float[4], quantize='int8', dimensions=2",
        "t, quantize=none", "t, quantize=none, dimensions=32", "t, quantize='INT8'"}) {
    INFO(arguments);
    db.run(create(arguments));
    db.run("DROP TABLE items");
  }
}

TEST_CASE("a CREATE with reserved or doubled names is refused", "[sql][collection]") {
  Database db;
  for (const std::string name : {"k", "K", "distance", "ef", "exact", "diversity", "visited",
                                 "is_exact", "rowid", "Rowid", "\"distance\""}) {
    INFO(name);
    check_refused(db, create("v float[4], " + name + " TEXT"), {"reserved"});
  }
  check_refused(db, create("distance float[4]"), {"'distance'", "reserved"});
  check_refused(db, create("k, t TEXT"), {"'k'", "reserved"});
  check_refused(db, create("v float[4], items TEXT"), {"'items'", "collection itself"});
  check_refused(db, create("ITEMS float[4]"), {"'ITEMS'", "collection itself"});
  check_refused(db, create("v float[4], m TEXT, M INTEGER"), {"duplicate column name"});
  check_refused(db, create("v float[4], \"\" TEXT"), {"name is empty"});
  check_refused(db, create("v float[4], m TEXT", "distance"), {"distance"});
  check_refused(db, create("v float[4], m TEXT", "K"), {"'K'", "reserved"});
}

TEST_CASE("a CREATE with impossible dimensions is refused", "[sql][collection]") {
  Database db;
  check_refused(db, create("v float[0]"), {"1 to 65536", "'0'"});
  check_refused(db, create("v float[65537]"), {"1 to 65536", "'65537'"});
  check_refused(db, create("v float[-1]"), {"'-'"});
  check_refused(db, create("v float[1.5]"), {"'1.5'"});
  check_refused(db, create("v float[99999999999999999999]"), {"1 to 65536"});
  check_refused(db, create("v float[]"), {"dimensions"});
  check_refused(db, create("v float[abc]"), {"'abc'"});
  check_refused(db, create("v float[4"), {"[4"});
  check_refused(db, create("v bit[7]"), {"divisible by 8"});
  check_refused(db, create("v bit[0]"), {"'0'"});
  check_refused(db, create("t, dimensions=0"), {"1 to 65536", "'0'"});
  check_refused(db, create("t, dimensions=65537"), {"1 to 65536"});
  check_refused(db, create("t, dimensions=60000"), {"dimensions", "default", "60000"});
  check_refused(db, create("t, dimensions='many'"), {"'many'"});
}

TEST_CASE("a CREATE with a metric that is not defined is refused", "[sql][collection]") {
  Database db;
  check_refused(db, create("v float[4] distance_metric=hamming"), {"hamming", "float32"});
  check_refused(db, create("v int8[4] distance_metric=hamming"), {"hamming", "int8"});
  check_refused(db, create("v bit[8] distance_metric=cosine"), {"cosine", "bit"});
  check_refused(db, create("v bit[8] distance_metric=l2"), {"l2", "bit"});
  check_refused(db, create("t, distance_metric=hamming"), {"hamming", "float32"});
  check_refused(db, create("v float[4] distance_metric=manhattan"), {"'manhattan'", "l1"});
  check_refused(db, create("v float[4] distance_metric"), {"'='"});
}

TEST_CASE("a CREATE with broken syntax is refused", "[sql][collection]") {
  Database db;
  check_refused(db, create("v float[4], \"m TEXT"), {});
  check_refused(db, create("v float[4], 'm TEXT"), {});
  check_refused(db, create("v float[4], = 3"), {});
  check_refused(db, create("v float[4], m TEXT, ?"), {});
  check_refused(db, create("v float[4] 5"), {});
}

TEST_CASE("a CREATE does not touch tables that have its shadow tables' names",
          "[sql][collection]") {
  Database db;
  for (const std::string suffix : {"rows", "log", "config"}) {
    INFO(suffix);
    db.run("CREATE TABLE items_" + suffix + "(x)");
    for (const std::string begin : {"", "BEGIN"}) {
      db.run(begin);
      check_error(db, create("v float[4]"), {"items_" + suffix, "already exists"});
      CHECK(db.rows("SELECT name FROM sqlite_schema") == Rows{"items_" + suffix});
      if (!begin.empty()) db.run("COMMIT");
    }
    db.run("DROP TABLE items_" + suffix);
  }
  db.run(create("v float[4]"));
  check_error(db, create("v float[4]"), {"already exists"});
  db.run("CREATE VIRTUAL TABLE IF NOT EXISTS items USING kindred(v float[9])");
  CHECK(columns(db, "items") == Rows{"v|"});
}

TEST_CASE("a collection opened anew is what it was created as", "[sql][collection]") {
  const kindred::test::ScratchDirectory folder;
  const std::string path = folder.file("app.db");
  {
    Database db(path);
    db.run(create("id TEXT PRIMARY KEY, v float[2] distance_metric=l2, m TEXT"));
    db.run("INSERT INTO items VALUES('a', '[1,2]', 'x'), ('b', '[3,4]', NULL)");
  }
  Database db(path);
  CHECK(db.rows("SELECT k.rowid, k.key, i.m, k.distance FROM knn('items', '[3,4]') k "
                "JOIN items i ON i.rowid = k.rowid ORDER BY k.distance") ==
        Rows{"2|b|NULL|0.0", "1|a|x|2.82842707633972"});
  db.run("INSERT INTO items(items) VALUES('integrity-check')");
}
