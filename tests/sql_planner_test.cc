// What SQLite's planner makes of searches: loop order, sorting and the number of rows pulled.
// SPDX-License-Identifier: Apache-2.0
#include "tests/support/catch.h"
#include "tests/support/database.h"
#include "tests/support/sql_functions.h"

using kindred::test::Database;
using kindred::test::numbers;
using kindred::test::SqlFunctions;
using Rows = std::vector<std::string>;

namespace {

void fill(Database& db) {
  db.run(
      "CREATE VIRTUAL TABLE items USING kindred(id INTEGER PRIMARY KEY, "
      "v float[4] distance_metric=l2, lang TEXT)");
  db.run("INSERT INTO items SELECT i, random_vector(i, 4), iif(i % 50, 'en', 'de') FROM " +
         numbers(5000));
  db.run("CREATE TABLE notes(id INTEGER PRIMARY KEY, lang TEXT, year INTEGER, code TEXT UNIQUE)");
  db.run("INSERT INTO notes SELECT i, iif(i % 50, 'en', 'de'), i % 20, 'c' || i FROM " +
         numbers(5000));
}

Rows plan(Database& db, const std::string& sql) {
  Rows details;
  for (const std::string& row : db.rows("EXPLAIN QUERY PLAN " + sql)) {
    const size_t last = row.rfind('|');
    details.push_back(row.substr(last + 1));
  }
  return details;
}

bool has(const Rows& plan, const std::string& text) {
  for (const std::string& line : plan)
    if (line.find(text) != std::string::npos) return true;
  return false;
}

// The first loop of the plan is over this table or alias.
void check_outer(Database& db, const std::string& sql, const std::string& table) {
  const Rows lines = plan(db, sql);
  INFO(sql);
  for (const std::string& line : lines) UNSCOPED_INFO(line);
  REQUIRE(!lines.empty());
  CHECK(((lines.front() + " ").find(" " + table + " ") != std::string::npos));
}

const std::string kJoin =
    "SELECT n.id, k.distance FROM knn('items', '[1,1,1,1]') k JOIN notes n ON n.id = k.rowid ";

}  // namespace

TEST_CASE("the search is the outer loop whatever is known of the joined table", "[sql][planner]") {
  Database db;
  SqlFunctions functions(db);
  fill(db);
  const auto check_all = [&] {
    for (const std::string where :
         {"", "WHERE n.lang = 'de'", "WHERE n.lang = 'de' AND n.year = 3", "WHERE n.year > 18",
          "WHERE n.lang IN ('de', 'fr')", "WHERE n.id > 100", "WHERE n.lang LIKE 'd%'"}) {
      check_outer(db, kJoin + where + " ORDER BY k.distance LIMIT 10", "k");
      check_outer(db, kJoin + where + " ORDER BY k.distance", "k");
      check_outer(db,
                  "SELECT n.id FROM notes n JOIN knn('items', '[1,1,1,1]', 10) k "
                  "ON n.id = k.rowid " +
                      std::string(where),
                  "k");
      check_outer(db,
                  "SELECT n.id FROM items i JOIN notes n ON n.id = i.id AND i.v MATCH "
                  "'[1,1,1,1]' AND i.k = 5 " +
                      std::string(where),
                  "i");
      CHECK_FALSE(has(plan(db, kJoin + where + " ORDER BY k.distance LIMIT 10"), "TEMP B-TREE"));
    }
  };
  check_all();
  SECTION("with ANALYZE") {
    db.run("ANALYZE");
    check_all();
  }
  SECTION("with indexes") {
    db.run("CREATE INDEX by_lang ON notes(lang); CREATE INDEX by_both ON notes(lang, year)");
    check_all();
    db.run("ANALYZE");
    check_all();
  }
}

TEST_CASE("a row chosen by a unique key does not hinder the search", "[sql][planner]") {
  Database db;
  SqlFunctions functions(db);
  fill(db);
  for (const std::string where : {"n.code = 'c77'", "n.id = 77"}) {
    const Rows rows = db.rows(kJoin + "WHERE " + where + " ORDER BY k.distance LIMIT 10");
    REQUIRE(rows.size() == 1);
    CHECK(rows.front().find("77|") == 0);
  }
}

