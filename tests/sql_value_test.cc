// What is accepted and refused as a vector: the same for every function, shown on a few.
// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <limits>

#include "tests/support/catch.h"
#include "tests/support/database.h"

using namespace kindred::test;

namespace {

using Floats = std::vector<float>;
using Rows = std::vector<std::string>;

const float kNaN = std::numeric_limits<float>::quiet_NaN();
const float kInfinity = std::numeric_limits<float>::infinity();

std::string error_with(Database& db, const std::string& sql,
                       const std::vector<Database::Parameter>& parameters) {
  try {
    db.rows(sql, parameters);
  } catch (const std::exception& e) {
    const std::string text = e.what();
    return text.substr(0, text.find(" in: "));
  }
  return "";
}

}  // namespace

TEST_CASE("a vector is a BLOB of float32s or a JSON array", "[sql][vector]") {
  Database db;
  CHECK(db.one("SELECT vec_length(x'0000803f00000040'), vec_length('[1, 2, 3]')") == "2|3");
  CHECK(db.one("SELECT vec_add(x'0000803f00000040', '[1,1]') = vec_f32('[2,3]')") == "1");
}

TEST_CASE("subtypes tell float32, int8 and bit vectors apart", "[sql][vector]") {
  Database db;
  CHECK(db.one("SELECT vec_type(x'00000000'), vec_type(vec_f32(x'00000000')), "
               "vec_type(vec_int8(x'00000000')), vec_type(vec_bit(x'00000000'))") ==
        "float32|float32|int8|bit");
  CHECK(db.one("SELECT vec_length(vec_int8(x'0102')), vec_length(vec_bit(x'0102'))") == "2|16");
}

TEST_CASE("NULL in gives NULL out of every vector function", "[sql][vector]") {
  Database db;
  for (const char* call : {"cosine(NULL,'[1]')",
                           "cosine('[1]',NULL)",
                           "vec_distance_cosine(NULL,'[1]')",
                           "vec_distance_l2('[1]',NULL)",
                           "vec_distance_l1(NULL,NULL)",
                           "vec_dot(NULL,'[1]')",
                           "vec_distance_hamming(NULL,vec_bit(x'ff'))",
                           "vec_add('[1]',NULL)",
                           "vec_sub(NULL,'[1]')",
                           "vec_scale(NULL,2)",
                           "vec_scale('[1]',NULL)",
                           "vec_normalize(NULL)",
                           "vec_slice(NULL,0,1)",
                           "vec_slice('[1]',NULL,1)",
                           "vec_slice('[1]',0,NULL)",
                           "vec_concat('[1]',NULL)",
                           "vec_concat(NULL,'[1]','[2]')",
                           "vec_f32(NULL)",
                           "vec_int8(NULL)",
                           "vec_bit(NULL)",
                           "vec_type(NULL)",
                           "vec_length(NULL)",
                           "vec_to_json(NULL)",
                           "vec_quantize_int8(NULL,'unit')",
                           "vec_quantize_int8('[1]',NULL)",
                           "vec_quantize_binary(NULL)",
                           "vec_sum(NULL)",
                           "vec_mean(NULL)"}) {
    INFO(call);
    CHECK(db.one(std::string("SELECT ") + call) == "NULL");
  }
}

TEST_CASE("what is no vector is an error that says what came and what is wanted", "[sql][vector]") {
  Database db;
  const std::pair<const char*, const char*> cases[] = {
      {"vec_add(x'00010203040506', '[1]')",
       "vec_add(): argument 1: a BLOB of 7 bytes is no float32 vector: a length divisible by 4 is "
       "wanted"},
      {"vec_add('[1]', x'')",
       "vec_add(): argument 2: a vector has at least one element, got an empty BLOB"},
      {"vec_length('[]')",
       "vec_length(): argument 1: a vector has at least one element, got an empty array"},
      {"vec_length(5)",
       "vec_length(): argument 1: expected a vector (BLOB or JSON array), got INTEGER 5"},
      {"vec_dot('[1]', 2.5)",
       "vec_dot(): argument 2: expected a vector (BLOB or JSON array), got REAL 2.5"},
      {"cosine('one', '[1]')",
       "cosine(): argument 1: no JSON array of numbers: expected '[' at byte 1, got 'o'"},
      {"vec_length(x'0000c07f')",
       "vec_length(): argument 1: element 0 is NaN: finite numbers are wanted"},
      {"vec_f32(x'0000803f0000807f')",
       "vec_f32(): argument 1: element 1 is infinity: finite numbers are wanted"},
      {"vec_f32(x'000080ff')",
       "vec_f32(): argument 1: element 0 is -infinity: finite numbers are wanted"},
      {"vec_length(zeroblob(262148))",
       "vec_length(): argument 1: a vector has at most 65536 elements, got 65537"},
      {"vec_bit(zeroblob(8193))",
       "vec_bit(): argument 1: a vector has at most 65536 elements, got 65544"},
      {"vec_int8(zeroblob(65537))",
       "vec_int8(): argument 1: a vector has at most 65536 elements, got 65537"},
  };
  for (const auto& [call, expected] : cases)
    CHECK(db.error(std::string("SELECT ") + call) == expected);
  CHECK(db.one("SELECT vec_length(zeroblob(262144)), vec_length(vec_bit(zeroblob(8192)))") ==
        "65536|65536");
}

