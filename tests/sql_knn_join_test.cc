// knn() and MATCH among other tables: lateral joins, subqueries, CTEs, views.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "tests/support/catch.h"
#include "tests/support/database.h"
#include "tests/support/sql_functions.h"

using kindred::test::check_error;
using kindred::test::Database;
using kindred::test::numbers;
using kindred::test::SqlFunctions;
using Rows = std::vector<std::string>;

namespace {

// 400 items and 12 questions; `near` holds each question's items, nearest first.
void fill(Database& db) {
  db.run(
      "CREATE VIRTUAL TABLE items USING kindred(id INTEGER PRIMARY KEY, "
      "v float[4] distance_metric=l2, lang TEXT)");
  db.run("INSERT INTO items SELECT i, random_vector(i, 4), iif(i % 2, 'en', 'de') FROM " +
         numbers(400));
  db.run("CREATE TABLE questions(q INTEGER PRIMARY KEY, vector, lang TEXT)");
  db.run(
      "INSERT INTO questions SELECT i, iif(i = 12, NULL, random_vector(i + 1000, 4)), "
      "iif(i % 3, 'en', 'de') FROM " +
      numbers(12));
  db.run(
      "CREATE TABLE near AS SELECT q, id, d, i_lang, q_lang, row_number() OVER (PARTITION BY q "
      "ORDER BY d, id) AS n FROM (SELECT q, id, vec_distance_l2(v, vector) AS d, "
      "items.lang AS i_lang, questions.lang AS q_lang FROM questions, items "
      "WHERE vector IS NOT NULL)");
}

}  // namespace

TEST_CASE("a join with a table of queries answers each", "[sql][knn]") {
  Database db;
  SqlFunctions functions(db);
  fill(db);
  const Rows five = db.rows("SELECT q, id, d FROM near WHERE n <= 5 ORDER BY q, n");
  REQUIRE(five.size() == 55);
  CHECK(db.rows("SELECT q.q, k.rowid, k.distance FROM questions q, knn('items', q.vector, 5) k "
                "ORDER BY q.q, k.distance") == five);
  CHECK(db.rows("SELECT q.q, k.rowid, k.distance FROM knn('items', q.vector, 5) k, questions q "
                "ORDER BY q.q, k.distance") == five);
  CHECK(db.rows("SELECT q.q, i.id, i.distance FROM questions q JOIN items i ON i.v MATCH q.vector "
                "AND i.k = 5 ORDER BY q.q, i.distance") == five);
  CHECK(db.rows("SELECT q.q, i.id, k.distance FROM questions q, knn('items', q.vector, 5) k "
                "JOIN items i ON i.id = k.rowid ORDER BY q.q, k.distance") == five);
  SECTION("with a k of its own each") {
    CHECK(db.rows("SELECT q.q, k.rowid FROM questions q, knn('items', q.vector, q.q) k "
                  "ORDER BY q.q, k.distance") ==
          db.rows("SELECT q, id FROM near WHERE n <= q ORDER BY q, n"));
  }
  SECTION("with a condition that depends on the query") {
    CHECK(db.rows("SELECT q.q, i.id FROM questions q JOIN items i ON i.v MATCH q.vector AND "
                  "i.k = 3 AND i.lang = q.lang ORDER BY q.q, i.distance") ==
          db.rows("SELECT q, id FROM (SELECT q, id, row_number() OVER (PARTITION BY q ORDER BY n) "
                  "AS m FROM near WHERE i_lang = q_lang) WHERE m <= 3 ORDER BY q, m"));
  }
  SECTION("with the nearest as a correlated subquery") {
    CHECK(db.rows("SELECT q, (SELECT rowid FROM knn('items', vector, 1)) FROM questions ORDER BY q")
              .back() == "12|NULL");
    CHECK(db.rows("SELECT q, (SELECT rowid FROM knn('items', vector) LIMIT 1 OFFSET 2) FROM "
                  "questions WHERE q < 12 ORDER BY q") ==
          db.rows("SELECT q, id FROM near WHERE n = 3 ORDER BY q"));
  }
}

