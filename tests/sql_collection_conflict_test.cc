// Conflict clauses on collections, against what the same statements do to an ordinary table.
// SPDX-License-Identifier: Apache-2.0
#include "tests/support/catch.h"
#include "tests/support/database.h"
#include "tests/support/sql_functions.h"

using kindred::test::check_error;
using kindred::test::Database;
using Rows = std::vector<std::string>;

namespace {

// Two tables with the same rows, `items` a collection and `plain` an ordinary one: each statement
// is run on both.
class Twins {
 public:
  explicit Twins(const std::string& key) {
    db_.run("CREATE VIRTUAL TABLE items USING kindred(id " + key +
            " PRIMARY KEY, v float[1] distance_metric=l2, m TEXT);"
            "CREATE TABLE plain(id " +
            key + " PRIMARY KEY NOT NULL, v, m TEXT)");
    both("INSERT INTO $(id, v, m) VALUES(1, ?[1], 'one'), (2, ?[2], 'two'), (3, NULL, 'three')");
  }

  Database& db() { return db_; }

  // Runs `sql` with $ as either table's name and ?[x] as a vector. Both must end alike.
  void both(const std::string& sql) {
    INFO(sql);
    const std::string of_items = db_.error(filled(sql, "items"));
    const std::string of_plain = db_.error(filled(sql, "plain"));
    CHECK(of_items.empty() == of_plain.empty());
    if (of_plain.find("UNIQUE") != std::string::npos)
      CHECK(of_items.find("UNIQUE constraint failed: items.") == 0);
    same();
  }

  // The collection's rows, vectors and neighbours are the ordinary table's.
  void same() {
    CHECK(db_.rows("SELECT id, m, vec_to_json(v) FROM items ORDER BY id") ==
          db_.rows("SELECT id, m, vec_to_json(v) FROM plain ORDER BY id"));
    CHECK(db_.rows("SELECT i.id, k.distance FROM knn('items', '[0]') k JOIN items i "
                   "ON i.rowid = k.rowid ORDER BY k.distance, i.id") ==
          db_.rows("SELECT id, vec_distance_l2(v, '[0]') FROM plain WHERE v IS NOT NULL "
                   "ORDER BY 2, 1"));
    CHECK(db_.error("INSERT INTO items(items) VALUES('integrity-check')").empty());
  }

 private:
  static std::string filled(std::string sql, const std::string& table) {
    for (size_t at; (at = sql.find('$')) != std::string::npos;) sql.replace(at, 1, table);
    for (size_t at; (at = sql.find("?[")) != std::string::npos;) {
      const size_t end = sql.find(']', at);
      sql.replace(at, end - at + 1, "vec_f32('" + sql.substr(at + 1, end - at) + "')");
    }
    return sql;
  }

  Database db_;
};

// Statements that meet rows in the way: of one row and of several, new keys before and after.
const std::initializer_list<std::string> kStatements = {
    "INSERT OR % INTO $ VALUES(2, ?[20], 'x')",
    "INSERT OR % INTO $ VALUES(3, ?[30], 'x')",
    "INSERT OR % INTO $ VALUES(2, NULL, 'x')",
    "INSERT OR % INTO $ VALUES(9, ?[9], 'x')",
    "INSERT OR % INTO $ VALUES(9, ?[9], 'x'), (2, ?[20], 'y'), (10, ?[10], 'z')",
    "INSERT OR % INTO $ VALUES(9, ?[9], 'x'), (9, ?[19], 'y'), (9, NULL, 'z'), (1, ?[11], 'u')",
    "INSERT OR % INTO $ SELECT id + 1, v, m || '+' FROM $ ORDER BY id",
    "INSERT OR % INTO $ SELECT id, v, m || '+' FROM $ WHERE id > 1",
    "UPDATE OR % $ SET id = 2 WHERE id = 1",
    "UPDATE OR % $ SET id = 2, v = ?[7] WHERE id = 1",
    "UPDATE OR % $ SET id = 2, v = NULL WHERE id = 1",
    "UPDATE OR % $ SET id = 3 WHERE id = 1",
    "UPDATE OR % $ SET id = 1 WHERE id = 3",
    "UPDATE OR % $ SET id = 8 WHERE id = 2",
    "UPDATE OR % $ SET id = 1, m = m || '*' WHERE id = 1",
    "UPDATE OR % $ SET m = 'all'",
};

}  // namespace

