// Shadow tables that somebody has written to: knn() says what is wrong and never answers from it.
// Also the proof that the comparisons of the random tests can fail.
// SPDX-License-Identifier: Apache-2.0
#include <exception>
#include <string>

#include "tests/support/catch.h"
#include "tests/support/mirror.h"

using namespace kindred::test;

namespace {

const Database::Parameter kQuery = blob({10, -300, 250, 77});
const std::string kKnn = "SELECT rowid, distance FROM knn('items', vec_f32('[1,2,3,4]'))";

void fill(Database& db, const Mirrored& both) {
  db.run("PRAGMA synchronous=OFF");
  for (int i = 1; i <= 20; ++i) {
    const std::string n = std::to_string(i);
    run_on_both(db, both,
                "INSERT INTO @(rowid, key, v, year) VALUES(" + n + ", 'k" + n + "', vec_f32('[" +
                    n + ",1,2,3]'), 1)");
  }
}

// The result code of a statement, with its extension.
int code(Database& db, const std::string& sql) {
  sqlite3_extended_result_codes(db.handle(), 1);
  const int rc = sqlite3_exec(db.handle(), sql.c_str(), nullptr, nullptr, nullptr);
  sqlite3_extended_result_codes(db.handle(), 0);
  return rc;
}

}  // namespace

TEST_CASE("a corrupt log row is an error that names it until it is mended", "[sql][corrupt]") {
  const ScratchDirectory scratch;
  const bool cached = GENERATE(false, true);  // read before it was damaged, by this process
  Mirrored both;
  {
    Database maker(scratch.file("app.db"));
    both = make_mirrored(maker, "items");
    fill(maker, both);
  }
  Database db(scratch.file("app.db"));
  const Mirrored other = make_mirrored(db, "others");
  fill(db, other);
  const std::string damage =
      GENERATE(as<std::string>(), "vector = x'00'", "vector = NULL", "vector = zeroblob(20)",
               "op = 0", "op = 77", "vector = x'0000c07f000000000000000000000000'",
               "vector = x'000000000000807f0000000000000000'");
  INFO(damage << (cached ? ", cached" : ""));
  db.run("CREATE TEMP TABLE kept AS SELECT * FROM items_log");
  if (cached) CHECK(seen_differ(db, both, kQuery) == "");
  db.run("UPDATE items_log SET " + damage + " WHERE cn = 7");
  // The cache knows a log by its last row: one that holds this log answers from what was committed.
  if (!cached) {
    for (int i = 0; i < 2; ++i) {
      CHECK(code(db, kKnn) == SQLITE_CORRUPT_VTAB);
      CHECK(db.error(kKnn).find("items_log: row 7: ") == 0);
    }
    db.run("BEGIN");
    run_on_both(db, other, "UPDATE @ SET v = vec_f32('[1,2,3,4]') WHERE rowid = 3");
    db.run("INSERT INTO items(key, v) VALUES('new', vec_f32('[1,2,3,4]'))");
    CHECK(code(db, kKnn) == SQLITE_CORRUPT_VTAB);
    CHECK(seen_differ(db, other, kQuery) == "");
    db.run("ROLLBACK");
  }
  CHECK(integrity_error(db, "items").find("items") == 0);
  CHECK(all_differ(db, other, kQuery) == "");
  CHECK(db.one("SELECT count(*) FROM items WHERE year = 1") == "20");
  db.run(
      "UPDATE items_log SET op = k.op, vector = k.vector FROM kept AS k WHERE k.cn = items_log.cn");
  CHECK(all_differ(db, both, kQuery) == "");
  CHECK(all_differ(db, other, kQuery) == "");
}

TEST_CASE("a vector that is missing from the log is an error where its row is read",
          "[sql][corrupt]") {
  Database db;
  const Mirrored both = make_mirrored(db, "items");
  fill(db, both);
  db.run("DELETE FROM items_log WHERE cn = 7");
  CHECK(code(db, "SELECT v FROM items WHERE rowid = 7") == SQLITE_CORRUPT_VTAB);
  CHECK(db.error("SELECT v FROM items WHERE rowid = 7") ==
        "items: row 7: a vector is wanted in row 7 of the log, got none");
  CHECK(db.one("SELECT key FROM items WHERE rowid = 7") == "k7");
  CHECK(integrity_error(db, "items") == "items: row 7 has no vector in the log at 7");
  db.run("UPDATE items SET v = vec_f32('[7,1,2,3]') WHERE rowid = 7");
  CHECK(all_differ(db, both, kQuery) == "");
}

TEST_CASE("a row that only the log has is an error, not an answer", "[sql][corrupt]") {
  Database db;
  const Mirrored both = make_mirrored(db, "items");
  fill(db, both);
  db.run("DELETE FROM items_rows WHERE id = 7");
  CHECK(db.error("SELECT key FROM items WHERE v MATCH vec_f32('[7,1,2,3]') AND k = 3") ==
        "items_rows: row 7 of the log is missing");
  CHECK(integrity_error(db, "items").find("items: ") == 0);
}

TEST_CASE("the comparisons of random tests see what is wrong", "[sql][corrupt]") {
  Database db;
  const Mirrored both = make_mirrored(db, "items");
  fill(db, both);
  REQUIRE(all_differ(db, both, kQuery) == "");
  const auto sees = [&](const std::string& damage) {
    db.run("BEGIN; " + damage);
    bool seen = false;
    try {
      seen = all_differ(db, both, kQuery) != "";
    } catch (const std::exception&) {
      seen = true;
    }
    db.run("ROLLBACK");
    return seen;
  };
  CHECK(sees("UPDATE items_log SET vector = vec_f32('[7,1,2,3.5]') WHERE cn = 7"));
  CHECK(sees("UPDATE items_log SET id = 21 WHERE cn = 7"));
  CHECK(sees("UPDATE items_log SET op = 2 WHERE cn = 20"));
  CHECK(sees("DELETE FROM items_log WHERE cn = 20"));
  CHECK(sees("INSERT INTO items_log VALUES(21, 5, 3, 1, vec_f32('[0,0,0,0]'))"));
  CHECK(sees("INSERT INTO items_log VALUES(21, 5, 3, 2, NULL)"));
  CHECK(sees("INSERT INTO items_log VALUES(21, 5, 99, 1, vec_f32('[0,0,0,0]'))"));
  CHECK(sees("DELETE FROM items_rows WHERE id = 7"));
  CHECK(sees("INSERT INTO items_rows(id, cn, c0) VALUES(99, NULL, 'x')"));
  CHECK(sees("UPDATE items_rows SET cn = 3 WHERE id = 4"));
  CHECK(sees("UPDATE items_rows SET cn = NULL WHERE id = 4"));
  CHECK(sees("UPDATE items_rows SET c2 = 5 WHERE id = 4"));
  CHECK(sees("DELETE FROM items_mirror WHERE id = 4"));
  CHECK(sees("UPDATE items_mirror SET v = vec_f32('[1,1,1,1]') WHERE id = 4"));
  CHECK(sees("DELETE FROM items WHERE rowid = 4"));
  CHECK(!sees("SELECT 1"));
}