TEST_CASE("a LEFT JOIN keeps what has no neighbours", "[sql][knn]") {
  Database db;
  SqlFunctions functions(db);
  fill(db);
  const Rows rows = db.rows(
      "SELECT q.q, k.rowid FROM questions q LEFT JOIN "
      "knn('items', q.vector, 1) k ORDER BY q.q");
  REQUIRE(rows.size() == 12);
  CHECK(rows.back() == "12|NULL");
  CHECK(db.rows("SELECT q.q, k.rowid FROM questions q LEFT JOIN knn('items', q.vector) k "
                "ON k.rowid = q.q * 2 ORDER BY q.q") ==
        db.rows("SELECT q, iif(q = 12, NULL, q * 2) FROM questions ORDER BY q"));
  CHECK(db.one("SELECT count(*), count(k.rowid) FROM questions q LEFT JOIN "
               "knn('items', q.vector, 3) k ON k.distance < 0.5") ==
        db.one("SELECT count(*), count(id) FROM questions q LEFT JOIN near n ON n.q = q.q AND "
               "n.n <= 3 AND d < 0.5"));
  CHECK(db.rows("SELECT q.q FROM questions q LEFT JOIN items i ON i.v MATCH q.vector AND i.k = 1 "
                "WHERE i.id IS NULL") == Rows{"12"});
}

TEST_CASE("k counts the same rows whichever loop is the outer one", "[sql][knn]") {
  Database db;
  SqlFunctions functions(db);
  fill(db);
  const std::string search = " knn('items', '[1,1,1,1]', 3) k ON k.rowid = i.id";
  CHECK(db.one("SELECT count(*) FROM items i JOIN" + search) == "3");
  CHECK(db.one("SELECT count(k.rowid) FROM items i LEFT JOIN" + search) == "3");
  CHECK(db.one("SELECT count(*) FROM items i CROSS JOIN" + search) == "3");
  CHECK(db.one("SELECT count(*) FROM items i WHERE EXISTS (SELECT 1 FROM "
               "knn('items', '[1,1,1,1]', 3) k WHERE k.rowid = i.id)") == "3");
  SECTION("also by MATCH") {
    db.run("CREATE VIRTUAL TABLE keyed USING kindred(sku TEXT PRIMARY KEY, v float[4], lang TEXT)");
    db.run("INSERT INTO keyed(rowid, sku, v, lang) SELECT id, 's' || id, v, lang FROM items");
    db.run("CREATE TABLE langs(lang TEXT PRIMARY KEY); INSERT INTO langs VALUES('de'), ('fr')");
    for (const std::string on : {"s.rowid = i.id", "s.sku = 's' || i.id", "s.rowid IS i.id"}) {
      INFO(on);
      const std::string match = " keyed s ON " + on + " AND s.v MATCH '[1,1,1,1]' AND s.k = 3";
      CHECK(db.one("SELECT count(*) FROM items i JOIN" + match) == "3");
      CHECK(db.one("SELECT count(s.rowid) FROM items i LEFT JOIN" + match) == "3");
      CHECK(db.one("SELECT count(*) FROM items i CROSS JOIN" + match) == "3");
      CHECK(db.one("SELECT count(*) FROM items i WHERE EXISTS (SELECT 1 FROM keyed s WHERE " + on +
                   " AND s.v MATCH '[1,1,1,1]' AND s.k = 3)") == "3");
    }
    const std::string near = " AND s.v MATCH '[1,1,1,1]' AND s.k = 50";
    const std::string wanted = db.one("SELECT count(*) FROM keyed s WHERE +lang = 'de'" + near);
    CHECK(db.one("SELECT count(*) FROM langs l JOIN keyed s ON s.lang = l.lang" + near) == wanted);
    CHECK(db.one("SELECT count(*) FROM keyed s JOIN langs l ON s.lang = l.lang" + near) == wanted);
    db.run("ANALYZE");
    CHECK(db.one("SELECT count(*) FROM langs l JOIN keyed s ON s.lang = l.lang" + near) == wanted);
    CHECK(db.one("SELECT count(*) FROM langs l JOIN keyed s ON s.lang = l.lang AND l.lang <> 'fr'" +
                 near) == wanted);
  }
}

