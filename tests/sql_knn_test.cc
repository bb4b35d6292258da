// knn(): its arguments, its rows against brute force in SQL, and bounds on the distance.
// SPDX-License-Identifier: Apache-2.0
#include "tests/support/catch.h"
#include "tests/support/database.h"
#include "tests/support/files.h"
#include "tests/support/sql_functions.h"

using kindred::test::check_error;
using kindred::test::Database;
using kindred::test::integer;
using kindred::test::numbers;
using kindred::test::real;
using kindred::test::ScratchDirectory;
using kindred::test::SqlFunctions;
using Rows = std::vector<std::string>;

namespace {

// One kind of vectors: the column's type, a vector made from i, and the distance in SQL.
struct Kind {
  std::string type;
  std::string vector;    // of the number i
  std::string distance;  // of v and the query q
};

Kind float_kind(int dim, const std::string& metric) {
  return {"float[" + std::to_string(dim) + "] distance_metric=" + metric,
          "random_vector(i, " + std::to_string(dim) + ")",
          metric == "dot" ? "-vec_dot(v, q)" : "vec_distance_" + metric + "(v, q)"};
}

Kind int8_kind(int dim, const std::string& metric) {
  return {"int8[" + std::to_string(dim) + "] distance_metric=" + metric,
          "vec_int8(random_bytes(i, " + std::to_string(dim) + "))",
          metric == "dot" ? "-vec_dot(vec_int8(v), vec_int8(q))"
                          : "vec_distance_" + metric + "(vec_int8(v), vec_int8(q))"};
}

Kind bit_kind(int dim) {
  return {"bit[" + std::to_string(dim) + "]",
          "vec_bit(random_bytes(i, " + std::to_string(dim / 8) + "))",
          "vec_distance_hamming(vec_bit(v), vec_bit(q))"};
}

void fill(Database& db, const Kind& kind, int rows) {
  db.run("DROP TABLE IF EXISTS items; DROP TABLE IF EXISTS plain");
  db.run("CREATE VIRTUAL TABLE items USING kindred(v " + kind.type + ")");
  db.run("INSERT INTO items SELECT " + kind.vector + " FROM " + numbers(rows));
  db.run("CREATE TABLE plain AS SELECT rowid AS id, v FROM items");
}

// The vector of the number i, as an SQL expression.
std::string vector_of(const Kind& kind, int i) {
  return "(SELECT " + kind.vector + " FROM (SELECT " + std::to_string(i) + " AS i))";
}

// All rows in order, distances in full precision.
Rows brute_force(Database& db, const Kind& kind, const std::string& query,
                 const std::string& rest = "") {
  return db.rows("SELECT id, quote(d + 0.0) FROM (SELECT id, " + kind.distance +
                 " AS d FROM plain, (SELECT " + query + " AS q)) WHERE d IS NOT NULL " + rest +
                 " ORDER BY d, id");
}

Rows knn(Database& db, const std::string& arguments, const std::string& rest = "") {
  return db.rows("SELECT rowid, quote(distance) FROM knn('items', " + arguments + ") " + rest);
}

Rows first(const Rows& rows, size_t n) {
  return {rows.begin(), rows.begin() + static_cast<ptrdiff_t>(std::min(n, rows.size()))};
}

// Checks all rows, the first few with k, and the first few with LIMIT.
void check_exact(Database& db, const Kind& kind, const std::string& query) {
  INFO(kind.type << ", query " << query);
  const Rows wanted = brute_force(db, kind, query);
  CHECK(knn(db, query) == wanted);
  for (const size_t n : {1, 10, 100}) {
    CHECK(knn(db, query + ", " + std::to_string(n)) == first(wanted, n));
    CHECK(knn(db, query, "ORDER BY distance LIMIT " + std::to_string(n)) == first(wanted, n));
  }
}

const std::initializer_list<std::string> kMetrics = {"cosine", "l2", "l1", "dot"};

}  // namespace

