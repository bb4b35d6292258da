// Searching under conditions: filters on columns, joins, subqueries; n rows whenever n exist.
// SPDX-License-Identifier: Apache-2.0
#include "tests/support/catch.h"
#include "tests/support/database.h"
#include "tests/support/sql_functions.h"

using kindred::test::check_error;
using kindred::test::Database;
using kindred::test::numbers;
using kindred::test::SqlFunctions;
using Rows = std::vector<std::string>;

namespace {

// Counts what SQLite's machine does on a connection, in hundreds of steps.
class Steps {
 public:
  explicit Steps(Database& db) : db_(db) {
    sqlite3_progress_handler(
        db.handle(), 100,
        [](void* self) {
          static_cast<Steps*>(self)->hundreds_ += 1;
          return 0;
        },
        this);
  }
  ~Steps() { sqlite3_progress_handler(db_.handle(), 0, nullptr, nullptr); }
  Steps(const Steps&) = delete;
  Steps& operator=(const Steps&) = delete;
  size_t count() const noexcept { return hundreds_ * 100; }

 private:
  Database& db_;
  size_t hundreds_ = 0;
};

// `items`, a collection, and `plain`, an ordinary table of the same rows: near the corner [1,1,1,1]
// the years are late, far from it early.
void fill(Database& db, int rows) {
  db.run(
      "CREATE VIRTUAL TABLE items USING kindred(id INTEGER PRIMARY KEY, "
      "v float[4] distance_metric=l2, lang TEXT, year INTEGER, price REAL, tag BLOB, "
      "owner INTEGER PARTITION KEY, +note TEXT)");
  db.run(
      "CREATE TABLE plain(id INTEGER PRIMARY KEY, v, lang TEXT, year INTEGER, price REAL, "
      "tag BLOB, owner INTEGER, note TEXT)");
  const std::string n = std::to_string(rows);
  db.run(
      "INSERT INTO plain SELECT i, random_vector(i, 4), "
      "CASE i % 5 WHEN 0 THEN 'en' WHEN 1 THEN 'DE' WHEN 2 THEN 'de' WHEN 3 THEN '5' END, "
      "NULL, CASE WHEN i % 7 = 0 THEN NULL ELSE i * 1.0 / " +
      n +
      " END, "
      "CASE i % 4 WHEN 0 THEN i % 10 WHEN 1 THEN x'61' WHEN 2 THEN 'a' END, i % 10, "
      "'note ' || i FROM " +
      numbers(rows));
  db.run(
      "UPDATE plain SET year = r.y FROM (SELECT id, row_number() OVER (ORDER BY "
      "vec_distance_l2(v, '[1,1,1,1]') DESC) AS y FROM plain) r WHERE r.id = plain.id");
  db.run("INSERT INTO items SELECT * FROM plain");
}

// The nearest rows of `plain` that fulfil the condition.
Rows brute_force(Database& db, const std::string& condition, int limit) {
  return db.rows("SELECT id, quote(vec_distance_l2(v, '[1,1,1,1]')) FROM plain WHERE " + condition +
                 " ORDER BY vec_distance_l2(v, '[1,1,1,1]'), id LIMIT " + std::to_string(limit));
}

// A condition that knn with k is handed in whole, so that k counts the rows that fulfil it.
void check_handed_over(Database& db, const std::string& condition, int k) {
  INFO(condition << ", k = " << k);
  CHECK(db.rows("SELECT id, quote(distance) FROM items WHERE v MATCH '[1,1,1,1]' AND k = " +
                std::to_string(k) + " AND " + condition) == brute_force(db, condition, k));
}

// Any condition: without k the stream goes on until there are enough.
void check_streamed(Database& db, const std::string& condition, int limit) {
  INFO(condition << ", limit " << limit);
  const std::string end = " LIMIT " + std::to_string(limit);
  const Rows wanted = brute_force(db, condition, limit);
  CHECK(db.rows("SELECT id, quote(distance) FROM items WHERE v MATCH '[1,1,1,1]' AND (" +
                condition + ") ORDER BY distance" + end) == wanted);
  CHECK(db.rows("SELECT plain.id, quote(k.distance) FROM knn('items', '[1,1,1,1]') k JOIN plain "
                "ON plain.id = k.rowid WHERE " +
                condition + " ORDER BY k.distance" + end) == wanted);
  CHECK(db.rows("SELECT k.rowid, quote(k.distance) FROM knn('items', '[1,1,1,1]') k WHERE k.rowid "
                "IN (SELECT id FROM plain WHERE " +
                condition + ") ORDER BY k.distance" + end) == wanted);
}

const std::initializer_list<std::string> kHandedOver = {
    "lang = 'de'",
    "lang <> 'de'",
    "lang < 'de'",
    "lang <= 'de'",
    "lang > 'de'",
    "lang >= 'de'",
    "lang = 'de' COLLATE NOCASE",
    "lang = 5",
    "lang IS NULL",
    "lang IS NOT NULL",
    "lang IS 'de'",
    "lang IS NOT 'de'",
    "lang LIKE 'd%'",
    "lang GLOB 'd*'",
    "lang IN ('de', 'en')",
    "lang IN ('de', NULL)",
    "lang IN ('de')",
    "lang IN (SELECT 'en' UNION SELECT 'x')",
    "lang BETWEEN 'a' AND 'e'",
    "lang = NULL",
    "year = '5'",
    "year = 5",
    "year = 5.0",
    "year IN (1, '2', 3.0, 999999)",
    "year BETWEEN 3 AND 8",
    "year < 4",
    "year >= 4",
    "year <> 4",
    "price IS NULL",
    "price > 0.5",
    "price < '0.5'",
    "tag = 'a'",
    "tag = x'61'",
    "tag = 4",
    "tag IS NULL",
    "tag > 'a'",
    "owner = 3",
    "owner = 3 AND lang = 'de'",
    "owner IN (3, 4) AND year > 2",
    "owner = 99",
    "id > 5",
    "id <= 5",
    "id <> 5",
    "id BETWEEN 2 AND 7",
    "id IN (1, 2, 3)",
    "id = 4",
    "id IN (1, 2, 3) AND lang IS NOT NULL",
    "note = 'note 3'",
    "note LIKE '%7'",
    "lang IS NULL AND price IS NOT NULL AND owner < 8"};

const std::initializer_list<std::string> kStreamedOnly = {
    "lang = 'de' OR year = 3",
    "lang NOT LIKE 'd%'",
    "length(lang) = 2",
    "year % 3 = 1",
    "NOT (lang = 'de')",
    "lang COLLATE NOCASE = 'DE'",
    "price + 0.1 > 0.5 OR tag IS NULL",
    "lang LIKE 'd\\%' ESCAPE '\\'",
    "(owner, lang) = (3, 'de')",
    "(owner, year) > (5, 3)",
    "id % 2 = 0 OR note LIKE '%7'",
    "CASE lang WHEN 'de' THEN year > 3 ELSE 0 END",
    "EXISTS (SELECT 1 FROM few WHERE few.owner = year)",
    "year = (SELECT min(owner) FROM few)"};

}  // namespace

