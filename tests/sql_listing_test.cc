// Rows of a collection without a search: in order, by conditions, counted. An ordinary table with
// the same rows says what is right.
// SPDX-License-Identifier: Apache-2.0
#include "tests/support/catch.h"
#include "tests/support/database.h"
#include "tests/support/random.h"
#include "tests/support/sql_functions.h"

using kindred::test::Database;
using kindred::test::numbers;
using kindred::test::Random;
using kindred::test::SqlFunctions;
using Rows = std::vector<std::string>;

namespace {

// The same rows in the collection `items` and the table `plain`.
void fill(Database& db, int rows) {
  db.run(
      "CREATE VIRTUAL TABLE items USING kindred(id INTEGER PRIMARY KEY, v float[2], year INTEGER, "
      "lang TEXT, +note TEXT, price REAL, anything BLOB)");
  db.run(
      "CREATE TABLE plain(id INTEGER PRIMARY KEY, v, year INTEGER, lang TEXT, note TEXT, "
      "price REAL, anything BLOB)");
  db.run(
      "INSERT INTO plain SELECT (i * 37) % 10007 - 400, random_vector(i, 2), "
      "iif(i % 11, 1990 + i * 7 % 25, NULL), substr('deENfrde', i * 5 % 7, 2), 'n' || (i % 13), "
      "i % 17 / 4.0, CASE i % 4 WHEN 0 THEN i % 9 WHEN 1 THEN 'x' || i WHEN 2 THEN "
      "CAST('b' || i AS BLOB) END FROM " +
      numbers(rows));
  db.run("INSERT INTO items SELECT * FROM plain ORDER BY note, id");
}

bool sorts(Database& db, const std::string& sql) {
  for (const std::string& line : db.rows("EXPLAIN QUERY PLAN " + sql))
    if (line.find("TEMP B-TREE") != std::string::npos) return true;
  return false;
}

std::string replaced(std::string sql, const std::string& from, const std::string& to) {
  for (size_t at = sql.find(from); at != std::string::npos; at = sql.find(from, at + to.size()))
    sql.replace(at, from.size(), to);
  return sql;
}

// `sql` reads from items.
void check_as_plain(Database& db, const std::string& sql) {
  INFO(sql);
  CHECK(db.rows(sql) == db.rows(replaced(sql, "items", "plain")));
}

}  // namespace

TEST_CASE("a listing in any order gives what an ordinary table gives", "[sql][listing]") {
  Database db;
  SqlFunctions functions(db);
  fill(db, 700);
  Random random(20);
  const std::vector<std::string> columns{"id",   "rowid", "year",           "lang",
                                         "note", "price", "vec_to_json(v)", "anything"};
  const std::vector<std::string> conditions{"",
                                            "year = 2001",
                                            "year > 2003",
                                            "lang = 'de'",
                                            "id > 700",
                                            "year IS NULL",
                                            "lang IN ('de', 'fr')",
                                            "note LIKE 'n1%'",
                                            "price <= 2",
                                            "lang > 'a' AND year < 2000",
                                            "id BETWEEN 5 AND 900",
                                            "lang LIKE 'd%'"};
  const std::vector<std::string> directions{"", " ASC", " DESC", " DESC NULLS FIRST",
                                            " COLLATE NOCASE"};
  for (int i = 0; i < 600; ++i) {
    std::string sql = "SELECT ";
    sql += random.one_in(8) ? "DISTINCT " : "";
    sql += random.pick(columns) + ", " + random.pick(columns) + ", id FROM items";
    if (const std::string& where = random.pick(conditions); !where.empty())
      sql += " WHERE " + where;
    sql += " ORDER BY " + random.pick(columns) + random.pick(directions);
    if (random.one_in(2)) sql += ", " + random.pick(columns) + random.pick(directions);
    sql += ", id";  // no order is left open
    if (random.one_in(2)) sql += " LIMIT 7 OFFSET " + std::to_string(random.below(9));
    check_as_plain(db, sql);
  }
}

TEST_CASE("the first rows by rowid or an indexed column are read without the others",
          "[sql][listing]") {
  Database db;
  SqlFunctions functions(db);
  fill(db, 3000);
  const auto pulled = [&](const std::string& columns, const std::string& order) {
    const std::string sql = "SELECT " + columns + " FROM items WHERE tick(1) " + order + " LIMIT 5";
    functions.ticks();
    check_as_plain(db, sql);
    functions.ticks();
    db.rows(sql);
    return functions.ticks();
  };
  CHECK(pulled("id, note", "ORDER BY rowid DESC") == 5);
  CHECK(pulled("id, note", "ORDER BY id, note") == 5);
  CHECK(pulled("id, note", "AND lang = 'de' ORDER BY id DESC") == 5);
  CHECK(pulled("id, year", "ORDER BY year DESC, id DESC") == 5);
  for (const std::string order : {"rowid DESC", "year", "year DESC, id DESC", "lang, id"})
    CHECK_FALSE(sorts(db, "SELECT note FROM items ORDER BY " + order + " LIMIT 5"));
  for (const std::string order : {"note", "year, id DESC", "year, lang", "year DESC NULLS FIRST"})
    CHECK(sorts(db, "SELECT note FROM items ORDER BY " + order + " LIMIT 5"));
  // One by one from the rows in the order of an index takes longer than sorting all of them.
  CHECK(sorts(db, "SELECT note FROM items ORDER BY year"));
  CHECK_FALSE(sorts(db, "SELECT note FROM items ORDER BY id"));
}