TEST_CASE("k counts among the row that a literal or a parameter names", "[sql][knn]") {
  Database db;
  SqlFunctions functions(db);
  fill(db);
  db.run("CREATE VIRTUAL TABLE keyed USING kindred(sku TEXT PRIMARY KEY, v float[4])");
  db.run("INSERT INTO keyed(rowid, sku, v) SELECT id, 's' || id, v FROM items");
  const std::string far = db.one("SELECT rowid FROM knn('items', '[1,1,1,1]') LIMIT 1 OFFSET 300");
  const auto number = kindred::test::integer(std::stoll(far));
  const std::string match = "SELECT rowid FROM keyed WHERE v MATCH '[1,1,1,1]' AND k = 2 AND ";
  for (const std::string& search :
       {std::string("SELECT rowid FROM knn('items', '[1,1,1,1]', 2) WHERE "), match}) {
    INFO(search);
    CHECK(db.rows(search + "rowid = " + far) == Rows{far});
    CHECK(db.rows(search + "rowid = ?1", {number}) == Rows{far});
    CHECK(db.rows(search + "rowid IN (?1)", {number}) == Rows{far});
    CHECK(db.rows(search + "rowid IN (?1, -?1)", {number}) == Rows{far});
    CHECK(db.rows(search + "rowid IN (SELECT ?1 + 0)", {number}) == Rows{far});
    CHECK(db.rows(search + "rowid = (SELECT ?1 + 0)", {number}).empty());
  }
  const auto sku = kindred::test::text("s" + far);
  for (const std::string& search :
       {std::string("SELECT rowid FROM knn('keyed', '[1,1,1,1]', 2) WHERE key "), match + "sku "}) {
    INFO(search);
    CHECK(db.rows(search + "= 's" + far + "'") == Rows{far});
    CHECK(db.rows(search + "= ?1", {sku}) == Rows{far});
    CHECK(db.rows(search + "IN (?1)", {sku}) == Rows{far});
    CHECK(db.rows(search + "IN (?1, 'x')", {sku}) == Rows{far});
    CHECK(db.rows(search + "IN (SELECT ?1 || '')", {sku}) == Rows{far});
    CHECK(db.rows(search + "= (SELECT ?1 || '')", {sku}).empty());
    CHECK(db.rows(search + "= 'S" + far + "'").empty());
    CHECK(db.rows(search + "IS NULL").empty());
  }
  CHECK(db.rows("SELECT key FROM knn('keyed', '[1,1,1,1]') WHERE key = 's'||?1 AND distance > 0",
                {number}) == Rows{"s" + far});
}

TEST_CASE("knn finds a key that is written as a number, and none where there are no keys",
          "[sql][knn]") {
  Database db;
  db.run("CREATE VIRTUAL TABLE keyed USING kindred(sku TEXT PRIMARY KEY, v float[1])");
  db.run("CREATE VIRTUAL TABLE bare USING kindred(v float[1])");
  db.run("INSERT INTO keyed VALUES('3', '[1]'), ('5', '[2]'), ('05', '[3]')");
  db.run("INSERT INTO bare VALUES('[1]')");
  for (const std::string arguments : {"'[1]', 1", "'[1]'"}) {
    const std::string keyed = "SELECT key FROM knn('keyed', " + arguments + ") WHERE key ";
    CHECK(db.rows(keyed + "= 5") == Rows{"5"});
    CHECK(db.rows(keyed + "= '5'") == Rows{"5"});
    CHECK(db.rows(keyed + "= ?1", {kindred::test::integer(5)}) == Rows{"5"});
    CHECK(db.rows(keyed + "IN (5)") == Rows{"5"});
    CHECK(db.rows(keyed + "= NULL").empty());
    const std::string bare = "SELECT rowid FROM knn('bare', " + arguments + ") WHERE key ";
    CHECK(db.rows(bare + "= '5'").empty());
    CHECK(db.rows(bare + "IN ('5', '3')").empty());
    CHECK(db.rows(bare + "IS NULL") == Rows{"1"});
  }
}