TEST_CASE("a search under conditions finds the nearest rows that fulfil them", "[sql][knn]") {
  for (const int rows : {10, 150, 2500}) {
    Database db;
    SqlFunctions functions(db);
    fill(db, rows);
    for (const std::string& condition : kHandedOver) {
      for (const int k : {1, 7, 5000}) check_handed_over(db, condition, k);
      check_streamed(db, condition, 6);
    }
  }
}

TEST_CASE("conditions of any shape leave as many rows as there are", "[sql][knn]") {
  Database db;
  SqlFunctions functions(db);
  fill(db, 1200);
  db.run("CREATE TABLE few(owner); INSERT INTO few VALUES(3), (5)");
  for (const std::string& condition : kStreamedOnly)
    for (const int limit : {1, 9, 2000}) check_streamed(db, condition, limit);
}

TEST_CASE("filters that all, half, few or no rows pass are exact at any size", "[sql][knn]") {
  Database db;
  SqlFunctions functions(db);
  fill(db, 20000);
  // Years rise towards the query: a low year is the farthest there is.
  for (const std::string condition :
       {"year > 0", "year > 10000", "year <= 10000", "year <= 5000", "year <= 900", "year <= 3",
        "year > 19990", "year < 0", "owner = 4", "owner = 4 AND year <= 8000",
        "lang = 'de' AND price < 0.01", "year <= 15000 AND note LIKE '%9'",
        "year BETWEEN 5000 AND 12000", "id IN (SELECT id FROM plain WHERE year <= 6000)",
        "id > 19000 AND year < 15000", "year NOT NULL AND owner <> 4"}) {
    for (const int k : {1, 10, 500, 4000}) check_handed_over(db, condition, k);
    for (const int limit : {10, 3000}) check_streamed(db, condition, limit);
    INFO(condition);
    CHECK(db.rows("SELECT id, quote(distance) FROM items WHERE v MATCH '[1,1,1,1]' AND k = 7 AND "
                  "distance > 1.5 AND " +
                  condition) ==
          brute_force(db, condition + " AND vec_distance_l2(v, '[1,1,1,1]') > 1.5", 7));
  }
  SECTION("also after rows have changed in the transaction at hand") {
    db.run("BEGIN");
    for (const std::string table : {"items", "plain"})
      db.run("DELETE FROM " + table + " WHERE id % 3 = 0; UPDATE " + table +
             " SET v = random_vector(id + 50000, 4), year = 20000 - year WHERE id % 3 = 1");
    for (const std::string condition : {"year > 15000", "year <= 9000", "owner = 4", "year < 100"})
      for (const int k : {5, 2000}) check_handed_over(db, condition, k);
    db.run("ROLLBACK");
    check_handed_over(db, "year <= 9000", 5);
  }
}