TEST_CASE("counts, extremes and groups are those of an ordinary table", "[sql][listing]") {
  Database db;
  SqlFunctions functions(db);
  fill(db, 900);
  for (const std::string sql :
       {"SELECT count(*) FROM items", "SELECT count(*), count(year), count(v) FROM items",
        "SELECT max(id) FROM items", "SELECT min(rowid) FROM items", "SELECT max(year) FROM items",
        "SELECT min(lang) FROM items", "SELECT min(year), max(year) FROM items",
        "SELECT max(year), note FROM items WHERE id = (SELECT max(id) FROM items)",
        "SELECT year, count(*), max(note) FROM items GROUP BY year",
        "SELECT lang, count(*) FROM items GROUP BY lang ORDER BY lang DESC",
        "SELECT DISTINCT lang FROM items ORDER BY lang",
        "SELECT count(*) FROM items WHERE year = 2001", "SELECT count(*) FROM items WHERE id > 99",
        "SELECT max(id) FROM items WHERE lang = 'fr'",
        "SELECT group_concat(id) FROM (SELECT id FROM items ORDER BY lang, id)",
        "SELECT count(*) FROM items a JOIN plain b ON a.year = b.id",
        "SELECT a.id, b.id FROM items a JOIN items b ON b.id = a.id + 37 ORDER BY a.id DESC LIMIT "
        "9"})
    check_as_plain(db, sql);
  db.run("DELETE FROM items; DELETE FROM plain");
  for (const std::string sql : {"SELECT count(*) FROM items", "SELECT max(id) FROM items"})
    check_as_plain(db, sql);
}

TEST_CASE("rows that are asked for in no order come by rowid", "[sql][listing]") {
  Database db;
  SqlFunctions functions(db);
  fill(db, 500);
  for (const std::string columns : {"*", "year", "lang, note", "id", "vec_to_json(v)"})
    CHECK(db.rows("SELECT " + columns + " FROM items") ==
          db.rows("SELECT " + columns + " FROM items ORDER BY id"));
}

TEST_CASE("columns behind the sixty-third are listed as well", "[sql][listing]") {
  Database db;
  std::string columns;
  std::string values;
  for (int i = 0; i < 70; ++i) {
    columns += ", c" + std::to_string(i) + " INTEGER";
    values += ", i * " + std::to_string(i + 1);
  }
  db.run("CREATE VIRTUAL TABLE items USING kindred(v float[1]" + columns + ")");
  db.run("INSERT INTO items SELECT '[1]'" + values + " FROM " + numbers(20));
  CHECK(db.rows("SELECT c69 FROM items ORDER BY c69 DESC LIMIT 2") == Rows{"1400", "1330"});
  CHECK(db.rows("SELECT c5, c62, c65 FROM items ORDER BY c3 LIMIT 1") == Rows{"6|63|66"});
  CHECK(db.rows("SELECT max(c64) FROM items") == Rows{"1300"});
  CHECK(db.rows("SELECT c61, vec_to_json(v) FROM items WHERE c62 = 126") == Rows{"124|[1]"});
}

TEST_CASE("rows written while they are listed in order do not disturb what comes",
          "[sql][listing]") {
  Database db;
  db.run("CREATE VIRTUAL TABLE items USING kindred(v float[1], year INTEGER, +note TEXT)");
  db.run("INSERT INTO items SELECT '[1]', i, 'n' || i FROM " + numbers(50));
  db.run(
      "UPDATE items SET note = note || '!' WHERE rowid IN "
      "(SELECT rowid FROM items ORDER BY year DESC LIMIT 3)");
  CHECK(db.rows("SELECT note FROM items ORDER BY rowid DESC LIMIT 4") ==
        Rows{"n50!", "n49!", "n48!", "n47"});
  db.run("DELETE FROM items WHERE rowid IN (SELECT rowid FROM items ORDER BY year LIMIT 45)");
  db.run("INSERT INTO items(v, year, note) SELECT '[2]', year - 100, 'old' FROM items");
  CHECK(db.rows("SELECT year, note FROM items ORDER BY year LIMIT 2") ==
        Rows{"-54|old", "-53|old"});
  CHECK(db.one("SELECT count(*) FROM items") == "10");
}
