// Statements that end in the middle: interrupts, constraints, bad values. The transaction goes on
// or is rolled back as SQLite says, and rows and vectors stay one.
// SPDX-License-Identifier: Apache-2.0
#include <string>

#include "tests/support/catch.h"
#include "tests/support/mirror.h"

using namespace kindred::test;

namespace {

const Database::Parameter kQuery = blob({10, -300, 250, 77});
const std::string kKnn =
    "SELECT count(*), sum(distance) FROM knn('items', vec_f32('[1,2,3,4]'), 50)";

constexpr int kInstructions = 7;

// Ends a statement at the `calls`th time that SQLite asks, every kInstructions.
class Interrupter {
 public:
  Interrupter(Database& db, int calls, bool by_interrupt)
      : db_(db), left_(calls), by_interrupt_(by_interrupt) {
    sqlite3_progress_handler(db.handle(), kInstructions, &Interrupter::call, this);
  }
  ~Interrupter() { sqlite3_progress_handler(db_.handle(), 0, nullptr, nullptr); }

 private:
  static int call(void* self) {
    auto& me = *static_cast<Interrupter*>(self);
    if (--me.left_ > 0) return 0;
    if (!me.by_interrupt_) return 1;
    sqlite3_interrupt(me.db_.handle());
    return 0;
  }

  Database& db_;
  int left_;
  bool by_interrupt_;
};

void fill(Database& db, const Mirrored& both, Random& random, int rows) {
  db.run("BEGIN");
  for (int i = 1; i <= rows; ++i) {
    const std::string n = std::to_string(i);
    run_on_both(db, both,
                "INSERT INTO @(rowid, key, v, year) VALUES(" + n + ", 'k" + n + "', " +
                    random_vector(random) + ", 1)");
  }
  db.run("COMMIT");
}

}  // namespace

TEST_CASE("a table's first use, interrupted at any point, says that it was", "[sql][interrupt]") {
  const ScratchDirectory scratch;
  Database(scratch.file("app.db")).run("CREATE VIRTUAL TABLE items USING kindred(v float[4])");
  const bool by_interrupt = GENERATE(false, true);
  int interrupted = 0;
  for (int calls = 1; calls < 40; ++calls) {
    INFO("call " << calls);
    Database db(scratch.file("app.db"));
    const Interrupter interrupter(db, calls, by_interrupt);
    const std::string error = db.error("SELECT count(*) FROM items");
    if (error.empty()) break;
    ++interrupted;
    CHECK_THAT(error, Catch::Contains("interrupted"));
  }
  CHECK(interrupted > 0);
}

TEST_CASE("a search interrupted at any point leaves later answers right", "[sql][interrupt]") {
  const ScratchDirectory scratch;
  const bool by_interrupt = GENERATE(false, true);
  const bool writing = GENERATE(false, true);
  Database db(scratch.file("app.db"));
  db.run("PRAGMA journal_mode=WAL");
  Random random(2);
  const Mirrored both = make_mirrored(db, "items");
  fill(db, both, random, 300);
  int interrupted = 0;
  for (int calls = 1; calls < 300; calls += 9) {
    INFO("call " << calls);
    Database fresh(scratch.file("app.db"));  // alone, so that its cache is filled from the start
    if (writing) fresh.run("BEGIN IMMEDIATE");
    if (writing) change_both(fresh, both, random, 3);
    {
      const Interrupter interrupter(fresh, calls, by_interrupt);
      const std::string error = fresh.error(kKnn);
      if (!error.empty()) ++interrupted;
      if (!error.empty()) CHECK(error == "interrupted");
    }
    CHECK(seen_differ(fresh, both, kQuery) == "");
    if (writing) fresh.run("COMMIT");
    CHECK(all_differ(fresh, both, kQuery) == "");
  }
  CHECK(interrupted >= 5);
}

TEST_CASE("a change interrupted at any point is made whole or not at all", "[sql][interrupt]") {
  Random random(4);
  Database db;
  const Mirrored both = make_mirrored(db, "items");
  fill(db, both, random, 60);
  int interrupted = 0;
  for (int calls = 1; calls <= 300; ++calls) {
    INFO("call " << calls);
    const bool explicitly = calls % 2 == 0;
    if (explicitly) db.run("BEGIN");
    const std::string sql = calls % 3 == 0   ? "UPDATE @ SET v = vec_f32('[1,2,3,4]'), year = 5"
                            : calls % 3 == 1 ? "INSERT INTO @(key, v) VALUES('new', '[1,2,3,5]')"
                                             : "DELETE FROM @ WHERE rowid % 2 = 1";
    const auto on = [&](std::string table) {
      return std::string(sql).replace(sql.find('@'), 1, table);
    };
    std::string error;
    {
      const Interrupter interrupter(db, calls * 7 % 400 + 1, calls % 5 == 0);
      error = db.error(on("items"));
    }
    const bool rolled_back = explicitly && sqlite3_get_autocommit(db.handle()) != 0;
    if (!error.empty()) CHECK(error == "interrupted");
    if (!error.empty()) ++interrupted;
    // SQLite 3.40 also asks when a statement is done: then that reports an error and stays made.
    if (error.empty() || rows_differ(db, both) != "") {
      db.run(on("items_mirror"));
      db.run("UPDATE items_mirror SET v = vec_f32(v)");
    }
    INFO("error: " << error << ", rolled back: " << rolled_back);
    REQUIRE(all_differ(db, both, kQuery) == "");
    if (explicitly && !rolled_back) db.run("ROLLBACK");
    CHECK(all_differ(db, both, kQuery) == "");
    run_on_both(db, both, "DELETE FROM @ WHERE key = 'new'");
    change_both(db, both, random, 1);
    if (calls % 10 == 0) db.run("INSERT INTO items(items) VALUES('optimize')");
  }
  CHECK(interrupted > 50);
}