TEST_CASE("of several conditions the one that fewest rows fulfil is looked up", "[sql][knn]") {
  Database db;
  db.run(
      "CREATE VIRTUAL TABLE items USING kindred(id INTEGER PRIMARY KEY, "
      "v float[2] distance_metric=l2, lang TEXT, year INTEGER)");
  db.run("INSERT INTO items SELECT i, vec_f32('[' || i || ',0]'), 'en', i FROM " + numbers(20000));
  CHECK(db.rows("SELECT id FROM items WHERE v MATCH '[0,0]' AND k = 1") == Rows{"1"});  // reads all
  // The rows lie far from the query, so that asking the nearest ones finds none of them.
  for (const std::string condition :
       {"lang = 'en' AND year BETWEEN 19001 AND 19020",
        "year BETWEEN 19001 AND 19020 AND lang = 'en'",
        "lang IN ('en', 'de') AND year > 19000 AND year <= 19020 AND id < 20000"}) {
    INFO(condition);
    Steps steps(db);
    CHECK(db.rows("SELECT id FROM items WHERE v MATCH '[0,0]' AND k = 3 AND " + condition) ==
          Rows{"19001", "19002", "19003"});
    CHECK(steps.count() < 10000);  // of SQLite's machine: all rows in English take 100,000
  }
}

TEST_CASE("where one row alone fulfils all conditions a search finds it and ends", "[sql][knn]") {
  Database db;
  db.run(
      "CREATE VIRTUAL TABLE items USING kindred(id INTEGER PRIMARY KEY, "
      "v float[2] distance_metric=l2, lang TEXT, year INTEGER)");
  db.run(
      "INSERT INTO items SELECT i, vec_f32('[' || i || ',0]'), iif(i % 2, 'en', 'de'), i % 2 "
      "FROM " +
      numbers(20000));
  db.run("UPDATE items SET lang = 'de' WHERE id = 77");
  const std::string search =
      "SELECT id FROM items WHERE v MATCH '[77,0]' AND lang = 'de' AND year = 1";
  CHECK(db.rows(search) == Rows{"77"});
  CHECK(db.rows(search + " LIMIT 3") == Rows{"77"});
  CHECK(db.rows(search + " AND k = 3") == Rows{"77"});
  db.run("UPDATE items SET lang = 'en' WHERE id = 77");
  CHECK(db.rows(search).empty());
}