TEST_CASE("knn yields every row in the order of brute force, bit for bit", "[sql][knn]") {
  Database db;
  SqlFunctions functions(db);
  std::vector<Kind> kinds = {bit_kind(8), bit_kind(64), bit_kind(520)};
  for (const std::string& metric : kMetrics) {
    for (const int dim : {1, 2, 7, 16, 67, 384}) kinds.push_back(float_kind(dim, metric));
    for (const int dim : {1, 3, 64, 129}) kinds.push_back(int8_kind(dim, metric));
  }
  for (const Kind& kind : kinds) {
    fill(db, kind, 700);
    for (const int i : {1, 350, 100001}) check_exact(db, kind, vector_of(kind, i));
  }
}

TEST_CASE("knn is exact over vectors of thousands of dimensions", "[sql][knn]") {
  Database db;
  SqlFunctions functions(db);
  for (const std::string& metric : kMetrics) {
    const Kind kind = float_kind(4096, metric);
    fill(db, kind, 60);
    check_exact(db, kind, vector_of(kind, 77));
  }
  const Kind kind = float_kind(65536, "cosine");
  fill(db, kind, 3);
  check_exact(db, kind, vector_of(kind, 2));
}

TEST_CASE("knn is exact over coordinates of any magnitude", "[sql][knn]") {
  Database db;
  SqlFunctions functions(db);
  const auto mixed = [](const std::string& exponents) {
    return "vec_scale(random_vector(i, 5), pow10(" + exponents + "))";
  };
  sqlite3_create_function(
      db.handle(), "pow10", 1, SQLITE_UTF8, nullptr,
      [](sqlite3_context* context, int, sqlite3_value** values) {
        sqlite3_result_text(context, ("1e" + std::to_string(sqlite3_value_int(values[0]))).c_str(),
                            -1, SQLITE_TRANSIENT);
      },
      nullptr, nullptr);
  for (const std::string& metric : kMetrics) {
    for (const std::string exponents : {"30", "-30", "18", "-18", "i % 61 - 30", "(i % 2) * 30"}) {
      if (metric == "dot" && exponents.find("30") != std::string::npos) continue;  // see below
      Kind kind = float_kind(5, metric);
      kind.vector = mixed(exponents);
      INFO(exponents);
      fill(db, kind, 200);
      for (const int i : {5, 6, 1000}) check_exact(db, kind, vector_of(kind, i));
      check_exact(db, kind, "'[1,1,1,1,1]'");
      if (metric != "dot") check_exact(db, kind, "'[1e-38,0,0,0,-1e38]'");
    }
  }
}

TEST_CASE("knn loses no row whose distance overflows", "[sql][knn]") {
  Database db;
  for (const std::string& metric : kMetrics) {
    INFO(metric);
    db.run("CREATE VIRTUAL TABLE items USING kindred(v float[2] distance_metric=" + metric + ")");
    db.run(
        "INSERT INTO items VALUES('[3e38,3e38]'), ('[2,2]'), ('[-3e38,3e38]'), "
        "('[1e30,1e30]'), ('[1e-30,1e-30]')");
    for (const std::string query : {"'[1,0]'", "'[-3e38,3e38]'", "'[1e-30,0]'", "'[3e38,3e38]'"}) {
      INFO(query);
      CHECK(db.one("SELECT count(*), count(distance) FROM knn('items', " + query + ")") == "5|5");
    }
    db.run("DROP TABLE items");
  }
}