TEST_CASE("two vectors must agree in element type and dimension", "[sql][vector]") {
  Database db;
  for (const char* f : {"cosine", "vec_distance_cosine", "vec_distance_l2", "vec_distance_l1",
                        "vec_distance_hamming", "vec_dot", "vec_add", "vec_sub"}) {
    const std::string name = f;
    CHECK(db.error("SELECT " + name + "(zeroblob(384 * 4), zeroblob(768 * 4))") ==
          name + "(): dimensions differ: 384 and 768");
    CHECK(db.error("SELECT " + name + "('[1]', vec_int8('[1]'))") ==
          name + "(): element types differ: float32 and int8");
  }
}

TEST_CASE("NaN and infinity are blamed on their argument by every function", "[sql][vector]") {
  Database db;
  const Floats good(20, 1);
  for (const float bad : {kNaN, kInfinity, -kInfinity}) {
    Floats v = good;
    v[17] = bad;
    const std::string what = std::isnan(bad) ? "NaN" : bad > 0 ? "infinity" : "-infinity";
    const std::string rest = ": element 17 is " + what + ": finite numbers are wanted";
    for (const char* f : {"cosine", "vec_distance_cosine", "vec_distance_l2", "vec_distance_l1",
                          "vec_dot", "vec_add", "vec_sub", "vec_concat"}) {
      const std::string name = f;
      const std::string sql = "SELECT " + name + "(?1, ?2)";
      CHECK(error_with(db, sql, {blob(v), blob(good)}) == name + "(): argument 1" + rest);
      CHECK(error_with(db, sql, {blob(good), blob(v)}) == name + "(): argument 2" + rest);
    }
    for (const char* f : {"vec_f32", "vec_normalize", "vec_to_json", "vec_length", "vec_type",
                          "vec_sum", "vec_mean"}) {
      const std::string name = f;
      CHECK(error_with(db, "SELECT " + name + "(?1)", {blob(v)}) == name + "(): argument 1" + rest);
    }
  }
}

TEST_CASE("an error changes nothing and leaves the connection usable", "[sql][vector]") {
  Database db;
  db.run("CREATE TABLE t(v); INSERT INTO t VALUES ('[1,2]'), ('[1]')");
  CHECK(db.error("UPDATE t SET v = vec_add(v, '[1,1]')") ==
        "vec_add(): dimensions differ: 1 and 2");
  CHECK(db.rows("SELECT v FROM t") == Rows{"[1,2]", "[1]"});
}

TEST_CASE("vectors read the same wherever in a page they lie", "[sql][vector][isa]") {
  Database db;
  db.run("CREATE TABLE t(pad TEXT, v BLOB)");
  Floats v;
  for (int i = 0; i < 37; ++i) v.push_back(std::sin(static_cast<float>(i)));
  for (int pad = 0; pad < 8; ++pad)
    db.rows("INSERT INTO t VALUES (?1, ?2)", {text(std::string(pad, 'x')), blob(v)});
  for (const char* expression :
       {"cosine(v, ?1)", "vec_distance_l2(v, ?1)", "vec_dot(v, ?1)", "hex(vec_add(v, ?1))",
        "hex(vec_normalize(v))", "vec_to_json(v)", "hex(vec_quantize_int8(v, 'unit'))"}) {
    INFO(expression);
    CHECK(db.rows("SELECT DISTINCT " + std::string(expression) + " FROM t", {blob(v)}).size() == 1);
  }
}

TEST_CASE("vector functions serve indexes, generated columns and views", "[sql][vector]") {
  Database db;
  db.run(
      "PRAGMA trusted_schema = OFF;"
      "CREATE TABLE t(v BLOB, norm REAL AS (sqrt(vec_dot(v, v))) STORED,"
      "               CHECK (vec_length(v) = 2));"
      "CREATE INDEX i ON t(vec_dot(v, v));"
      "CREATE VIEW first AS SELECT value FROM t, vec_each(t.v) WHERE vec_each.rowid = 0;"
      "INSERT INTO t(v) VALUES (vec_f32('[3,4]'))");
  CHECK(db.one("SELECT norm FROM t") == "5.0");
  CHECK(db.one("SELECT value FROM first") == "3.0");
  CHECK_THAT(db.error("INSERT INTO t(v) VALUES ('[1]')"), ContainsSubstring("CHECK"));
}