TEST_CASE("rows that each of several conditions lets pass are counted once", "[sql][knn]") {
  Database db;
  db.run(
      "CREATE VIRTUAL TABLE items USING kindred(id INTEGER PRIMARY KEY, "
      "v float[2] distance_metric=l2, lang TEXT, year INTEGER)");
  db.run("INSERT INTO items SELECT i, vec_f32('[' || i || ',0]'), 'en', i FROM " + numbers(20000));
  db.run("INSERT INTO items(items) VALUES('optimize')");
  // Too many for a list at once, and asking the nearest ones finds none of them.
  Steps steps(db);
  CHECK(db.rows("SELECT id FROM items WHERE v MATCH '[0,0]' AND k = 3 AND lang = 'en' AND "
                "year > 15000") == Rows{"15001", "15002", "15003"});
  CHECK(steps.count() < 1000000);  // 47,000,000 where each row asked had them counted anew
}

namespace {
// Rows that lie farther from [0,0] the greater their ids: every 50th is rare, the years are 0 to 9.
void fill_along_a_line(Database& db) {
  db.run(
      "CREATE VIRTUAL TABLE items USING kindred(id INTEGER PRIMARY KEY, "
      "v float[2] distance_metric=l2, name TEXT, year INTEGER)");
  db.run(
      "INSERT INTO items SELECT i, vec_f32('[' || i || ',0]'), "
      "'name ' || i || iif(i % 50, '', ' rare'), i % 10 FROM " +
      numbers(20000));
  db.run("INSERT INTO items(items) VALUES('optimize')");
  db.run("CREATE TABLE plain AS SELECT id, name, year FROM items");
  CHECK(db.rows("SELECT id FROM items WHERE v MATCH '[0,0]' AND k = 1") == Rows{"1"});  // reads all
}

// `most`: of SQLite's machine.
void check_steps(Database& db, const std::string& condition, size_t most) {
  INFO(condition);
  const Rows wanted = db.rows("SELECT id FROM plain WHERE " + condition + " ORDER BY id");
  Steps steps(db);
  CHECK(db.rows("SELECT id FROM items WHERE v MATCH '[0,0]' AND " + condition) == wanted);
  CHECK(steps.count() < most);
}
}  // namespace

TEST_CASE("what an index does not say of a column is not looked through anew for each row given",
          "[sql][knn]") {
  Database db;
  fill_along_a_line(db);
  if (GENERATE(false, true)) db.run("ANALYZE");  // then SQLite may prefer a range to an equality
  // It takes up to 1,200,000 steps of SQLite's machine. 42,000,000 for the first, where a LIMIT
  // bounded the rows that passed and not those that were read.
  for (const std::string condition :
       {"name > '' AND name LIKE '%rare' AND year < 8", "name > '' AND name LIKE '%rare'",
        "year BETWEEN 0 AND 9 AND year IS 0 AND name IS NOT NULL AND name LIKE '%rare'",
        "year >= 0 AND year <> 3 AND year < 8 AND year <= 0 AND name > '' AND name <> 'x'",
        "year IN (0, 1, 2) AND year > 1 AND name LIKE '%2' AND name < 'x'"})
    check_steps(db, condition, 2000000);
}

TEST_CASE("where nobody says how many rows are wanted a search goes over to a list in time",
          "[sql][knn]") {
  Database db;
  fill_along_a_line(db);
  check_steps(db, "year = 3", 200000);           // 71,000; 646,000 to ask for one after the other
  check_steps(db, "name LIKE '%rare'", 150000);  // 88,000; 222,000
}

