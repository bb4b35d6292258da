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