TEST_CASE("knn gives distances beyond float32 as SQL's functions do", "[sql][knn]") {
  Database db;
  db.run("CREATE VIRTUAL TABLE items USING kindred(v float[1] distance_metric=dot)");
  db.run("INSERT INTO items VALUES('[1e30]'), ('[2e30]')");
  CHECK(db.rows("SELECT rowid FROM knn('items', '[1e30]')") == Rows{"2", "1"});
  CHECK(db.one("SELECT k.distance = -vec_dot(i.v, '[1e30]') FROM knn('items', '[1e30]') k "
               "JOIN items i ON i.rowid = k.rowid") == "1");
  for (const std::string& metric : kMetrics) {
    INFO(metric);
    const std::string distance = metric == "dot" ? "-vec_dot(" : "vec_distance_" + metric + "(";
    db.run(
        "DROP TABLE items; CREATE VIRTUAL TABLE items USING kindred(v float[3] distance_metric=" +
        metric + ")");
    db.run(
        "INSERT INTO items VALUES('[3e38,3e38,-3e38]'), ('[-3e38,3e38,3e38]'), ('[1,2,3]'), "
        "('[2e38,-3e38,1e38]'), ('[-1e38,-3e38,1]'), ('[3e20,1,1]'), ('[1e-30,0,1e30]')");
    for (const std::string query : {"'[3e38,-3e38,3e38]'", "'[1,1,1]'", "'[-3e38,0,1e-30]'"})
      CHECK(db.rows("SELECT rowid, quote(distance) FROM knn('items', " + query + ")") ==
            db.rows("SELECT i.rowid, quote(" + distance + "v, " + query + ") + 0.0) FROM items i " +
                    "ORDER BY " + distance + "v, " + query + "), i.rowid"));
  }
}

TEST_CASE("rows at the same distance come in the order of their rowids", "[sql][knn]") {
  Database db;
  for (const std::string& metric : kMetrics) {
    INFO(metric);
    db.run("CREATE VIRTUAL TABLE items USING kindred(v float[3] distance_metric=" + metric + ")");
    db.run("INSERT INTO items(rowid, v) SELECT 6000 - i, '[1,2,3]' FROM " + numbers(5000));
    CHECK(db.rows("SELECT rowid FROM knn('items', '[1,2,4]', 3)") == Rows{"1000", "1001", "1002"});
    CHECK(db.one("SELECT count(*), count(DISTINCT rowid), count(DISTINCT distance) "
                 "FROM knn('items', '[1,2,4]')") == "5000|5000|1");
    CHECK(db.rows("SELECT rowid FROM knn('items', '[1,2,4]') ORDER BY distance, rowid "
                  "LIMIT 2 OFFSET 4000") == Rows{"5000", "5001"});
    db.run("INSERT INTO items(rowid, v) VALUES(7000, '[1,2,4]'), (1, '[9,-9,9]')");
    CHECK(db.one("SELECT count(*), count(DISTINCT rowid) FROM knn('items', '[1,2,4]')") ==
          "5002|5002");
    db.run("DROP TABLE items");
  }
}

// A transaction of so many rows goes past the log, in front of its first ones.
TEST_CASE("of rows that are equal a graph gives those with the least rowids", "[sql][graph]") {
  const ScratchDirectory scratch;
  Database db(scratch.file("app.db"));
  db.run(
      "CREATE VIRTUAL TABLE items USING kindred(v float[2] distance_metric=l2, part INTEGER);"
      "INSERT INTO items(rowid, v, part) SELECT i, '[1,1]', i % 10 FROM " +
      numbers(11000) + "; INSERT INTO items(items) VALUES('optimize')");
  const std::string search = "SELECT rowid, is_exact FROM items WHERE v MATCH '[1,2]' AND k = 3";
  CHECK(db.rows(search) == Rows{"1|0", "2|0", "3|0"});
  CHECK(db.rows(search + " AND part = 7") == Rows{"7|0", "17|0", "27|0"});
}