TEST_CASE("LIMIT n pulls about n rows from the stream", "[sql][planner]") {
  Database db;
  SqlFunctions functions(db);
  fill(db);
  const auto pulled = [&](const std::string& sql) {
    functions.ticks();
    db.rows(sql);
    return functions.ticks();
  };
  const auto check_all = [&] {
    CHECK(pulled("SELECT tick(rowid) FROM knn('items', '[1,1,1,1]') ORDER BY distance LIMIT 10") ==
          10);
    CHECK(pulled("SELECT tick(rowid) FROM knn('items', '[1,1,1,1]') LIMIT 10") == 10);
    CHECK(pulled("SELECT rowid FROM knn('items', '[1,1,1,1]') WHERE tick(rowid) % 5 = 0 "
                 "ORDER BY distance LIMIT 10") < 200);
    CHECK(pulled("SELECT n.id FROM knn('items', '[1,1,1,1]') k JOIN notes n ON n.id = k.rowid "
                 "WHERE tick(k.rowid) ORDER BY k.distance LIMIT 10") == 10);
    CHECK(pulled("SELECT n.id FROM knn('items', '[1,1,1,1]') k JOIN notes n ON n.id = k.rowid "
                 "WHERE tick(n.id) AND n.lang = 'en' ORDER BY k.distance LIMIT 10") < 30);
    CHECK(pulled("SELECT n.id FROM items i JOIN notes n ON n.id = i.id WHERE i.v MATCH "
                 "'[1,1,1,1]' AND tick(i.id) ORDER BY i.distance LIMIT 10") == 10);
    CHECK(pulled("SELECT tick(id) FROM items WHERE v MATCH '[1,1,1,1]' AND lang = 'de' "
                 "ORDER BY distance LIMIT 10") == 10);
  };
  check_all();
  db.run("CREATE INDEX by_lang ON notes(lang)");
  check_all();
  db.run("ANALYZE");
  check_all();
}

TEST_CASE("ascending distance needs no sorting, other orders do", "[sql][planner]") {
  Database db;
  SqlFunctions functions(db);
  fill(db);
  const auto sorts = [&](const std::string& sql) { return has(plan(db, sql), "TEMP B-TREE"); };
  for (const std::string search :
       {"SELECT rowid FROM knn('items', '[1,1,1,1]')", "SELECT rowid FROM knn('items', '[1]', 5)",
        "SELECT rowid FROM items WHERE v MATCH '[1,1,1,1]'",
        "SELECT rowid FROM items WHERE v MATCH '[1,1,1,1]' AND k = 5"}) {
    INFO(search);
    CHECK_FALSE(sorts(search));
    CHECK_FALSE(sorts(search + " ORDER BY distance"));
    CHECK_FALSE(sorts(search + " ORDER BY distance, rowid LIMIT 5"));
    CHECK_FALSE(sorts(search + " ORDER BY distance LIMIT 5 OFFSET 5"));
    CHECK(sorts(search + " ORDER BY distance DESC"));
    CHECK(sorts(search + " ORDER BY distance, rowid DESC"));
    CHECK(sorts(search + " ORDER BY rowid"));
  }
  CHECK(
      sorts("SELECT k.rowid FROM notes q, knn('items', '[1,1,1,1]', q.year) k "
            "ORDER BY k.distance"));
}