TEST_CASE("lists of any length choose rows", "[sql][knn]") {
  Database db;
  SqlFunctions functions(db);
  fill(db, 3000);
  db.run("CREATE TABLE many(x); INSERT INTO many SELECT i FROM " + numbers(40000));
  CHECK(db.one("SELECT count(*) FROM knn('items', '[1,1,1,1]') WHERE rowid IN "
               "(SELECT x FROM many)") == "3000");
  CHECK(db.one("SELECT count(*) FROM items WHERE v MATCH '[1,1,1,1]' AND id IN "
               "(SELECT x + 1500 FROM many)") == "1500");
  CHECK(db.one("SELECT count(*) FROM items WHERE v MATCH '[1,1,1,1]' AND year IN "
               "(SELECT x FROM many WHERE x <= 20000)") == "3000");
  // More values than SQLite binds to a statement.
  sqlite3_limit(db.handle(), SQLITE_LIMIT_VARIABLE_NUMBER, 30000);
  const std::string in_many = " year IN (SELECT x FROM many)";
  CHECK(db.one("SELECT count(*) FROM items WHERE v MATCH '[1,1,1,1]' AND" + in_many) == "3000");
  check_error(db, "SELECT * FROM items WHERE v MATCH '[1,1,1,1]' AND k = 3 AND" + in_many,
              {"items", "list", "40000"});
  CHECK(db.one("SELECT count(*) FROM items WHERE v MATCH '[1,1,1,1]' AND +year IN "
               "(SELECT x FROM many)") == "3000");
}

TEST_CASE("a list leaves room for the conditions that come after it", "[sql][knn]") {
  Database db;
  SqlFunctions functions(db);
  fill(db, 300);
  sqlite3_limit(db.handle(), SQLITE_LIMIT_VARIABLE_NUMBER, 10);
  for (const std::string search :
       {"", "v MATCH '[1,1,1,1]' AND ", "v MATCH '[1,1,1,1]' AND k = 300 AND "})
    for (const std::string list : {"1,2,3", "1,2,3,4,5,6,7", "1,2,3,4,5,6,7,8"}) {
      INFO(search << list);
      const std::string condition = "year IN (" + list + ") AND lang <> 'x' AND note <> 'x'";
      const std::string sql = "SELECT count(*) FROM items WHERE " + search + condition;
      const std::string wanted = db.one("SELECT count(*) FROM plain WHERE " + condition);
      if (search.find("k = ") != std::string::npos && list.size() > 13)
        check_error(db, sql, {"items", "list", "8"});
      else
        CHECK(db.one(sql) == wanted);
    }
}

TEST_CASE("plain statements take lists of any length", "[sql][collection]") {
  Database db;
  SqlFunctions functions(db);
  fill(db, 300);
  db.run("CREATE TABLE many(x, t TEXT); INSERT INTO many SELECT i + 250, 'note ' || i FROM " +
         numbers(40000));
  const auto both = [&](const std::string& condition) {
    INFO(condition);
    const Rows wanted = db.rows("SELECT id FROM plain WHERE " + condition + " ORDER BY id");
    CHECK(!wanted.empty());
    CHECK(db.rows("SELECT id FROM items WHERE " + condition + " ORDER BY id") == wanted);
  };
  for (const std::string condition :
       {"year IN (SELECT x FROM many)", "note IN (SELECT t FROM many)",
        "id IN (SELECT x FROM many)", "note IN (SELECT t FROM many) AND year IN (3, 4, 299)",
        "year IN (SELECT x FROM many) AND note IN (SELECT t FROM many)"})
    both(condition);
  db.run("UPDATE items SET lang = 'many' WHERE year IN (SELECT x FROM many)");
  CHECK(db.one("SELECT count(*) FROM items WHERE lang = 'many'") == "50");
  db.run("DELETE FROM items WHERE year IN (SELECT x FROM many)");
  CHECK(db.one("SELECT count(*) FROM items") == "250");
}

