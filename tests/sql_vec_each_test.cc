// SPDX-License-Identifier: Apache-2.0
#include "tests/support/catch.h"
#include "tests/support/database.h"

using namespace kindred::test;

namespace {
using Rows = std::vector<std::string>;
}

TEST_CASE("vec_each yields one row per element", "[sql][vector]") {
  Database db;
  CHECK(db.rows("SELECT rowid, value, typeof(value) FROM vec_each('[1,2.5]')") ==
        Rows{"0|1.0|real", "1|2.5|real"});
  CHECK(db.rows("SELECT rowid, value, typeof(value) FROM vec_each(vec_int8('[1,-128]'))") ==
        Rows{"0|1|integer", "1|-128|integer"});
}

TEST_CASE("vec_each yields bits in the order of vec_to_json", "[sql][vector]") {
  Database db;
  CHECK(db.one("SELECT group_concat(value) FROM vec_each(vec_bit(x'0f01'))") ==
        "1,1,1,1,0,0,0,0,1,0,0,0,0,0,0,0");
  CHECK(db.one("SELECT json_group_array(value) = vec_to_json(vec_bit(x'a513')) "
               "FROM vec_each(vec_bit(x'a513'))") == "1");
}

TEST_CASE("vec_each of NULL has no rows", "[sql][vector]") {
  Database db;
  CHECK(db.rows("SELECT * FROM vec_each(NULL)").empty());
}

TEST_CASE("vec_each joins with a table of vectors", "[sql][vector]") {
  Database db;
  db.run("CREATE TABLE t(id, v); INSERT INTO t VALUES (1, '[1,2]'), (2, NULL), (3, '[7]')");
  CHECK(db.rows("SELECT id, e.rowid, value FROM t, vec_each(t.v) AS e ORDER BY id, e.rowid") ==
        Rows{"1|0|1.0", "1|1|2.0", "3|0|7.0"});
  CHECK(db.rows("SELECT id, value FROM t LEFT JOIN vec_each(t.v) WHERE id = 2") == Rows{"2|NULL"});
  CHECK(db.rows("SELECT value FROM vec_each WHERE vector = '[4,5]' AND rowid = 1") == Rows{"5.0"});
}

TEST_CASE("vec_each names what is no vector", "[sql][vector]") {
  Database db;
  CHECK(db.error("SELECT * FROM vec_each(5)") ==
        "vec_each(): argument 1: expected a vector (BLOB or JSON array), got INTEGER 5");
  CHECK(db.error("SELECT * FROM vec_each(x'0000c07f')") ==
        "vec_each(): argument 1: element 0 is NaN: finite numbers are wanted");
  CHECK(db.error("SELECT * FROM vec_each") == "vec_each(): a vector is wanted: vec_each(v)");
}

TEST_CASE("vec_each hands back its vector and cannot be written", "[sql][vector]") {
  Database db;
  CHECK(db.one("SELECT vec_to_json(vector) FROM vec_each('[1,2]') LIMIT 1") == "[1,2]");
  CHECK_FALSE(db.error("INSERT INTO vec_each(value) VALUES (1)").empty());
  CHECK_FALSE(db.error("CREATE VIRTUAL TABLE t USING vec_each").empty());
}
