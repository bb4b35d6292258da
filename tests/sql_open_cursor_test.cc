// A SELECT on a collection whose rows change or whose name changes while it is read, on the same
// connection: what has gone is gone, and nothing is called corrupt that is not.
// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <vector>

#include "tests/support/catch.h"
#include "tests/support/database.h"

using kindred::test::Database;
using kindred::test::ScratchDirectory;
using Rows = std::vector<std::string>;

namespace {

// Runs `change` after the first row of `select` and goes on to the end. A row as "a|b".
Rows changed_midway(Database& db, const std::string& select, const std::string& change) {
  sqlite3_stmt* stmt = nullptr;
  REQUIRE(sqlite3_prepare_v2(db.handle(), select.c_str(), -1, &stmt, nullptr) == SQLITE_OK);
  Rows rows;
  int rc;
  while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
    if (rows.empty()) db.run(change);
    std::string row;
    for (int i = 0; i < sqlite3_column_count(stmt); ++i) {
      const unsigned char* text = sqlite3_column_text(stmt, i);
      row += (i > 0 ? "|" : "") +
             std::string(text != nullptr ? reinterpret_cast<const char*>(text) : "NULL");
    }
    rows.push_back(row);
  }
  INFO(select << " / " << change << ": " << sqlite3_errmsg(db.handle()));
  CHECK(rc == SQLITE_DONE);
  sqlite3_finalize(stmt);
  return rows;
}

const std::string kCreate =
    "CREATE VIRTUAL TABLE items USING kindred(key TEXT PRIMARY KEY, v float[1] distance_metric=l2, "
    "m TEXT);"
    "INSERT INTO items VALUES('a', '[1]', 'x'), ('b', '[2]', 'y'), ('c', '[3]', 'z')";
const std::string kCheck = "INSERT INTO items(items) VALUES('integrity-check')";

}  // namespace

TEST_CASE("a row deleted while a search is read has NULL columns", "[sql][cursor]") {
  const ScratchDirectory scratch;
  const std::string begin = GENERATE(as<std::string>(), "", "BEGIN");
  const std::string past_log = GENERATE(as<std::string>(), "", "seal=1");
  INFO(begin << " " << past_log);
  Database db(past_log.empty() ? ":memory:" : scratch.file("app.db"));
  db.run(kCreate);
  if (!past_log.empty()) db.run("INSERT INTO items(items) VALUES('" + past_log + "')");
  db.run(begin);
  const std::string more =
      GENERATE(as<std::string>(), "", "; INSERT INTO items(items) VALUES('optimize')");
  const std::string select =
      "SELECT key, vec_to_json(v), m, distance FROM items WHERE v MATCH '[0]'";
  CHECK(changed_midway(db, select, "DELETE FROM items WHERE key = 'b'" + more) ==
        Rows{"a|[1]|x|1.0", "NULL|NULL|NULL|2.0", "c|[3]|z|3.0"});
  CHECK(changed_midway(db, select, "DELETE FROM items" + more) ==
        Rows{"a|[1]|x|1.0", "NULL|NULL|NULL|3.0"});
  CHECK(db.error(kCheck).empty());
}

TEST_CASE("a row deleted while knn is read joins with nothing", "[sql][cursor]") {
  Database db;
  db.run(kCreate);
  CHECK(changed_midway(db,
                       "SELECT k.key, i.m FROM knn('items', '[0]') k JOIN items i "
                       "ON i.rowid = k.rowid",
                       "DELETE FROM items WHERE key = 'b'") == Rows{"a|x", "c|z"});
  db.run("INSERT INTO items VALUES('b', '[2]', 'y')");
  CHECK(changed_midway(db, "SELECT key FROM knn('items', '[0]')",
                       "DELETE FROM items WHERE key = 'b'") == Rows{"a", "NULL", "c"});
}

TEST_CASE("a scan goes on while its rows are deleted and their vectors are removed",
          "[sql][cursor]") {
  Database db;
  db.run(kCreate);
  const std::string select = "SELECT key, vec_to_json(v) FROM items";
  const std::string optimize = "; INSERT INTO items(items) VALUES('optimize')";
  SECTION("rows to come") {
    CHECK(changed_midway(db, select, "DELETE FROM items WHERE key = 'b'" + optimize) ==
          Rows{"a|[1]", "c|[3]"});
  }
  SECTION("new vectors") {
    CHECK(changed_midway(db, select, "UPDATE items SET v = '[9]' WHERE key = 'b'" + optimize) ==
          Rows{"a|[1]", "b|[9]", "c|[3]"});
  }
  CHECK(db.error(kCheck).empty());
}

TEST_CASE("a filtered search that asks row by row goes on after a rename", "[sql][cursor]") {
  Database db;
  db.run(kCreate);
  db.run(
      "DELETE FROM items; WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE "
      "i < 3000) INSERT INTO items SELECT i, '[' || i || ']', iif(i % 2, 'odd', 'even') FROM n");
  const Rows rows =
      changed_midway(db, "SELECT key FROM items WHERE v MATCH '[0]' AND m = 'odd' LIMIT 3",
                     "ALTER TABLE items RENAME TO things");
  CHECK(rows == Rows{"1", "3", "5"});
}

TEST_CASE("an UPDATE of every row that a search finds changes each once", "[sql][cursor]") {
  Database db;
  db.run(kCreate);
  CHECK(changed_midway(db, "SELECT key, m FROM items WHERE v MATCH '[0]'",
                       "UPDATE items SET m = m || '+', v = '[5]'") == Rows{"a|x", "b|y+", "c|z+"});
  CHECK(db.rows("SELECT m FROM items") == Rows{"x+", "y+", "z+"});
}

TEST_CASE("a collection renamed while it is read is read to the end", "[sql][cursor]") {
  Database db;
  db.run(kCreate);
  const std::string rename = "ALTER TABLE items RENAME TO things";
  SECTION("a search") {
    CHECK(changed_midway(db, "SELECT key, vec_to_json(v) FROM items WHERE v MATCH '[0]'", rename) ==
          Rows{"a|[1]", "b|[2]", "c|[3]"});
  }
  SECTION("knn") {
    CHECK(changed_midway(db, "SELECT key FROM knn('items', '[0]')", rename) == Rows{"a", "b", "c"});
  }
  SECTION("a scan") {
    CHECK(changed_midway(db, "SELECT key, vec_to_json(v) FROM items", rename) ==
          Rows{"a|[1]", "b|[2]", "c|[3]"});
  }
  SECTION("a look-up of each row of another table") {
    db.run("CREATE TABLE n(i INTEGER PRIMARY KEY); INSERT INTO n VALUES(1), (2), (3)");
    CHECK(changed_midway(db, "SELECT i, key FROM n CROSS JOIN items ON items.rowid = i", rename) ==
          Rows{"1|a", "2|b", "3|c"});
  }
  CHECK(db.rows("SELECT key FROM knn('things', '[0]')") == Rows{"a", "b", "c"});
  CHECK(db.rows("SELECT key FROM things WHERE rowid = 2") == Rows{"b"});
  db.run("INSERT INTO things VALUES('d', '[4]', 'u'); DELETE FROM things WHERE key = 'a'");
  CHECK(db.error("INSERT INTO things(things) VALUES('integrity-check')").empty());
}