TEST_CASE("conflict clauses do to a collection what they do to a table", "[sql][collection]") {
  for (const std::string key : {"INTEGER", "TEXT"}) {
    for (const std::string clause : {"ABORT", "FAIL", "IGNORE", "REPLACE", "ROLLBACK"}) {
      for (const std::string& statement : kStatements) {
        std::string sql = statement;
        sql.replace(sql.find('%'), 1, clause);
        INFO(key << " key");
        Twins alone(key);
        alone.both(sql);

        Twins inside(key);
        inside.db().run("BEGIN");
        inside.both("INSERT INTO $ VALUES(4, ?[4], 'four')");
        inside.both("DELETE FROM $ WHERE id = 4");
        inside.both("INSERT INTO $ VALUES(5, ?[5], 'five')");
        // Run on both tables it would roll back twice: on each alone below.
        if (clause != "ROLLBACK") {
          inside.both(sql);
          inside.both("UPDATE $ SET v = ?[50] WHERE id = 5");
        }
        inside.db().error("COMMIT");
        inside.same();
      }
    }
  }
}

TEST_CASE("OR ROLLBACK takes the whole transaction back", "[sql][collection]") {
  for (const std::string key : {"INTEGER", "TEXT"}) {
    Twins twins(key);
    twins.db().run(
        "BEGIN; DELETE FROM items WHERE id = 3; "
        "INSERT INTO items VALUES(7, '[7]', 'seven'); CREATE TABLE t(x)");
    check_error(twins.db(), "INSERT OR ROLLBACK INTO items VALUES(2, '[9]', 'x')",
                {"UNIQUE", "items.id"});
    CHECK(sqlite3_get_autocommit(twins.db().handle()) != 0);
    CHECK(twins.db().one("SELECT count(*) FROM sqlite_schema WHERE name = 't'") == "0");
    twins.same();
    twins.both("INSERT INTO $ VALUES(7, ?[7], 'seven')");
  }
}

TEST_CASE("REPLACE removes both rows that are in the way", "[sql][collection]") {
  Database db;
  db.run(
      "CREATE VIRTUAL TABLE items USING kindred(sku TEXT PRIMARY KEY, "
      "v float[1] distance_metric=l2)");
  db.run(
      "INSERT INTO items(rowid, sku, v) VALUES(1, 'a', '[1]'), (2, 'b', '[2]'), (3, 'c', '[3]')");
  SECTION("INSERT with the rowid of one and the key of the other") {
    db.run("REPLACE INTO items(rowid, sku, v) VALUES(1, 'b', '[9]')");
    CHECK(db.rows("SELECT rowid, sku, vec_to_json(v) FROM items") == Rows{"1|b|[9]", "3|c|[3]"});
    CHECK(db.rows("SELECT key FROM knn('items', '[9]')") == Rows{"b", "c"});
  }
  SECTION("INSERT of a key moves it to a new rowid") {
    db.run("REPLACE INTO items(sku, v) VALUES('a', '[9]')");
    CHECK(db.rows("SELECT rowid, sku FROM items ORDER BY 1") == Rows{"2|b", "3|c", "4|a"});
    CHECK(db.rows("SELECT key, rowid FROM knn('items', '[9]')") == Rows{"a|4", "c|3", "b|2"});
  }
  SECTION("UPDATE to the rowid of one and the key of the other") {
    db.run("UPDATE OR REPLACE items SET rowid = 2, sku = 'c' WHERE sku = 'a'");
    CHECK(db.rows("SELECT rowid, sku FROM items") == Rows{"2|c"});
    CHECK(db.rows("SELECT key, distance FROM knn('items', '[1]')") == Rows{"c|0.0"});
  }
  CHECK(db.error("INSERT INTO items(items) VALUES('integrity-check')").empty());
}