TEST_CASE("conditions work under collations of any name", "[sql][knn]") {
  Database db;
  db.run("CREATE VIRTUAL TABLE items USING kindred(v float[1], lang TEXT)");
  db.run("INSERT INTO items VALUES('[1]', 'de'), ('[2]', 'DE'), ('[3]', 'en')");
  for (const std::string name : {"a;b", "a,b", ";", "", "6,F", "it\"s", "ä;Q", "BINARY;F9,2,1,x"}) {
    INFO(name);
    const auto nocase = [](void*, int n, const void* a, int m, const void* b) {
      const int order = sqlite3_strnicmp(static_cast<const char*>(a), static_cast<const char*>(b),
                                         std::min(n, m));
      return order != 0 ? order : n - m;
    };
    REQUIRE(sqlite3_create_collation(db.handle(), name.c_str(), SQLITE_UTF8, nullptr, nocase) ==
            SQLITE_OK);
    std::string quoted;
    for (const char c : name) quoted += c == '"' ? "\"\"" : std::string(1, c);
    const std::string collate = " COLLATE \"" + quoted + "\"";
    CHECK(db.rows("SELECT rowid FROM items WHERE lang = 'de'" + collate + " ORDER BY rowid") ==
          Rows{"1", "2"});
    CHECK(db.rows("SELECT rowid FROM items WHERE v MATCH '[1]' AND k = 2 AND lang > 'DE'" +
                  collate) == Rows{"3"});
  }
}

TEST_CASE("more conditions than SQLite lets a virtual table answer for are still met",
          "[sql][knn]") {
  Database db;
  SqlFunctions functions(db);
  fill(db, 300);
  std::string condition = "year > 0";
  for (int i = 0; i < 30; ++i) condition += " AND owner < " + std::to_string(10 + i);
  condition += " AND lang = 'de'";
  CHECK(db.rows("SELECT id FROM items WHERE " + condition) ==
        db.rows("SELECT id FROM plain WHERE " + condition));
  CHECK(db.rows("SELECT rowid FROM knn('items', '[1,1,1,1]', 5) WHERE distance < 9 AND " +
                [] {
                  std::string bounds = "1";
                  for (int i = 0; i < 30; ++i) bounds += " AND distance < 1" + std::to_string(i);
                  return bounds;
                }())
            .size() == 5);
}

TEST_CASE("MATCH works beside more than 15 conditions", "[sql][knn]") {
  Database db;
  SqlFunctions functions(db);
  fill(db, 300);
  std::string condition = "v MATCH '[1,1,1,1]' AND k = 5";
  for (int i = 0; i < 20; ++i) condition += " AND owner < " + std::to_string(10 + i);
  const std::string plain = "owner < 10";
  const Rows wanted = db.rows("SELECT id FROM plain WHERE " + plain +
                              " ORDER BY vec_distance_l2(v, '[1,1,1,1]'), id LIMIT 5");
  CHECK(db.rows("SELECT id FROM items WHERE " + condition) == wanted);
  CHECK(db.rows("SELECT id FROM items WHERE " + condition + " AND lang = 'none'").empty());
  db.run("CREATE TABLE queries AS SELECT i, random_vector(i, 4) AS v FROM " + numbers(3));
  std::string conditions = "i.v MATCH q.v AND i.k = 4";
  for (int i = 0; i < 20; ++i) conditions += " AND i.owner < " + std::to_string(10 + i);
  CHECK(db.rows("SELECT q.i, i.id FROM queries q JOIN items i ON " + conditions) ==
        db.rows("SELECT q.i, k.rowid FROM queries q, knn('items', q.v, 4) k"));
  SECTION("and is refused where it is no condition of its own") {
    for (const std::string other :
         {"NOT v MATCH '[0,0,0,0]'", "NOT v MATCH '[1,1,1,2]'", "(v MATCH '[0,0,0,0]' OR year > 5)",
          "(v MATCH '[0,0,0,0]') IS NULL"})
      for (const std::string& all : {condition, std::string("lang = 'de'")})
        check_error(db, "SELECT id FROM items WHERE " + all + " AND " + other,
                    {"items", "unable to use function MATCH"});
    check_error(db, "SELECT v MATCH '[1,1,1,1]' FROM items", {"items", "unable to use"});
  }
}

