// Golden values marked "sqlite-vec" were obtained from sqlite-vec 0.1.9 for the same call;
// tests/compare_sqlite_vec.sh repeats the comparison.
// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <cstring>
#include <random>

#include "tests/support/catch.h"
#include "tests/support/database.h"

using namespace kindred::test;

namespace {

// The elements of a vector expression, as JSON.
std::string json(Database& db, const std::string& expression) {
  return db.one("SELECT vec_to_json(" + expression + ")");
}

std::string type(Database& db, const std::string& expression) {
  return db.one("SELECT vec_type(" + expression + ")");
}

}  // namespace

TEST_CASE("vec_add and vec_sub work element by element", "[sql][vector]") {
  Database db;
  CHECK(json(db, "vec_add('[1,2]','[3,4.5]')") == "[4,6.5]");
  CHECK(json(db, "vec_sub('[1,2]','[3,5]')") == "[-2,-3]");
  CHECK(db.one("SELECT vec_add('[1,2]','[3,4]')") == "x'000080400000c040'");  // sqlite-vec
  CHECK(type(db, "vec_add('[1]','[1]')") == "float32");
}

TEST_CASE("int8 arithmetic wraps around as in sqlite-vec", "[sql][vector]") {
  Database db;
  CHECK(db.one("SELECT vec_add(vec_int8('[100,-100]'),vec_int8('[100,-100]'))") == "x'c838'");
  CHECK(db.one("SELECT vec_sub(vec_int8('[-100,100]'),vec_int8('[100,-100]'))") == "x'38c8'");
  CHECK(type(db, "vec_add(vec_int8('[1]'),vec_int8('[1]'))") == "int8");
}

TEST_CASE("vec_scale multiplies every element", "[sql][vector]") {
  Database db;
  CHECK(json(db, "vec_scale('[1,-2,0.5]', 2)") == "[2,-4,1]");
  CHECK(json(db, "vec_scale('[1,-2]', 0.1)") == "[0.1,-0.2]");
  CHECK(json(db, "vec_scale('[1,-2]', '3')") == "[3,-6]");
  CHECK(db.error("SELECT vec_scale('[1]', 'x')") ==
        "vec_scale(): argument 2: expected a finite number, got TEXT 'x'");
  CHECK(db.error("SELECT vec_scale('[1]', 9e999)") ==
        "vec_scale(): argument 2: expected a finite number, got REAL Inf");
  CHECK(db.error("SELECT vec_scale(vec_int8('[1]'), 2)") ==
        "vec_scale(): float32 vectors are wanted, got int8");
}

TEST_CASE("a result beyond float32 is an error that names the element", "[sql][vector]") {
  Database db;
  CHECK(db.error("SELECT vec_add('[1,3e38]','[1,3e38]')") ==
        "vec_add(): element 1 of the result overflows float32");
  CHECK(db.error("SELECT vec_sub('[-3e38]','[3e38]')") ==
        "vec_sub(): element 0 of the result overflows float32");
  CHECK(db.error("SELECT vec_scale('[1e30]', 1e300)") ==
        "vec_scale(): element 0 of the result overflows float32");
}

TEST_CASE("vec_normalize gives a vector of length 1", "[sql][vector]") {
  Database db;
  CHECK(db.one("SELECT vec_normalize('[3,4]')") == "x'9a99193fcdcc4c3f'");  // sqlite-vec
  CHECK(json(db, "vec_normalize('[5]')") == "[1]");
  std::mt19937 random(21);
  std::normal_distribution<float> normal;
  for (const float size : {1e-38F, 1e-20F, 1.0F, 1e20F, 1e38F}) {
    std::vector<float> v(33);
    for (float& x : v) x = std::fmod(normal(random), 3.0F) * size;
    INFO(size);
    CHECK(db.rows("SELECT abs(vec_dot(u, u) - 1) < 1e-6 FROM (SELECT vec_normalize(?1) AS u)",
                  {blob(v)}) == std::vector<std::string>{"1"});
  }
}

TEST_CASE("vec_normalize of a zero vector is NULL", "[sql][vector]") {
  Database db;
  CHECK(db.one("SELECT vec_normalize('[0,0]'), vec_normalize('[-0]')") == "NULL|NULL");
}

TEST_CASE("vec_normalize takes float32 vectors only", "[sql][vector]") {
  Database db;
  CHECK(db.error("SELECT vec_normalize(vec_int8('[3,4]'))") ==
        "vec_normalize(): float32 vectors are wanted, got int8");
  CHECK(db.error("SELECT vec_normalize(vec_bit(x'ff'))") ==
        "vec_normalize(): float32 vectors are wanted, got bit");
}

TEST_CASE("vec_slice cuts elements from start up to, not including, end", "[sql][vector]") {
  Database db;
  CHECK(json(db, "vec_slice('[1,2,3,4]',0,2)") == "[1,2]");
  CHECK(json(db, "vec_slice('[1,2,3,4]',1,4)") == "[2,3,4]");
  CHECK(json(db, "vec_slice('[1,2,3,4]','1','2')") == "[2]");
  CHECK(json(db, "vec_slice(vec_int8('[1,2,3,4]'),1,3)") == "[2,3]");
  CHECK(type(db, "vec_slice(vec_int8('[1,2,3,4]'),1,3)") == "int8");
  CHECK(db.one("SELECT vec_slice(vec_bit(x'010203'),8,24)") == "x'0203'");
  CHECK(type(db, "vec_slice(vec_bit(x'010203'),8,24)") == "bit");
}

