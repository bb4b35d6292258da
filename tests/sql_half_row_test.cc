// Writes that fail between the collection's tables, for reasons of the tables' own: nothing of the
// row stays, and the transaction goes on. A single-row statement inside a transaction has no
// journal of its own, so this is the writer's work.
//
// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <string>
#include <string_view>

#include "tests/support/catch.h"
#include "tests/support/mirror.h"

using namespace kindred::test;

namespace {

const Database::Parameter kQuery = blob({10, -300, 250, 77});

// One change of each kind; @ is the collection or its mirror.
const std::initializer_list<std::string> kChanges = {
    "INSERT INTO @(key, v, year) VALUES('new', vec_f32('[1,2,3,4]'), 9)",
    "INSERT INTO @(key, v, year) VALUES('new', NULL, 9)",
    "INSERT OR REPLACE INTO @(rowid, key, v) VALUES(3, 'k3', vec_f32('[1,2,3,4]'))",
    "INSERT OR REPLACE INTO @(rowid, key, v) VALUES(3, 'k4', vec_f32('[1,2,3,4]'))",
    "INSERT OR REPLACE INTO @(rowid, key, v) VALUES(3, 'k4', NULL)",
    "INSERT OR REPLACE INTO @(key, v) VALUES('k4', vec_f32('[1,2,3,4]'))",
    "UPDATE @ SET v = vec_f32('[1,2,3,4]') WHERE rowid = 3",
    "UPDATE @ SET v = NULL, year = 7 WHERE rowid = 3",
    "UPDATE @ SET rowid = 33 WHERE rowid = 3",
    "UPDATE @ SET rowid = 33, v = vec_f32('[1,2,3,4]'), year = 7 WHERE rowid = 3",
    "UPDATE OR REPLACE @ SET rowid = 4, key = 'k5' WHERE rowid = 3",
    "UPDATE OR REPLACE @ SET key = 'k5', v = vec_f32('[1,2,3,4]') WHERE rowid = 3",
    "DELETE FROM @ WHERE rowid = 3",
};

std::string on(const Mirrored& both, std::string sql) {
  return sql.replace(sql.find('@'), 1, both.collection);
}

Mirrored fill(Database& db) {
  const Mirrored both = make_mirrored(db, "items");
  for (int i = 1; i <= 6; ++i) {
    const std::string n = std::to_string(i);
    run_on_both(db, both,
                "INSERT INTO @(rowid, key, v, year) VALUES(" + n + ", 'k" + n + "', vec_f32('[" +
                    n + ",1,2,3]'), 1)");
  }
  return both;
}

// Denies one kind of action on one table, however often it is asked.
struct Denial {
  int action;
  std::string_view table;
  static int call(void* self, int action, const char* table, const char*, const char*,
                  const char*) {
    const auto& me = *static_cast<Denial*>(self);
    return action == me.action && table != nullptr && table == me.table ? SQLITE_DENY : SQLITE_OK;
  }
};

// Runs each change inside a transaction while the cause holds, then goes on and commits.
template <class Begin, class End>
void check_each_change(Database& db, const Mirrored& both, Begin begin_cause, End end_cause) {
  for (const std::string& change : kChanges) {
    INFO(change);
    db.run("BEGIN");
    run_on_both(db, both, "UPDATE @ SET year = 2 WHERE rowid = 1");
    begin_cause();
    const std::string error = db.error(on(both, change));
    end_cause();
    INFO("error: " << error);
    if (error.empty()) {  // the cause has no say in this change
      db.run("ROLLBACK");
      continue;
    }
    CHECK(sqlite3_get_autocommit(db.handle()) == 0);
    CHECK(all_differ(db, both, kQuery) == "");
    run_on_both(db, both, "UPDATE @ SET v = vec_f32('[5,5,5,5]') WHERE rowid = 2");
    db.run("COMMIT");
    CHECK(all_differ(db, both, kQuery) == "");
    db.run("BEGIN");
    run_on_both(db, both, change);
    CHECK(all_differ(db, both, kQuery) == "");
    db.run("ROLLBACK");
    CHECK(all_differ(db, both, kQuery) == "");
  }
}

}  // namespace

TEST_CASE("a change whose log row a trigger refuses leaves nothing of the row", "[sql][half]") {
  const ScratchDirectory scratch;
  const std::string past_log = GENERATE(as<std::string>(), "", "seal=1", "seal=4");
  INFO("past the log: " << past_log);
  Database db(past_log.empty() ? ":memory:" : scratch.file("app.db"));
  db.run("PRAGMA synchronous=OFF");
  const Mirrored both = fill(db);
  if (!past_log.empty()) db.run("INSERT INTO items(items) VALUES('" + past_log + "')");
  const std::string what = GENERATE(as<std::string>(), "BEFORE INSERT ON items_log WHEN new.op = 1",
                                    "AFTER INSERT ON items_log WHEN new.op = 2",
                                    "AFTER INSERT ON items_rows", "BEFORE UPDATE ON items_rows",
                                    "BEFORE DELETE ON items_rows", "AFTER DELETE ON items_rows");
  INFO(what);
  check_each_change(
      db, both,
      [&] { db.run("CREATE TEMP TRIGGER stop " + what + " BEGIN SELECT RAISE(ABORT, 'no'); END"); },
      [&] { db.run("DROP TRIGGER stop"); });
}