TEST_CASE("a change that finds the database full is made whole or not at all", "[sql][interrupt]") {
  const ScratchDirectory scratch;
  const std::string journal = GENERATE("WAL", "DELETE");
  Random random(5);
  Database db(scratch.file("app.db"));
  db.run("PRAGMA journal_mode=" + std::string(journal) + "; PRAGMA synchronous=OFF");
  const Mirrored both = make_mirrored(db, "items");
  fill(db, both, random, 30);
  int full = 0;
  for (int round = 0; round < 60; ++round) {
    INFO("round " << round);
    const bool explicitly = round % 2 == 0;
    db.run("PRAGMA max_page_count = " +
           std::to_string(std::stoi(db.one("PRAGMA page_count")) + round % 4));
    if (explicitly) db.run("BEGIN");
    for (int i = 0; i < 200; ++i) {
      const std::string id = std::to_string(1000 * round + i);
      const std::string row = "(rowid, key, v) VALUES(" + id + ", 'key of some length " + id +
                              "', " + random_vector(random) + ")";
      const std::string error = db.error("INSERT INTO items" + row);
      if (error.empty()) db.error("INSERT INTO items_mirror" + row);
      if (error.empty() && (!explicitly || sqlite3_get_autocommit(db.handle()) == 0)) continue;
      ++full;
      break;
    }
    db.run("PRAGMA max_page_count = 1000000");
    if (sqlite3_get_autocommit(db.handle()) == 0) db.run("COMMIT");
    db.run("DELETE FROM items_mirror WHERE id NOT IN (SELECT rowid FROM items)");
    db.run("DELETE FROM items WHERE rowid NOT IN (SELECT id FROM items_mirror)");
    REQUIRE(all_differ(db, both, kQuery) == "");
  }
  CHECK(full > 20);
}

TEST_CASE("a statement that fails in a transaction takes only itself back", "[sql][interrupt]") {
  Database db;
  Random random(6);
  const Mirrored both = make_mirrored(db, "items");
  fill(db, both, random, 20);
  db.run(
      "CREATE TABLE feed(id, key, v);"
      "CREATE TRIGGER feed_in AFTER INSERT ON feed BEGIN "
      "INSERT INTO items(rowid, key, v) VALUES(new.id, new.key, new.v);"
      "SELECT RAISE(ABORT, 'thirteen') WHERE new.id = 113; END");
  db.run("BEGIN");
  change_both(db, both, random, 5);
  const std::string v = "vec_f32('[1,2,3,4]')";
  for (const std::string& sql :
       {"INSERT INTO items(key, v) VALUES('a', " + v + "), ('b', " + v + "), ('a', " + v + ")",
        "INSERT INTO items(key, v) VALUES('a', " + v + "), ('b', '[1,2]')",
        std::string("INSERT INTO items(key, v) VALUES('a', '[1,2]')"),
        "INSERT INTO items(key, v) VALUES(NULL, " + v + ")",
        std::string("UPDATE items SET v = CASE WHEN rowid % 5 = 4 THEN '[1]' ELSE '[9,9,9,9]' END"),
        std::string("UPDATE items SET key = 'same', v = '[7,7,7,7]'"),
        "INSERT INTO feed VALUES(111, 'x', " + v + "), (112, 'y', " + v + "), (113, 'z', " + v +
            ")",
        std::string("INSERT INTO items(key, v, k) VALUES('a', '[1,2,3,4]', 7)"),
        std::string("INSERT INTO items(items) VALUES('no such command')")}) {
    INFO(sql);
    CHECK(db.error(sql) != "");
    CHECK(all_differ(db, both, kQuery) == "");
  }
  db.run("COMMIT");
  CHECK(all_differ(db, both, kQuery) == "");
}

TEST_CASE("a collection that is changed again and again cuts its log by itself",
          "[sql][snapshot]") {
  const ScratchDirectory scratch;
  Database db(scratch.file("app.db"));
  db.run("PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF");
  Random random(8);
  const Mirrored both = make_mirrored(db, "items");
  fill(db, both, random, 30);
  db.run("INSERT INTO items(items) VALUES('seal=300')");
  Database reader(scratch.file("app.db"));
  reader.run("BEGIN");
  CHECK(seen_differ(reader, both, kQuery) == "");
  for (int i = 0; i < 8; ++i) {
    db.run("BEGIN");
    for (int n = 0; n < 50; ++n)
      run_on_both(db, both, "UPDATE @ SET v = " + random_vector(random) + ", year = year + 1");
    db.run(i == 6 ? "ROLLBACK" : "COMMIT");
    CHECK(all_differ(db, both, kQuery) == "");
    CHECK(seen_differ(reader, both, kQuery) == "");
  }
  CHECK(std::stoi(db.one("SELECT count(*) FROM items_log")) < 4000);
}