TEST_CASE("MATCH is preferred to look-ups and scans", "[sql][planner]") {
  Database db;
  SqlFunctions functions(db);
  fill(db);
  const auto index = [&](const std::string& condition) {
    const Rows lines = plan(db, "SELECT id FROM items WHERE " + condition);
    REQUIRE(lines.size() >= 1);
    const size_t at = lines.front().find("VIRTUAL TABLE INDEX ");
    REQUIRE(at != std::string::npos);
    return lines.front().substr(at + 20, 1);
  };
  const std::string scan = index("lang = 'de'");
  const std::string search = index("v MATCH '[1,1,1,1]'");
  CHECK(scan != search);
  CHECK(index("id = 5") == scan);
  CHECK(index("v MATCH '[1,1,1,1]' AND id = 5") == search);
  CHECK(index("items MATCH '[1,1,1,1]' AND rowid = 5 AND lang = 'de'") == search);
  CHECK(index("v MATCH '[1,1,1,1]' AND k = 5 AND id IN (1, 2, 3)") == search);
  CHECK(db.rows("SELECT id FROM items WHERE v MATCH '[1,1,1,1]' AND id = 5") == Rows{"5"});
}

TEST_CASE("a look-up by key in a join reads one row", "[sql][planner]") {
  Database db;
  SqlFunctions functions(db);
  fill(db);
  db.run("CREATE VIRTUAL TABLE keyed USING kindred(sku TEXT PRIMARY KEY, v float[1])");
  db.run("INSERT INTO keyed SELECT 'c' || i, '[1]' FROM " + numbers(500));
  const auto pulled = [&](const std::string& sql, size_t rows) {
    functions.ticks();
    INFO(sql);
    CHECK(db.rows(sql).size() == rows);
    return functions.ticks();
  };
  CHECK(pulled("SELECT tick(i.id) FROM notes n JOIN items i ON i.id = n.id WHERE n.year = 3 AND "
               "tick(i.id)",
               250) <= 600);
  CHECK(pulled("SELECT 1 FROM notes n JOIN items i ON i.rowid = n.id AND tick(i.id) "
               "WHERE n.id < 20",
               19) == 19);
  CHECK(pulled("SELECT 1 FROM notes n JOIN keyed s ON s.sku = n.code AND tick(s.sku) IS NOT NULL "
               "WHERE n.id < 20",
               19) == 19);
  CHECK(pulled("SELECT 1 FROM items WHERE id IN (1, 5, 9) AND tick(id)", 3) == 3);
  check_outer(db, "SELECT 1 FROM notes n JOIN items i ON i.id = n.id WHERE n.year = 3", "n");
  check_outer(db, "SELECT 1 FROM items i JOIN notes n ON i.id = n.id WHERE n.code = 'c3'", "n");
}

TEST_CASE("a join looks up the row it wants, not all of a list beside it", "[sql][planner]") {
  Database db;
  SqlFunctions functions(db);
  fill(db);
  db.run("CREATE TABLE list AS SELECT i FROM " + numbers(50));
  functions.ticks();
  CHECK(db.rows("SELECT b.id FROM knn('items', '[1,1,1,1]') k JOIN items b "
                "ON tick(b.id) AND b.id = k.rowid WHERE b.id IN (SELECT i FROM list)")
            .size() == 50);
  CHECK(functions.ticks() <= 5000);
}

TEST_CASE("a scan on the inner side of a join is prepared once", "[sql][planner]") {
  Database db;
  SqlFunctions functions(db);
  fill(db);
  db.run("CREATE TABLE langs(lang TEXT); INSERT INTO langs SELECT iif(i % 2, 'de', 'fr') FROM " +
         numbers(100));
  int prepared = 0;
  sqlite3_set_authorizer(
      db.handle(),
      [](void* count, int action, const char*, const char*, const char*, const char*) {
        if (action == SQLITE_SELECT) ++*static_cast<int*>(count);
        return SQLITE_OK;
      },
      &prepared);
  CHECK(db.one("SELECT count(*) FROM langs l CROSS JOIN items i ON i.lang = l.lang") == "5000");
  CHECK(prepared <= 3);
  sqlite3_set_authorizer(db.handle(), nullptr, nullptr);
}