TEST_CASE("k is the number of rows, as many as there are", "[sql][knn]") {
  Database db;
  SqlFunctions functions(db);
  const Kind kind = float_kind(4, "l2");
  fill(db, kind, 6000);
  const std::string query = vector_of(kind, 9999);
  const Rows all = brute_force(db, kind, query);
  REQUIRE(all.size() == 6000);
  for (const size_t k : {0, 1, 2, 31, 32, 33, 96, 97, 5000, 6000})
    CHECK(knn(db, query + ", " + std::to_string(k)) == first(all, k));
  CHECK(knn(db, query + ", 6001") == all);
  CHECK(knn(db, query + ", 9223372036854775807") == all);
  CHECK(knn(db, query + ", '10'") == first(all, 10));
  CHECK(knn(db, query + ", 10", "LIMIT 3") == first(all, 3));
  CHECK(knn(db, query + ", 3", "LIMIT 10") == first(all, 3));
  CHECK(knn(db, query, "LIMIT -1") == all);
  CHECK(knn(db, query, "LIMIT 0").empty());
  CHECK(knn(db, query + ", 0").empty());
  CHECK(db.rows("SELECT rowid FROM items WHERE v MATCH " + query + " AND k = 7") ==
        db.rows("SELECT rowid FROM knn('items', " + query + ", 7)"));
}

TEST_CASE("an empty collection has no neighbours", "[sql][knn]") {
  Database db;
  db.run("CREATE VIRTUAL TABLE items USING kindred(v float[2])");
  CHECK(knn(db, "'[1,2]'").empty());
  db.run("INSERT INTO items VALUES('[1,2]'); DELETE FROM items");
  CHECK(knn(db, "'[1,2]', 5").empty());
}

TEST_CASE("a NULL argument yields no rows", "[sql][knn]") {
  Database db;
  db.run("CREATE VIRTUAL TABLE items USING kindred(v float[2])");
  db.run("INSERT INTO items VALUES('[1,2]')");
  CHECK(db.rows("SELECT rowid FROM knn('items', NULL)").empty());
  CHECK(db.rows("SELECT rowid FROM knn('items', '[1,2]', NULL)").empty());
  CHECK(db.rows("SELECT rowid FROM knn('items', NULL) WHERE diversity = 0.5").empty());
  CHECK(db.rows("SELECT rowid FROM knn('items', '[1,2]', NULL) WHERE diversity = 0.5").empty());
  CHECK(db.rows("SELECT rowid FROM knn(NULL, '[1,2]', 1)").empty());
  CHECK(db.rows("SELECT rowid FROM knn(NULL, NULL, NULL)").empty());
  CHECK(db.rows("SELECT rowid FROM items WHERE v MATCH NULL").empty());
  CHECK(db.rows("SELECT rowid FROM items WHERE v MATCH '[1,2]' AND k = NULL").empty());
}