TEST_CASE("a change whose log row an authorizer denies leaves nothing of the row", "[sql][half]") {
  const int action = GENERATE(SQLITE_INSERT, SQLITE_UPDATE, SQLITE_DELETE);
  const std::string table = GENERATE(as<std::string>(), "items_log", "items_rows");
  if (action == SQLITE_DELETE && table == "items_log") return;  // below
  Database db;
  const Mirrored both = fill(db);
  INFO("action " << action << " on " << table);
  Denial denial{action, table};
  check_each_change(
      db, both, [&] { sqlite3_set_authorizer(db.handle(), &Denial::call, &denial); },
      [&] { sqlite3_set_authorizer(db.handle(), nullptr, nullptr); });
}

TEST_CASE("a change whose vector is longer than the connection allows leaves nothing of the row",
          "[sql][half]") {
  Database db;
  db.run("CREATE VIRTUAL TABLE items USING kindred(key TEXT PRIMARY KEY, v float[300])");
  db.run(
      "CREATE TABLE given(v); INSERT INTO given SELECT vec_f32('[' || "
      "substr(replace(hex(zeroblob(150)), '00', ',1,2'), 2) || ']')");
  db.run("INSERT INTO items SELECT 'a', v FROM given");
  const int length = sqlite3_limit(db.handle(), SQLITE_LIMIT_LENGTH, -1);
  for (const char* sql :
       {"INSERT INTO items SELECT 'b', v FROM given", "REPLACE INTO items SELECT 'a', v FROM given",
        "UPDATE items SET rowid = 5", "UPDATE items SET v = (SELECT vec_scale(v, 2) FROM given)"}) {
    // The row of the log is longer than the vector alone: just too long.
    for (const int limit : {1200, 1205, 1208}) {
      INFO(sql << " within " << limit);
      db.run("BEGIN");
      sqlite3_limit(db.handle(), SQLITE_LIMIT_LENGTH, limit);
      const std::string error = db.error(sql);
      sqlite3_limit(db.handle(), SQLITE_LIMIT_LENGTH, length);
      CHECK(error.find("too big") != std::string::npos);
      db.error("COMMIT");
      CHECK(db.rows("SELECT rowid, key FROM items") == std::vector<std::string>{"1|a"});
      CHECK(integrity_error(db, "items") == "");
    }
  }
  CHECK(db.one("SELECT count(*) FROM knn('items', (SELECT v FROM given))") == "1");
}

TEST_CASE("a change that cannot be undone takes the transaction with it", "[sql][half]") {
  Database db;
  const Mirrored both = fill(db);
  db.run(
      "CREATE TEMP TRIGGER stop BEFORE INSERT ON items_rows BEGIN SELECT RAISE(ABORT, 'no'); END;"
      "CREATE TEMP TRIGGER stay BEFORE DELETE ON items_log BEGIN SELECT RAISE(ABORT, 'stay'); END;"
      "BEGIN; UPDATE items SET year = 2 WHERE rowid = 1");
  CHECK(db.error("INSERT INTO items(key, v) VALUES('new', vec_f32('[1,2,3,4]'))").find("items: ") ==
        0);
  CHECK(sqlite3_get_autocommit(db.handle()) != 0);
  db.run("DROP TRIGGER stop; DROP TRIGGER stay");
  CHECK(all_differ(db, both, kQuery) == "");
}

TEST_CASE("a change that finds no place for its segment leaves nothing of the row", "[sql][half]") {
  const ScratchDirectory scratch;
  const std::string folder = scratch.file("app.db-kindred");
  Database db(scratch.file("app.db"));
  const Mirrored both = fill(db);
  db.run("INSERT INTO items(items) VALUES('seal=2')");  // a second row of the log goes past it
  const bool later = GENERATE(false, true);  // which the change has, or of which it is the first
  int refused = 0;
  for (const std::string& change : kChanges) {
    INFO(change);
    std::filesystem::create_directory(folder);
    std::filesystem::create_symlink("/proc/self", folder + "/segments");  // takes no files
    db.run("BEGIN");
    if (later) run_on_both(db, both, "UPDATE @ SET v = vec_f32('[5,5,5,5]') WHERE rowid = 2");
    const std::string error = db.error(on(both, change));
    INFO("error: " << error);
    CHECK(sqlite3_get_autocommit(db.handle()) == 0);
    if (!error.empty()) CHECK(rows_differ(db, both) == "");
    if (!error.empty()) ++refused;
    std::filesystem::remove_all(folder);
    CHECK(integrity_error(db, "items") == "");
    db.run("ROLLBACK");
    CHECK(all_differ(db, both, kQuery) == "");
  }
  CHECK((refused > 5) == later);
}

TEST_CASE("a rebuild that stops at any row leaves rows and log agreeing", "[sql][half]") {
  Database db;
  db.run("CREATE VIRTUAL TABLE items USING kindred(t)");
  db.run("INSERT INTO items VALUES('onion soup'), ('my password'), ('pea soup')");
  const std::string at = GENERATE(as<std::string>(), "UPDATE ON items_rows WHEN new.id = 2",
                                  "INSERT ON items_log WHEN new.id = 2");
  db.run("CREATE TEMP TRIGGER stop BEFORE " + at + " BEGIN SELECT RAISE(ABORT, 'no'); END; BEGIN");
  CHECK(db.error("INSERT INTO items(items) VALUES('rebuild')") == "no");
  db.run("DROP TRIGGER stop; COMMIT");
  CHECK(integrity_error(db, "items") == "");
  CHECK(db.one("SELECT count(*) FROM knn('items', 'soup')") == "3");
}