TEST_CASE("OFFSET, DESC and other orders see every row once", "[sql][knn]") {
  Database db;
  SqlFunctions functions(db);
  fill(db, 500);
  const Rows all = db.rows("SELECT id FROM plain ORDER BY vec_distance_l2(v, '[1,1,1,1]'), id");
  const std::string search = "SELECT rowid FROM knn('items', '[1,1,1,1]')";
  CHECK(db.rows(search) == all);
  CHECK(db.rows(search + " ORDER BY distance, rowid") == all);
  CHECK(db.rows(search + " ORDER BY distance DESC") == Rows(all.rbegin(), all.rend()));
  CHECK(db.rows(search + " ORDER BY distance LIMIT 10 OFFSET 100") ==
        Rows(all.begin() + 100, all.begin() + 110));
  CHECK(db.rows(search + " ORDER BY distance LIMIT 10 OFFSET 495").size() == 5);
  CHECK(db.rows(search + " ORDER BY distance LIMIT 10 OFFSET 9999").empty());
  CHECK(db.rows(search + " ORDER BY distance DESC LIMIT 3") ==
        Rows(all.rbegin(), all.rbegin() + 3));
  CHECK(db.rows(search + " ORDER BY rowid LIMIT 2") == Rows{"1", "2"});
  CHECK(db.rows(search + " ORDER BY distance + 0 LIMIT 5") == Rows(all.begin(), all.begin() + 5));
  CHECK(db.rows("SELECT count(*), min(rowid), max(rowid) FROM knn('items', '[1,1,1,1]', 100)") ==
        db.rows("SELECT count(*), min(id), max(id) FROM (SELECT id FROM plain ORDER BY "
                "vec_distance_l2(v, '[1,1,1,1]'), id LIMIT 100)"));
  CHECK(db.one("SELECT count(DISTINCT round(distance, 1)) = (SELECT count(DISTINCT "
               "round(vec_distance_l2(v, '[1,1,1,1]'), 1)) FROM plain) "
               "FROM knn('items', '[1,1,1,1]')") == "1");
  CHECK(db.rows("SELECT id, k, is_exact FROM items WHERE v MATCH '[1,1,1,1]' AND k = 1") ==
        Rows{all.front() + "|1|1"});
}

TEST_CASE("conditions on a search's own columns are heeded or refused", "[sql][knn]") {
  Database db;
  SqlFunctions functions(db);
  fill(db, 50);
  const std::string match = "SELECT id FROM items WHERE v MATCH '[1,1,1,1]' AND ";
  const std::string knn = "SELECT rowid FROM knn('items', '[1,1,1,1]') WHERE ";
  for (const std::string k : {"k < 3", "k IN (1, 2)", "k IN (SELECT 1)", "k <> 3", "k IS 3",
                              "k BETWEEN 1 AND 3", "k = 3 AND k > 1"}) {
    check_error(db, match + k, {"items", "k = one number"});
    check_error(db, knn + k, {"knn()", "k = one number"});
  }
  check_error(db, match + "k = 3 AND k = 2", {"items", "k is given twice"});
  check_error(db, knn + "k = 3 AND k = 2", {"knn()", "twice"});
  check_error(db, knn + "visited = 7", {"knn()", "collection, query, k", "visited ="});
  for (const std::string condition :
       {"k = 2", "k < 3", "k IN (1, 2)", "distance < 2", "distance >= 0 AND lang = 'de'",
        "visited = 7", "is_exact = 1", "items = 'text'", "id = 5 AND k = 1",
        "id IN (SELECT id FROM plain) AND distance < 1", "+id = 5 AND distance = 1"}) {
    check_error(db, "SELECT id FROM items WHERE " + condition, {"items", "MATCH is wanted"});
    check_error(db, "DELETE FROM items WHERE " + condition, {"items", "MATCH is wanted"});
  }
  check_error(db, "SELECT i.id FROM plain p JOIN items i ON i.distance < p.price",
              {"items", "MATCH is wanted"});
  CHECK(db.one("SELECT count(*) FROM items") == "50");
  CHECK(db.rows(knn + "k = 3").size() == 3);
  CHECK(db.rows(knn + "visited > 7").size() == 50);
  CHECK(db.rows(knn + "k IS NULL").size() == 50);
  CHECK(db.rows(match + "k IS NULL").size() == 50);
  CHECK(db.rows("SELECT id FROM items WHERE k IS NULL").size() == 50);
  CHECK(db.rows("SELECT DISTINCT id FROM items WHERE (v MATCH '[1,1,1,1]' OR v MATCH '[0,0,0,0]') "
                "AND distance < 100")
            .size() == 50);
}