TEST_CASE("a join by key has the search outside, and LEFT JOIN the row's own", "[sql][knn]") {
  Database db;
  db.run(
      "CREATE VIRTUAL TABLE keyed USING kindred(sku TEXT PRIMARY KEY, v float[1] "
      "distance_metric=l2)");
  db.run("INSERT INTO keyed VALUES('a', '[1]'), ('b', '[2]'), ('c', '[3]')");
  db.run(
      "CREATE TABLE docs(sku TEXT PRIMARY KEY, n); INSERT INTO docs VALUES('c', 1), ('b', 2), "
      "('z', 3)");
  CHECK(db.rows("SELECT d.n, distance FROM knn('keyed', '[0]') AS k JOIN docs AS d ON d.sku = "
                "k.key ORDER BY distance LIMIT 9") == Rows{"2|2.0", "1|3.0"});
  CHECK(db.rows("EXPLAIN QUERY PLAN SELECT d.n FROM docs AS d JOIN knn('keyed', '[0]', 2) AS k ON "
                "d.sku = k.key")[0]
            .find("SCAN k") != std::string::npos);
  CHECK(db.rows("SELECT d.n, distance FROM docs AS d LEFT JOIN knn('keyed', '[0]') AS k ON k.key = "
                "d.sku ORDER BY d.n") == Rows{"1|3.0", "2|2.0", "3|NULL"});
  CHECK(db.rows("SELECT d.n, distance FROM docs AS d LEFT JOIN knn('keyed', '[0]', 2) AS k ON "
                "k.key = d.sku ORDER BY d.n") == Rows{"1|NULL", "2|2.0", "3|NULL"});
}

TEST_CASE("two searches can be joined", "[sql][knn]") {
  Database db;
  SqlFunctions functions(db);
  fill(db);
  const std::string one = "(SELECT vector FROM questions WHERE q = 1)";
  const std::string two = "(SELECT vector FROM questions WHERE q = 2)";
  CHECK(db.rows("SELECT a.rowid, a.distance, b.distance FROM knn('items', " + one +
                ") a JOIN "
                "knn('items', " +
                two + ") b ON a.rowid = b.rowid ORDER BY 1") ==
        db.rows("SELECT a.id, a.d, b.d FROM near a JOIN near b USING(id) WHERE a.q = 1 AND b.q = 2 "
                "ORDER BY 1"));
  CHECK(db.one("SELECT count(*) FROM knn('items', " + one + ", 20) a, knn('items', " + two +
               ", 30) b") == "600");
  CHECK(db.rows("SELECT rowid FROM knn('items', " + one +
                ", 40) INTERSECT SELECT rowid FROM "
                "knn('items', " +
                two + ", 40)") ==
        db.rows("SELECT id FROM near WHERE q = 1 AND n <= 40 INTERSECT SELECT id FROM near "
                "WHERE q = 2 AND n <= 40"));
  SECTION("the nearest of the nearest") {
    CHECK(db.rows("SELECT a.rowid, b.rowid FROM knn('items', " + one +
                  ", 3) a JOIN items i ON "
                  "i.id = a.rowid, knn('items', i.v, 1) b ORDER BY a.distance") ==
          db.rows("SELECT id, id FROM near WHERE q = 1 AND n <= 3 ORDER BY n"));
    CHECK(db.one("SELECT count(*), sum(b.distance = 0) FROM items a JOIN items b ON b.v MATCH a.v "
                 "AND b.k = 2") == "800|400");
  }
  SECTION("of two collections") {
    db.run("CREATE VIRTUAL TABLE others USING kindred(v float[4])");
    db.run("INSERT INTO others(rowid, v) SELECT id, v FROM items WHERE id <= 100");
    CHECK(db.one("SELECT count(*) FROM knn('items', " + one + ") a JOIN knn('others', " + two +
                 ") b ON a.rowid = b.rowid") == "100");
    CHECK(db.one("SELECT count(*), count(DISTINCT c) FROM (SELECT 'items' AS c UNION ALL SELECT "
                 "'others'), knn(c, " +
                 one + ", 7)") == "14|2");
  }
}