TEST_CASE("REPLACE with a bad vector removes nothing", "[sql][collection]") {
  for (const std::string key : {"INTEGER", "TEXT"}) {
    Twins twins(key);
    for (const std::string begin : {"", "BEGIN"}) {
      twins.db().run(begin);
      check_error(twins.db(), "REPLACE INTO items VALUES(2, '[1,2]', 'x')", {"items.v"});
      check_error(twins.db(), "UPDATE OR REPLACE items SET id = 2, v = 'x' WHERE id = 1",
                  {"items.v"});
      if (!begin.empty()) twins.db().run("COMMIT");
      twins.same();
    }
  }
}

TEST_CASE("an INSERT without a key finds a free one", "[sql][collection]") {
  Database db;
  db.run("CREATE VIRTUAL TABLE items USING kindred(id INTEGER PRIMARY KEY, v float[1])");
  db.run("INSERT INTO items(v) VALUES('[1]'), ('[2]')");
  db.run("INSERT INTO items VALUES(NULL, '[3]')");
  db.run("INSERT INTO items VALUES(9223372036854775807, '[4]')");
  db.run("INSERT INTO items(v) VALUES('[5]')");
  CHECK(db.one("SELECT count(*), count(DISTINCT id), max(id) FROM items") ==
        "5|5|9223372036854775807");
  check_error(db, "INSERT INTO items(rowid, id, v) VALUES(50, 51, '[1]')", {"50", "51"});
  db.run("INSERT INTO items(rowid, id, v) VALUES(50, 50, '[1]')");
  CHECK(db.one("SELECT count(*) FROM items WHERE id = 50") == "1");
}

TEST_CASE("INSERT ... RETURNING gives the row with its explicit key", "[sql][collection]") {
  Database db;
  db.run("CREATE VIRTUAL TABLE items USING kindred(id INTEGER PRIMARY KEY, v float[1], m TEXT)");
  CHECK(db.rows("INSERT INTO items VALUES(5, '[1]', 'a'), (6, '[2]', 'b') RETURNING id, m") ==
        Rows{"5|a", "6|b"});
  CHECK(db.rows("INSERT OR REPLACE INTO items VALUES(5, '[3]', 'c') RETURNING m") == Rows{"c"});
  // SQLite returns what the statement gave, whether a virtual table took or ignored it.
  db.rows("INSERT OR IGNORE INTO items VALUES(5, '[3]', 'd') RETURNING m");
  CHECK(db.one("SELECT m FROM items WHERE id = 5") == "c");
}

TEST_CASE("a collection can be read by the INSERT that fills it", "[sql][collection]") {
  Database db;
  db.run("CREATE VIRTUAL TABLE items USING kindred(v float[1] distance_metric=l2, m TEXT)");
  db.run("INSERT INTO items VALUES('[1]', 'a'), ('[2]', 'b'), ('[3]', 'c')");
  db.run("INSERT INTO items SELECT v, m || '2' FROM items");
  CHECK(db.one("SELECT count(*), group_concat(m) FROM items") == "6|a,b,c,a2,b2,c2");
  db.run(
      "INSERT INTO items(v, m) SELECT i.v, 'near' FROM knn('items', '[3]', 2) k "
      "JOIN items i ON i.rowid = k.rowid");
  db.run("INSERT INTO items(v, m) SELECT vec_add('[0.5]', '[0]'), 'all' FROM knn('items', '[0]')");
  CHECK(db.one("SELECT count(*) FROM items") == "16");
  db.run(
      "UPDATE items SET m = 'nearest' WHERE rowid IN (SELECT rowid FROM knn('items', '[3]', 4))");
  CHECK(db.one("SELECT count(*) FROM items WHERE m = 'nearest' AND v = vec_f32('[3]')") == "4");
  db.run("DELETE FROM items WHERE rowid IN (SELECT rowid FROM knn('items', '[3]') LIMIT 4)");
  CHECK(db.one("SELECT count(*) FROM items WHERE v = vec_f32('[3]')") == "0");
  db.run("DELETE FROM items WHERE v MATCH '[0.5]' AND k = 3");
  db.run("UPDATE items SET m = 'matched' WHERE v MATCH '[0.5]' AND k = 3");
  CHECK(db.one("SELECT count(*), sum(m = 'matched') FROM items") == "9|3");
  CHECK(db.error("INSERT INTO items(items) VALUES('integrity-check')").empty());
}

