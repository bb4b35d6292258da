// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <random>

#include "tests/support/catch.h"
#include "tests/support/database.h"

using namespace kindred::test;

namespace {

using Rows = std::vector<std::string>;

void fill(Database& db, const std::string& values) {
  db.run("CREATE TABLE t(id INTEGER PRIMARY KEY, v); INSERT INTO t(v) VALUES " + values);
}

}  // namespace

TEST_CASE("vec_sum and vec_mean work element by element", "[sql][vector]") {
  Database db;
  fill(db, "('[1,2]'), ('[3,4]'), ('[5,9]')");
  CHECK(db.one("SELECT vec_to_json(vec_sum(v)), vec_to_json(vec_mean(v)) FROM t") ==
        "[9,15]|[3,5]");
  CHECK(db.one("SELECT vec_type(vec_mean(v)) FROM t") == "float32");
}

TEST_CASE("aggregates group, filter and drop duplicates", "[sql][vector]") {
  Database db;
  fill(db, "('[1,2]'), ('[3,4]'), ('[3,4]')");
  CHECK(db.rows("SELECT id > 1, vec_to_json(vec_mean(v)) FROM t GROUP BY id > 1") ==
        Rows{"0|[1,2]", "1|[3,4]"});
  CHECK(db.one("SELECT vec_to_json(vec_sum(v) FILTER (WHERE id < 3)) FROM t") == "[4,6]");
  CHECK(db.one("SELECT vec_to_json(vec_sum(DISTINCT v)) FROM t") == "[4,6]");
}

TEST_CASE("aggregates skip NULL and are NULL of nothing", "[sql][vector]") {
  Database db;
  fill(db, "('[1,2]'), (NULL), ('[3,4]')");
  CHECK(db.one("SELECT vec_to_json(vec_mean(v)) FROM t") == "[2,3]");
  CHECK(db.one("SELECT vec_sum(v), vec_mean(v) FROM t WHERE id = 2") == "NULL|NULL");
  CHECK(db.one("SELECT vec_sum(v), vec_mean(v) FROM t WHERE 0") == "NULL|NULL");
}

TEST_CASE("aggregates of int8 vectors are float32", "[sql][vector]") {
  Database db;
  CHECK(db.one("SELECT vec_to_json(vec_sum(vec_int8(column1))) FROM (VALUES ('[100,-128]'), "
               "('[100,-128]'))") == "[200,-256]");
}

TEST_CASE("aggregates refuse vectors that differ, and bits", "[sql][vector]") {
  Database db;
  fill(db, "('[1,2]'), ('[3]')");
  CHECK(db.error("SELECT vec_sum(v) FROM t") == "vec_sum(): dimensions differ: 2 and 1");
  CHECK(db.error("SELECT vec_mean(v) OVER (ORDER BY id) FROM t") ==
        "vec_mean(): dimensions differ: 2 and 1");
  CHECK(db.error("SELECT vec_sum(iif(id = 1, '[1]', vec_int8('[1]'))) FROM t") ==
        "vec_sum(): element types differ: float32 and int8");
  CHECK(db.error("SELECT vec_mean(vec_bit(x'ff'))") ==
        "vec_mean(): float32 or int8 vectors are wanted, got bit");
  CHECK(db.error("SELECT vec_sum(column1) FROM (VALUES ('[3e38]'), ('[3e38]'))") ==
        "vec_sum(): element 0 of the result overflows float32");
  CHECK(db.one("SELECT vec_to_json(vec_mean(column1)) FROM (VALUES ('[3e38]'), ('[3e38]'))") ==
        "[3e+38]");
}

TEST_CASE("vec_mean over a window follows its frame", "[sql][vector]") {
  Database db;
  fill(db, "('[1,10]'), ('[3,20]'), (NULL), ('[5,60]')");
  CHECK(db.rows("SELECT vec_to_json(vec_mean(v) OVER (ORDER BY id ROWS 1 PRECEDING)) FROM t") ==
        Rows{"[1,10]", "[2,15]", "[3,20]", "[5,60]"});
  CHECK(db.rows("SELECT vec_to_json(vec_sum(v) OVER (ORDER BY id)) FROM t") ==
        Rows{"[1,10]", "[4,30]", "[4,30]", "[9,90]"});
  CHECK(db.rows("SELECT vec_mean(v) OVER (ORDER BY id ROWS BETWEEN 2 FOLLOWING AND 1 FOLLOWING) "
                "FROM t") == Rows(4, "NULL"));
}

TEST_CASE("a frame that has emptied may go on with another dimension", "[sql][vector]") {
  Database db;
  fill(db, "('[1,2]'), (NULL), ('[7]')");
  CHECK(db.rows("SELECT vec_to_json(vec_sum(v) OVER (ORDER BY id ROWS 0 PRECEDING)) FROM t") ==
        Rows{"[1,2]", "NULL", "[7]"});
}

TEST_CASE("what leaves a window's frame leaves no trace", "[sql][vector]") {
  Database db;
  fill(db, "('[0.1]'), ('[1e30]'), ('[0.1]'), ('[0.1]'), ('[0.1]')");
  CHECK(db.rows("SELECT vec_to_json(vec_mean(v) OVER (ORDER BY id ROWS 1 PRECEDING)) FROM t")
            .back() == "[0.1]");
}

TEST_CASE("a sliding vec_mean equals the mean of its frame after many rows", "[sql][vector]") {
  Database db;
  db.run("CREATE TABLE t(id INTEGER PRIMARY KEY, v)");
  std::mt19937 random(31);
  std::normal_distribution<float> normal;
  for (int i = 0; i < 2000; ++i) {
    const float size = std::pow(10.0F, static_cast<float>(random() % 12));
    db.rows("INSERT INTO t(v) VALUES (?1)", {blob({normal(random) * size, normal(random)})});
  }
  const std::string frame = "(ORDER BY id ROWS 9 PRECEDING)";
  CHECK(db.one("SELECT count(*) FROM (SELECT id, vec_mean(v) OVER " + frame +
               " AS m FROM t) AS w "
               "WHERE m <> (SELECT vec_mean(v) FROM t WHERE t.id BETWEEN w.id - 9 AND w.id)") ==
        "0");
}