TEST_CASE("knn names the argument that is wrong", "[sql][knn]") {
  Database db;
  db.run(
      "CREATE VIRTUAL TABLE items USING kindred(v float[2]);"
      "CREATE VIRTUAL TABLE bytes USING kindred(v int8[2]);"
      "CREATE VIRTUAL TABLE texts USING kindred(t);"
      "INSERT INTO items VALUES('[1,2]'); INSERT INTO bytes VALUES(x'0102');"
      "INSERT INTO texts VALUES('soup');"
      "CREATE TABLE plain(v); CREATE VIEW view AS SELECT 1;");
  const auto check = [&](const std::string& arguments,
                         std::initializer_list<std::string_view> parts) {
    check_error(db, "SELECT * FROM knn(" + arguments + ")", parts);
    CHECK(db.one("SELECT rowid FROM knn('items', '[1,2]')") == "1");
  };
  check("'nope', '[1,2]'", {"knn()", "no such collection: nope"});
  check("'', '[1,2]'", {"knn()", "no such collection"});
  check("'view', '[1,2]'", {"knn()", "view"});
  check("'plain', '[1,2]'", {"knn()", "plain is not a collection"});
  check("'items_rows', '[1,2]'", {"knn()", "not a collection"});
  check("5, '[1,2]'", {"knn()", "collection", "5"});
  check("x'01', '[1,2]'", {"knn()", "collection", "BLOB"});
  check("'items', '[1,2,3]'", {"knn()", "query", "2", "3"});
  check("'items', 'soup'", {"knn()", "query", "items has no model", "'soup'"});
  check("'items', ''", {"knn()", "query", "no model"});
  check("'items', '[1,2'", {"knn()", "query"});
  check("'items', '[1,NaN]'", {"knn()", "query"});
  check("'items', x'010203'", {"knn()", "query", "3 bytes"});
  check("'items', x''", {"knn()", "query"});
  check("'items', x'0000c07f0000c07f'", {"knn()", "query", "NaN"});
  check("'items', 7", {"knn()", "query", "7"});
  check("'items', 1.5", {"knn()", "query", "1.5"});
  check("'items', vec_int8('[1,2]')", {"knn()", "query", "float32", "int8"});
  check("'bytes', vec_f32('[1,2]')", {"knn()", "query", "int8", "float32"});
  check("'bytes', '[1,2.5]'", {"knn()", "query", "2.5 is no int8: integers from -128 to 127"});
  check("'bytes', '[1,2,3]'", {"knn()", "query", "dimensions differ: 2 are wanted, got 3"});
  check("'bytes', 'soup'", {"knn()", "query", "bytes has no model", "'soup'"});
  check("'bytes', x'010203'", {"knn()", "query"});
  check("'texts', '[1,2]'", {"knn()", "query", "dimensions"});
  check("'items', '[1,2]', -1", {"knn()", "k", "-1"});
  check("'items', '[1,2]', 1.5", {"knn()", "k", "1.5"});
  check("'items', '[1,2]', 'many'", {"knn()", "k", "'many'"});
  check("'items', '[1,2]', x'01'", {"knn()", "k", "BLOB"});
  check("'items'", {"knn()", "collection, query, k"});
  check("", {"knn()", "collection, query, k"});
  check("'items', '[1,2]', 3, 4, 0, 1, 5", {"knn()", "2 to 6 arguments"});
  check("'items', '[1,2]', 3, 4, 0, 2", {"knn()", "diversity", "0 to 1", "got INTEGER 2"});
  check("'items', '[1,2]', NULL, 4, 0, 'x'", {"knn()", "diversity", "0 to 1", "got TEXT 'x'"});
  check("'items', '[1,2]', 3, 0", {"knn()", "ef", "at least 1", "got INTEGER 0"});
  check("'items', '[1,2]', 3, 4, 2", {"knn()", "exact", "0 or 1", "got INTEGER 2"});
  check_error(db, "SELECT * FROM knn", {"knn()"});
  check_error(db, "SELECT * FROM items WHERE v MATCH '[1]'", {"items", "query", "2", "1"});
  check_error(db, "SELECT * FROM items WHERE v MATCH '[1,2]' AND k = -1", {"items", "k", "-1"});
  check_error(db, "SELECT * FROM items WHERE v MATCH '[1,2]' AND items MATCH '[1,2]'",
              {"items", "one MATCH"});
}