TEST_CASE("hidden columns take no values", "[sql][collection]") {
  Database db;
  db.run("CREATE VIRTUAL TABLE items USING kindred(v float[1], m TEXT)");
  db.run("INSERT INTO items VALUES('[1]', 'a')");
  for (const std::string column : {"k", "distance", "visited", "is_exact"}) {
    INFO(column);
    check_error(db, "INSERT INTO items(v, " + column + ") VALUES('[1]', 5)", {column, "5"});
    db.run("UPDATE items SET " + column + " = 5");  // the value of a search, perhaps
    CHECK(db.one("SELECT " + column + " FROM items") == "NULL");
    db.run("INSERT INTO items(v, " + column + ") VALUES('[1]', NULL)");
  }
  check_error(db, "UPDATE items SET items = 'optimize'", {"items", "optimize"});
  CHECK(db.one("SELECT count(*), count(m) FROM items") == "5|1");
}

TEST_CASE("commands are INSERTs into the column named like the collection", "[sql][collection]") {
  Database db;
  db.run("CREATE VIRTUAL TABLE items USING kindred(t, m TEXT)");
  db.run("INSERT INTO items VALUES('onion soup', 'a'), ('my password', 'b'), (NULL, 'c')");
  db.run("UPDATE items SET t = 'pea soup' WHERE rowid = 1; DELETE FROM items WHERE rowid = 2");
  const Rows rows = db.rows("SELECT rowid, t, m FROM items");
  const Rows found = db.rows("SELECT rowid, distance FROM knn('items', 'soup')");
  REQUIRE(found.size() == 1);
  for (const std::string command : {"optimize", "rebuild", "integrity-check"}) {
    for (const std::string begin : {"", "BEGIN"}) {
      INFO(command);
      db.run(begin);
      db.run("INSERT INTO items(items) VALUES('" + command + "')");
      CHECK(db.rows("SELECT rowid, t, m FROM items") == rows);
      CHECK(db.rows("SELECT rowid, distance FROM knn('items', 'soup')") == found);
      if (!begin.empty()) db.run("ROLLBACK");
      CHECK(db.rows("SELECT rowid, distance FROM knn('items', 'soup')") == found);
    }
  }
  check_error(db, "INSERT INTO items(items) VALUES('explode')", {"items", "optimize", "explode"});
  check_error(db, "INSERT INTO items(items) VALUES(5)", {"items", "optimize", "5"});
  check_error(db, "INSERT INTO items(items, m) VALUES('optimize', 'x')", {"items", "command"});
  check_error(db, "INSERT INTO items(items, k) VALUES('optimize', 5)", {"items", "k"});
  db.run("CREATE VIRTUAL TABLE outside USING kindred(v float[1])");
  db.run("INSERT INTO outside VALUES('[1]'); INSERT INTO outside(outside) VALUES('rebuild')");
  CHECK(db.rows("SELECT rowid, vec_to_json(v) FROM outside") == Rows{"1|[1]"});
  CHECK(db.rows("SELECT rowid, t, m FROM items") == rows);
}

TEST_CASE("integrity-check finds rows and log that disagree", "[sql][collection]") {
  Database db;
  db.run("CREATE VIRTUAL TABLE items USING kindred(v float[1], m TEXT)");
  db.run("INSERT INTO items VALUES('[1]', 'a'), ('[2]', 'b')");
  const std::string check = "INSERT INTO items(items) VALUES('integrity-check')";
  SECTION("a log row is missing") {
    db.run("DELETE FROM items_log WHERE id = 2");
  }
  SECTION("a row is missing") {
    db.run("DELETE FROM items_rows WHERE id = 2");
  }
  SECTION("a row has another's change number") {
    db.run("UPDATE items_rows SET cn = 1");
  }
  SECTION("a vector is cut") {
    db.run("UPDATE items_log SET vector = x'00' WHERE id = 2");
  }
  SECTION("a vector is NaN") {
    db.run("UPDATE items_log SET vector = x'0000c07f' WHERE id = 2");
  }
  SECTION("an operation is unknown") {
    db.run("UPDATE items_log SET op = 9 WHERE id = 2");
  }
  check_error(db, check, {"items"});
}