TEST_CASE("knn works in subqueries, CTEs, views and compounds", "[sql][knn]") {
  Database db;
  SqlFunctions functions(db);
  fill(db);
  const std::string one = "(SELECT vector FROM questions WHERE q = 1)";
  const Rows ten = db.rows("SELECT id FROM near WHERE q = 1 AND n <= 10 ORDER BY id");
  const auto by_id = [&](const std::string& condition) {
    return db.rows("SELECT id FROM items WHERE " + condition + " ORDER BY id");
  };
  CHECK(by_id("id IN (SELECT rowid FROM knn('items', " + one + ", 10))") == ten);
  CHECK(by_id("id IN (SELECT rowid FROM knn('items', " + one + ") LIMIT 10)") == ten);
  CHECK(by_id("id NOT IN (SELECT rowid FROM knn('items', " + one + ", 390))").size() == 10);
  CHECK(by_id("EXISTS (SELECT 1 FROM knn('items', items.v) WHERE rowid <> items.id AND "
              "distance < 0.2)") ==
        db.rows("SELECT a.id FROM items a WHERE EXISTS (SELECT 1 FROM items b WHERE b.id <> a.id "
                "AND vec_distance_l2(a.v, b.v) < 0.2) ORDER BY 1"));
  CHECK(db.rows("WITH near AS (SELECT rowid AS id FROM knn('items', " + one +
                ", 10)) "
                "SELECT id FROM near ORDER BY id") == ten);
  CHECK(db.rows("WITH near AS MATERIALIZED (SELECT rowid AS id FROM knn('items', " + one +
                ", 10)) SELECT a.id FROM near a JOIN near b USING(id) ORDER BY 1") == ten);
  CHECK(db.rows("WITH RECURSIVE walk(id, step) AS (SELECT 1, 0 UNION ALL SELECT k.rowid, step + 1 "
                "FROM walk JOIN items i ON i.id = walk.id, knn('items', i.v, 1) k WHERE step < 3) "
                "SELECT id FROM walk") == Rows{"1", "1", "1", "1"});
  db.run(
      "CREATE VIEW nearest AS SELECT q.q, k.rowid AS id FROM questions q, "
      "knn('items', q.vector, 10) k");
  CHECK(db.rows("SELECT id FROM nearest WHERE q = 1 ORDER BY id") == ten);
  CHECK(db.one("SELECT count(*), count(DISTINCT q) FROM nearest") == "110|11");
  CHECK(db.one("SELECT count(*) FROM (SELECT rowid FROM knn('items', " + one +
               ", 3) UNION ALL "
               "SELECT rowid FROM knn('items', '[1,1,1,1]', 4))") == "7");
  db.run("CREATE TABLE kept AS SELECT rowid AS id, distance FROM knn('items', " + one + ", 10)");
  CHECK(db.rows("SELECT id FROM kept ORDER BY id") == ten);
}

TEST_CASE("views and triggers search by knn() where the schema is not trusted", "[sql][knn]") {
  Database db;
  SqlFunctions functions(db);
  fill(db);
  db.run("CREATE VIEW by_knn AS SELECT rowid AS id FROM knn('items', '[1,1,1,1]', 5)");
  db.run("CREATE VIEW by_match AS SELECT id FROM items WHERE v MATCH '[1,1,1,1]' AND k = 5");
  db.run("CREATE TABLE asked(v); CREATE TABLE found(id)");
  db.run(
      "CREATE TRIGGER search AFTER INSERT ON asked BEGIN "
      "INSERT INTO found SELECT rowid FROM knn('items', NEW.v, 5); END");
  const Rows five = db.rows("SELECT rowid FROM knn('items', '[1,1,1,1]', 5) ORDER BY rowid");
  CHECK(db.rows("SELECT id FROM by_match ORDER BY id") == five);
  db.run("PRAGMA trusted_schema = OFF");
  check_error(db, "SELECT id FROM by_match", {"unsafe use of MATCH()"});
  CHECK(db.rows("SELECT id FROM by_knn ORDER BY id") == five);
  db.run("INSERT INTO asked VALUES('[1,1,1,1]')");
  CHECK(db.rows("SELECT id FROM found ORDER BY id") == five);
}