TEST_CASE("conditions joined by OR apply to the columns of table functions", "[sql][planner]") {
  Database db;
  db.run(
      "CREATE VIRTUAL TABLE c USING kindred(id INTEGER PRIMARY KEY, v float[2] "
      "distance_metric=l2)");
  db.run("INSERT INTO c VALUES (1, '[1,0]'), (2, '[2,0]'), (3, '[3,0]')");
  const std::string knn = "SELECT k.rowid FROM knn('c', '[0,0]') AS k ";
  CHECK(db.rows(knn + "WHERE rowid = 1 OR rowid = 3 LIMIT 2") == Rows{"1", "3"});
  CHECK(db.rows(knn + "WHERE distance < 1.5 OR distance > 2.5") == Rows{"1", "3"});
  CHECK(db.rows(knn + "WHERE rowid = 3 OR distance < 1.5 ORDER BY distance LIMIT 5") ==
        Rows{"1", "3"});
  CHECK(db.rows("SELECT rowid FROM knn('c', '[0,0]', 2) WHERE (rowid = 1 AND distance > 0) OR "
                "rowid = 3") == Rows{"1"});
  CHECK(db.rows("SELECT rowid FROM knn('c', '[0,0]') WHERE visited = -1 OR rowid = 2") ==
        Rows{"2"});
  db.run("CREATE TABLE o(ref INTEGER, alt INTEGER); INSERT INTO o VALUES (1, 2), (3, 9)");
  for (const std::string join : {"JOIN", "CROSS JOIN"})
    CHECK(db.rows(knn + join + " o ON k.rowid = o.ref OR k.rowid = o.alt ORDER BY k.distance") ==
          Rows{"1", "2", "3"});
  CHECK(db.rows("SELECT o.ref, k.rowid FROM o LEFT JOIN knn('c', '[0,0]', 2) AS k "
                "ON k.rowid = o.ref OR k.distance > o.alt + 0.5") == Rows{"1|1", "3|NULL"});
  db.run("CREATE VIEW near AS SELECT rowid AS id, distance FROM knn('c', '[0,0]')");
  CHECK(db.rows("SELECT id FROM near WHERE id = 1 OR id = 3") == Rows{"1", "3"});

  CHECK(db.rows("SELECT value FROM vec_each('[5,6,7]') WHERE rowid = 0 OR value = 7") ==
        Rows{"5.0", "7.0"});
  CHECK(db.rows("SELECT token FROM tokenize('red cats run') WHERE position = 0 OR id = 0 OR "
                "token = 'run'") == Rows{"red", "run"});
  CHECK(db.rows("SELECT position FROM positions(4, 2) WHERE position = 1 OR rowid = 3") ==
        Rows{"1", "3"});
  CHECK(db.rows("SELECT token FROM most_similar('king') WHERE token = 'queen' OR score > 2") ==
        Rows{"queen"});
  CHECK(db.rows("SELECT id FROM embedding_table() WHERE token = 'king' OR id = 3 ORDER BY id") ==
        Rows{"3", "9231"});
}

TEST_CASE("a table function without its arguments is an error in every statement",
          "[sql][planner]") {
  Database db;
  const std::string knn =
      "knn(): 2 to 6 arguments are wanted: collection, query, k, ef, exact, diversity";
  for (const std::string from : {"knn", "knn('c')", "knn WHERE k = 3", "knn WHERE query = '[1]'",
                                 "knn('c') WHERE rowid = 1 OR rowid = 2", "knn('c') LIMIT 1",
                                 "knn('c') ORDER BY distance"}) {
    INFO(from);
    CHECK(db.error("SELECT * FROM " + from) == knn);
  }
  CHECK(db.error("SELECT * FROM vec_each WHERE rowid = 1 OR rowid = 2") ==
        "vec_each(): a vector is wanted: vec_each(v)");
  CHECK(db.error("SELECT * FROM most_similar ORDER BY score DESC") ==
        "most_similar(positive [, negative [, k [, model]]]): argument 1 is wanted, got none");
  CHECK(db.error("SELECT * FROM positions(3) WHERE position = 0 OR position = 1") ==
        "positions(n, dimensions [, kind]): argument 2 is wanted, got none");
}