TEST_CASE("vec_slice refuses ranges that are empty, outside or within a byte", "[sql][vector]") {
  Database db;
  const std::pair<const char*, const char*> cases[] = {
      {"'[1,2,3,4]',1,5", "elements 1 to 5 are outside the vector's 0 to 4"},
      {"'[1,2,3,4]',5,6", "elements 5 to 6 are outside the vector's 0 to 4"},
      {"'[1,2,3,4]',-1,2", "elements -1 to 2 are outside the vector's 0 to 4"},
      {"'[1,2,3,4]',0,4294967298", "elements 0 to 4294967298 are outside the vector's 0 to 4"},
      {"'[1,2,3,4]',2,2", "elements 2 to 2 are none: start below end is wanted"},
      {"'[1,2,3,4]',3,2", "elements 3 to 2 are none: start below end is wanted"},
      {"'[1,2,3,4]',0,-1", "elements 0 to -1 are none: start below end is wanted"},
      {"vec_bit(x'0102'),1,8", "bits 1 to 8 are no whole bytes: multiples of 8 are wanted"},
      {"vec_bit(x'0102'),0,9", "bits 0 to 9 are no whole bytes: multiples of 8 are wanted"},
      {"'[1,2]','a',2", "argument 2: expected an integer, got TEXT 'a'"},
      {"'[1,2]',0,1.5", "argument 3: expected an integer, got REAL 1.5"},
  };
  for (const auto& [arguments, expected] : cases)
    CHECK(db.error("SELECT vec_slice(" + std::string(arguments) + ")") ==
          "vec_slice(): " + std::string(expected));
}

TEST_CASE("vec_slice then vec_normalize is Matryoshka truncation", "[sql][vector]") {
  Database db;
  CHECK(json(db, "vec_normalize(vec_slice('[3,4,12]',0,2))") == "[0.6,0.8]");
}

TEST_CASE("vec_concat joins two vectors or more of one element type", "[sql][vector]") {
  Database db;
  CHECK(json(db, "vec_concat('[1,2]','[3]')") == "[1,2,3]");
  CHECK(json(db, "vec_concat('[1]','[2]','[3,4]')") == "[1,2,3,4]");
  CHECK(db.one("SELECT vec_concat(vec_bit(x'01'),vec_bit(x'02'))") == "x'0102'");
  CHECK(type(db, "vec_concat(vec_int8('[1]'),vec_int8('[2]'))") == "int8");
  CHECK(db.error("SELECT vec_concat('[1]')") ==
        "vec_concat(): two vectors or more are wanted, got 1");
  CHECK(db.error("SELECT vec_concat('[1]', '[2]', vec_int8('[3]'))") ==
        "vec_concat(): element types differ: float32 and int8");
  CHECK(db.error("SELECT vec_concat(zeroblob(262144), '[1]')") ==
        "vec_concat(): the result would have 65537 elements, at most 65536 are allowed");
}

TEST_CASE("vec_quantize_int8 gives sqlite-vec's codes", "[sql][vector]") {
  Database db;
  CHECK(db.one("SELECT vec_quantize_int8('[0,1,-1,0.5]','unit')") == "x'007e803f'");
  CHECK(db.one("SELECT vec_quantize_int8('[0.1,0.2,0.3,-0.1,-0.5,0.999,0.003,0.004,-0.004,-0.003]',"
               "'unit')") == "x'0c1825f3c07e0000ff00'");
  CHECK(db.one("SELECT vec_quantize_int8('[1.001,-1.001,1.1,100,-100]','unit')") ==
        "x'7f807f7f80'");
  CHECK(db.one("SELECT vec_quantize_int8('[0.5]','UNIT')") == "x'3f'");
  CHECK(type(db, "vec_quantize_int8('[0.5]','unit')") == "int8");
}

TEST_CASE("vec_quantize_int8 refuses other scales and element types", "[sql][vector]") {
  Database db;
  CHECK(db.error("SELECT vec_quantize_int8('[0.5]','max')") ==
        "vec_quantize_int8(): argument 2: expected 'unit', got TEXT 'max'");
  CHECK(db.error("SELECT vec_quantize_int8('[0.5]',x'756e6974')") ==
        "vec_quantize_int8(): argument 2: expected 'unit', got a BLOB of 4 bytes");
  CHECK(db.error("SELECT vec_quantize_int8(vec_int8('[1]'),'unit')") ==
        "vec_quantize_int8(): float32 vectors are wanted, got int8");
}

TEST_CASE("vec_quantize_binary sets a bit for each positive element", "[sql][vector]") {
  Database db;
  // sqlite-vec
  CHECK(db.one("SELECT vec_quantize_binary('[1,-2,0,4,-5,6,-7,8]')") == "x'a9'");
  CHECK(db.one("SELECT vec_quantize_binary(vec_int8('[1,-2,0,4,-5,6,-7,8]'))") == "x'a9'");
  CHECK(db.one("SELECT vec_quantize_binary('[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,-16]')") ==
        "x'ff7f'");
  CHECK(type(db, "vec_quantize_binary('[1,2,3,4,5,6,7,8]')") == "bit");
  CHECK(db.error("SELECT vec_quantize_binary('[1]')") ==
        "vec_quantize_binary(): a dimension divisible by 8 is wanted, got 1");
  CHECK(db.error("SELECT vec_quantize_binary(vec_bit(x'ff'))") ==
        "vec_quantize_binary(): float32 or int8 vectors are wanted, got bit");
}