TEST_CASE("a search goes on while its rows are changed", "[sql][knn]") {
  Database db;
  SqlFunctions functions(db);
  fill(db);
  const Rows before = db.rows("SELECT rowid FROM knn('items', '[1,1,1,1]')");
  sqlite3_stmt* stmt = nullptr;
  for (const std::string search : {"SELECT rowid FROM knn('items', '[1,1,1,1]')",
                                   "SELECT id FROM items WHERE v MATCH '[1,1,1,1]'"}) {
    Rows seen;
    REQUIRE(sqlite3_prepare_v2(db.handle(), search.c_str(), -1, &stmt, nullptr) == SQLITE_OK);
    while (sqlite3_step(stmt) == SQLITE_ROW) {
      seen.emplace_back(reinterpret_cast<const char*>(sqlite3_column_text(stmt, 0)));
      if (seen.size() == 3) {
        db.run(
            "UPDATE items SET v = '[1,1,1,1]' WHERE id % 2; "
            "INSERT INTO items(v) VALUES('[1,1,1,1]')");
      }
    }
    CHECK(sqlite3_finalize(stmt) == SQLITE_OK);
    CHECK(seen.size() == 400);
    if (search.find("knn") != std::string::npos) CHECK(seen == before);
    db.run("UPDATE items SET v = random_vector(id, 4); DELETE FROM items WHERE id > 400");
  }
}

TEST_CASE("a filtered search loses and repeats no row while rows are changed", "[sql][knn]") {
  // Few of the nearer half pass and all of the farther: the search begins with asking the rows one
  // by one and goes over to a list of those that pass.
  Database db;
  db.run(
      "CREATE VIRTUAL TABLE items USING kindred(id INTEGER PRIMARY KEY, "
      "v float[1] distance_metric=l2, good INTEGER)");
  for (const int changed_at : {1, 3, 10, 20, 40}) {
    INFO(changed_at);
    db.run("DELETE FROM items");
    db.run("INSERT INTO items SELECT i, json_array(i), i > 10000 OR i % 500 = 1 FROM " +
           numbers(20000));
    sqlite3_stmt* stmt = nullptr;
    REQUIRE(sqlite3_prepare_v2(
                db.handle(),
                "SELECT id FROM items WHERE v MATCH '[0]' AND good = 1 ORDER BY distance", -1,
                &stmt, nullptr) == SQLITE_OK);
    std::vector<int> seen;
    while (sqlite3_step(stmt) == SQLITE_ROW) {
      seen.push_back(sqlite3_column_int(stmt, 0));
      if (seen.size() == static_cast<size_t>(changed_at))
        db.run("INSERT INTO items SELECT -i, json_array(0.5 - i / 1000.0), 1 FROM " + numbers(100) +
               "; DELETE FROM items WHERE id BETWEEN 1 AND 502 OR id = 15000; "
               "UPDATE items SET v = '[0]' WHERE id = 12000");
    }
    CHECK(sqlite3_finalize(stmt) == SQLITE_OK);
    CHECK(std::is_sorted(seen.begin(), seen.end()));
    CHECK(std::adjacent_find(seen.begin(), seen.end()) == seen.end());
    const auto deleted = [](int i) { return i <= 502 || i == 15000; };  // may be seen or not
    std::erase_if(seen, deleted);
    std::vector<int> wanted;
    for (int i = 1; i <= 20000; ++i)
      if ((i > 10000 || i % 500 == 1) && !deleted(i)) wanted.push_back(i);
    CHECK(seen == wanted);
  }
}