TEST_CASE("text is a query where the collection has a model", "[sql][knn]") {
  Database db;
  db.run("CREATE VIRTUAL TABLE texts USING kindred(t)");
  db.run("INSERT INTO texts VALUES('onion soup'), ('reset the password'), ('[1] see footnote')");
  CHECK(db.one("SELECT rowid FROM knn('texts', 'password reset')") == "2");
  CHECK(db.one("SELECT rowid FROM texts WHERE texts MATCH 'soup' AND k = 1") == "1");
  CHECK(db.one("SELECT rowid FROM texts WHERE t MATCH 'soup' ORDER BY distance LIMIT 1") == "1");
  CHECK(db.one("SELECT rowid FROM knn('texts', '[1] footnote')") == "3");
  CHECK(db.one("SELECT rowid FROM knn('texts', embed('soup'))") == "1");
  CHECK(db.one("SELECT rowid FROM knn('texts', vec_to_json(embed('soup')))") == "1");
  CHECK(db.rows("SELECT rowid FROM knn('texts', '')").empty());
  SECTION("and so is a number") {
    db.run("INSERT INTO texts VALUES('the year 2024'), (2.5), (7)");
    CHECK(db.one("SELECT rowid FROM texts WHERE texts MATCH 2024 AND k = 1") == "4");
    CHECK(db.one("SELECT rowid, distance < 1e-6 FROM texts WHERE t MATCH 2.5 AND k = 1") == "5|1");
    CHECK(db.one("SELECT rowid, distance < 1e-6 FROM knn('texts', 7)") == "6|1");
    CHECK(db.rows("SELECT rowid FROM knn('texts', ?1, 1)", {integer(2024)}) == Rows{"4"});
    CHECK(db.rows("SELECT rowid FROM knn('texts', ?1, 1)", {real(2.5)}) == Rows{"5"});
  }
  CHECK(db.rows("SELECT rowid FROM knn('texts', ' ... ')").empty());
}

TEST_CASE("bounds on the distance cut the stream exactly", "[sql][knn]") {
  Database db;
  SqlFunctions functions(db);
  const Kind kind = float_kind(3, "l2");
  fill(db, kind, 800);
  const std::string query = vector_of(kind, 5000);
  const Rows all = brute_force(db, kind, query);
  const std::string bound =
      db.one("SELECT quote(distance) FROM knn('items', " + query + ") LIMIT 1 OFFSET 400");
  for (const std::string op : {"<", "<=", ">", ">="}) {
    const std::string where = " distance " + op + " " + bound;
    INFO(where);
    const Rows wanted = brute_force(db, kind, query, "AND d " + op + " " + bound);
    REQUIRE(wanted.size() >= 399);
    CHECK(knn(db, query, "WHERE" + where) == wanted);
    CHECK(knn(db, query + ", 10", "WHERE" + where) == first(wanted, 10));
    CHECK(knn(db, query, "WHERE" + where + " ORDER BY distance LIMIT 10") == first(wanted, 10));
    CHECK(db.rows("SELECT rowid FROM items WHERE v MATCH " + query + " AND k = 5 AND" + where) ==
          db.rows("SELECT rowid FROM knn('items', " + query + ", 5) WHERE" + where));
    CHECK(knn(db, query, "WHERE distance " + op + " '" + bound + "'") == wanted);
    CHECK(knn(db, query + ", 4", "WHERE distance " + op + " '" + bound + "'") == first(wanted, 4));
    CHECK(knn(db, query, "WHERE distance " + op + " NULL").empty());
  }
  CHECK(knn(db, query, "WHERE distance BETWEEN 0.5 AND 0.9") ==
        brute_force(db, kind, query, "AND d BETWEEN 0.5 AND 0.9"));
  CHECK(knn(db, query,
            "WHERE distance < 1 AND distance < 0.5 AND distance <= 2 AND distance > 0.1 "
            "AND distance >= 0.1") == brute_force(db, kind, query, "AND d < 0.5 AND d > 0.1"));
  CHECK(knn(db, query, "WHERE distance = " + bound).size() == 1);
  CHECK(knn(db, query, "WHERE distance <> " + bound).size() == 799);
  CHECK(knn(db, query, "WHERE distance > 'far'").empty());
  CHECK(knn(db, query, "WHERE distance < 'far'") == all);
  CHECK(knn(db, query, "WHERE distance > 1e9").empty());
  CHECK(knn(db, query, "WHERE distance < -1").empty());
  CHECK(knn(db, query, "WHERE distance > -1") == all);
  CHECK(knn(db, query, "WHERE distance > 9e999").empty());
  CHECK(knn(db, query, "WHERE distance <= 9e999") == all);
}

