// Golden values were obtained from sqlite-vec 0.1.9 for the same call, but for vec_to_json() of
// float32, whose text is shorter; tests/compare_sqlite_vec.sh repeats the comparison.
// SPDX-License-Identifier: Apache-2.0
#include "tests/support/catch.h"
#include "tests/support/database.h"

using namespace kindred::test;

TEST_CASE("vec_f32 packs little-endian float32s", "[sql][vector]") {
  Database db;
  CHECK(db.one("SELECT vec_f32('[1,2]')") == "x'0000803f00000040'");
  CHECK(db.one("SELECT vec_f32(x'0000803f')") == "x'0000803f'");
  CHECK(db.one("SELECT vec_f32('[1e-300]')") == "x'00000000'");
  CHECK(db.one("SELECT typeof(vec_f32('[1]'))") == "blob");
}

TEST_CASE("vec_int8 takes bytes or a JSON array of small integers", "[sql][vector]") {
  Database db;
  CHECK(db.one("SELECT vec_int8('[1,2,127,-128]')") == "x'01027f80'");
  CHECK(db.one("SELECT vec_int8(x'01ff')") == "x'01ff'");
  CHECK(db.error("SELECT vec_int8('[128]')") ==
        "vec_int8(): argument 1: 128 is no int8: integers from -128 to 127 are wanted");
  CHECK(db.error("SELECT vec_int8('[1.5]')") ==
        "vec_int8(): argument 1: 1.5 is no int8: integers from -128 to 127 are wanted");
  CHECK(db.error("SELECT vec_int8(5)") ==
        "vec_int8(): argument 1: expected a BLOB or a JSON array, got INTEGER 5");
}

TEST_CASE("vec_bit takes bytes only", "[sql][vector]") {
  Database db;
  CHECK(db.one("SELECT vec_bit(x'ff00')") == "x'ff00'");
  CHECK(db.error("SELECT vec_bit('[1,0]')") ==
        "vec_bit(): argument 1: expected a BLOB, got TEXT '[1,0]'");
  CHECK(db.error("SELECT vec_bit(5)") == "vec_bit(): argument 1: expected a BLOB, got INTEGER 5");
  CHECK(db.error("SELECT vec_bit(x'')") ==
        "vec_bit(): argument 1: a vector has at least one element, got an empty BLOB");
}

TEST_CASE("a constructor reads the bytes of any other vector", "[sql][vector]") {
  Database db;
  CHECK(db.one("SELECT vec_f32(vec_int8('[1,2,3,4]'))") == "x'01020304'");
  CHECK(db.one("SELECT vec_int8(vec_f32('[1,2]'))") == "x'0000803f00000040'");
  CHECK(db.one("SELECT vec_bit(vec_int8('[1]'))") == "x'01'");
  CHECK(db.error("SELECT vec_f32(vec_bit(x'ff'))") ==
        "vec_f32(): argument 1: a BLOB of 1 bytes is no float32 vector: a length divisible by 4 is "
        "wanted");
}

TEST_CASE("a stored vector has lost its element type and gets it back", "[sql][vector]") {
  Database db;
  db.run("CREATE TABLE t(v); INSERT INTO t VALUES (vec_int8('[1,2,3,4]'))");
  CHECK(db.one("SELECT vec_type(v), vec_type(vec_int8(v)) FROM t") == "float32|int8");
}

TEST_CASE("vec_to_json writes the shortest text", "[sql][vector]") {
  Database db;
  CHECK(db.one("SELECT vec_to_json('[1.0, 2.50, 0.1]')") == "[1,2.5,0.1]");
  CHECK(db.one("SELECT vec_to_json(vec_int8('[1,-2]'))") == "[1,-2]");
  CHECK(db.one("SELECT vec_to_json(vec_bit(x'0f01'))") == "[1,1,1,1,0,0,0,0,1,0,0,0,0,0,0,0]");
}

TEST_CASE("vec_to_json nests in SQLite's JSON functions", "[sql][vector]") {
  Database db;
  CHECK(db.one("SELECT json_object('v', vec_to_json('[1,2.5]'))") == R"({"v":[1,2.5]})");
}

TEST_CASE("a wrong number of arguments is an error", "[sql][vector]") {
  Database db;
  CHECK(db.error("SELECT vec_f32('[1]', 1)") == "wrong number of arguments to function vec_f32()");
  CHECK(db.error("SELECT vec_quantize_int8('[0.5]')") ==
        "wrong number of arguments to function vec_quantize_int8()");
}