TEST_CASE("distance and rowid page through everything without loss or repeat", "[sql][knn]") {
  Database db;
  SqlFunctions functions(db);
  const Kind kind = bit_kind(16);  // many equal distances
  fill(db, kind, 500);
  const std::string query = vector_of(kind, 9);
  const Rows all = brute_force(db, kind, query);
  for (const std::string& source :
       {std::string("knn('items', ") + query + ")", "items WHERE v MATCH " + query + " AND 1"}) {
    Rows pages;
    std::string distance = "-1";
    std::string rowid = "0";
    for (;;) {
      const Rows page = db.rows("SELECT rowid, quote(distance) FROM " + source +
                                (source[0] == 'k' ? " WHERE" : " AND") + " (distance, rowid) > (" +
                                distance + ", " + rowid + ") ORDER BY distance, rowid LIMIT 37");
      if (page.empty()) break;
      pages.insert(pages.end(), page.begin(), page.end());
      rowid = page.back().substr(0, page.back().find('|'));
      distance = page.back().substr(page.back().find('|') + 1);
      REQUIRE(pages.size() <= all.size());
    }
    CHECK(pages == all);
  }
  SECTION("with k, group by group of equal distances") {
    Rows pages;
    std::string distance = "-1";
    while (pages.size() < all.size()) {
      const std::string next = db.one("SELECT quote(distance) FROM knn('items', " + query +
                                      ", 1) WHERE distance > " + distance);
      const Rows page =
          knn(db, query + ", 500", "WHERE distance > " + distance + " AND distance <= " + next);
      REQUIRE(!page.empty());
      pages.insert(pages.end(), page.begin(), page.end());
      distance = next;
    }
    CHECK(pages == all);
  }
}

TEST_CASE("rowid conditions choose the rows that are searched", "[sql][knn]") {
  Database db;
  SqlFunctions functions(db);
  const Kind kind = float_kind(3, "cosine");
  fill(db, kind, 3000);
  db.run("CREATE TABLE chosen(id); INSERT INTO chosen SELECT i * 7 FROM " + numbers(1000));
  const std::string query = vector_of(kind, 5000);
  for (const std::string ids :
       {"rowid IN (5, 17, 2999, 3000)", "rowid IN (17)", "rowid = 17", "rowid IN ()",
        "rowid IN (SELECT id FROM chosen)", "rowid IN (SELECT id FROM chosen WHERE 0)",
        "rowid IN (SELECT 17)", "rowid IN (1, NULL, 'x', 2.5, '3', 4.0, x'05', 99999)",
        "rowid IN (SELECT NULL)", "rowid = NULL", "rowid = '17'", "rowid = 17.0", "rowid = 'x'",
        "rowid IN (1, 2, 3) AND rowid IN (3, 4, 2)", "rowid = 17 AND rowid = 18",
        "rowid IN (17, 18) AND rowid = 18", "rowid IN (17, 17, 17)"}) {
    INFO(ids);
    std::string by_id = ids;
    for (size_t at; (at = by_id.find("rowid")) != std::string::npos;)
      by_id.replace(at, 5, "plain.\"id\"");
    const Rows wanted =
        brute_force(db, kind, query, "AND id IN (SELECT \"id\" FROM plain WHERE " + by_id + ")");
    CHECK(knn(db, query, "WHERE " + ids) == wanted);
    CHECK(knn(db, query + ", 5", "WHERE " + ids) == first(wanted, 5));
    CHECK(knn(db, query + ", 9999", "WHERE " + ids) == wanted);
    CHECK(db.rows("SELECT rowid, quote(distance) FROM items WHERE v MATCH " + query +
                  " AND k = 5 AND " + ids) == first(wanted, 5));
  }
  const std::string far = "rowid > 2900";
  CHECK(knn(db, query, "WHERE " + far + " LIMIT 5").size() == 5);
  CHECK(
      db.rows("SELECT rowid FROM items WHERE v MATCH " + query + " AND k = 5 AND " + far).size() ==
      5);
}
