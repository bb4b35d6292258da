// What each of several connections sees of a collection: its own snapshot, and its own changes.
// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/catch.h"
#include "tests/support/mirror.h"

using namespace kindred::test;

namespace {

const Database::Parameter kQuery = blob({10, -300, 250, 77});

struct File {
  explicit File(const std::string& journal = "WAL") : random(1) {
    Database db(path());
    db.run("PRAGMA journal_mode=" + journal);
    both = make_mirrored(db, "items");
    change_both(db, both, random, 60);
  }
  std::string path() const { return scratch.file("app.db"); }
  std::unique_ptr<Database> open() const { return std::make_unique<Database>(path()); }

  ScratchDirectory scratch;
  Random random;
  Mirrored both;
};

void begin_reading(Database& db) {
  db.run("BEGIN; SELECT count(*) FROM items_mirror");
}

void optimize(Database& db) {
  db.run("INSERT INTO items(items) VALUES('optimize')");
}

}  // namespace

TEST_CASE("a reader keeps its snapshot whatever a writer commits", "[sql][snapshot]") {
  File file;
  const auto reader = file.open();
  const auto writer = file.open();
  const bool asks_first = GENERATE(true, false);  // else the cache is newer when it first asks
  begin_reading(*reader);
  const std::vector<std::string> before = reader->rows("SELECT id FROM items_mirror");
  if (asks_first) CHECK(seen_differ(*reader, file.both, kQuery) == "");
  for (int i = 0; i < 12; ++i) {
    INFO("commit " << i);
    writer->run("BEGIN");
    change_both(*writer, file.both, file.random, 10);
    if (i % 4 == 2) optimize(*writer);
    writer->run("COMMIT");
    CHECK(all_differ(*writer, file.both, kQuery) == "");
    CHECK(seen_differ(*reader, file.both, kQuery) == "");
  }
  CHECK(reader->rows("SELECT id FROM items_mirror") == before);
  reader->run("COMMIT");
  CHECK(seen_differ(*reader, file.both, kQuery) == "");
}

TEST_CASE("snapshots of several ages are right, the oldest asking last", "[sql][snapshot]") {
  File file;
  const auto writer = file.open();
  std::vector<std::unique_ptr<Database>> readers;
  for (int i = 0; i < 5; ++i) {
    readers.push_back(file.open());
    begin_reading(*readers.back());
    for (int n = 0; n < 30; ++n) change_both(*writer, file.both, file.random, 1);
    if (i == 2) optimize(*writer);
  }
  CHECK(all_differ(*writer, file.both, kQuery) == "");
  for (auto reader = readers.rbegin(); reader != readers.rend(); ++reader)
    CHECK(seen_differ(**reader, file.both, kQuery) == "");
  for (const auto& reader : readers) CHECK(seen_differ(*reader, file.both, kQuery) == "");
}

TEST_CASE("a connection that has slept through many commits is right at once", "[sql][snapshot]") {
  File file;
  const auto sleeper = file.open();
  const auto writer = file.open();
  CHECK(seen_differ(*sleeper, file.both, kQuery) == "");
  for (int i = 0; i < 100; ++i) {
    change_both(*writer, file.both, file.random, 1);
    CHECK(seen_differ(*writer, file.both, kQuery) == "");
  }
  CHECK(seen_differ(*sleeper, file.both, kQuery) == "");
}

TEST_CASE("a rolled-back transaction leaves no ghost for anyone", "[sql][snapshot]") {
  File file;
  const auto writer = file.open();
  const auto reader = file.open();
  for (int i = 0; i < 6; ++i) {
    writer->run("BEGIN");
    change_both(*writer, file.both, file.random, 15);
    if (i % 3 == 1) optimize(*writer);
    CHECK(all_differ(*writer, file.both, kQuery) == "");
    CHECK(seen_differ(*reader, file.both, kQuery) == "");
    writer->run("ROLLBACK");
    CHECK(all_differ(*writer, file.both, kQuery) == "");
    CHECK(seen_differ(*reader, file.both, kQuery) == "");
  }
}

TEST_CASE("change numbers that come again after a ROLLBACK bring the new vectors",
          "[sql][snapshot]") {
  File file;
  const auto a = file.open();
  const auto b = file.open();
  for (int i = 0; i < 10; ++i) {
    INFO("round " << i);
    Database& first = i % 2 == 0 ? *a : *b;
    Database& second = i % 2 == 0 ? *b : *a;
    first.run("BEGIN");
    run_on_both(first, file.both,
                "INSERT OR REPLACE INTO @(rowid, key, v) VALUES(1, 'one', " +
                    random_vector(file.random) + ")");
    CHECK(seen_differ(first, file.both, kQuery) == "");
    CHECK(seen_differ(second, file.both, kQuery) == "");
    first.run("ROLLBACK");
    const std::string before = second.one("SELECT max(cn) FROM items_log");
    second.run("BEGIN");
    run_on_both(second, file.both,
                "INSERT OR REPLACE INTO @(rowid, key, v) VALUES(1, 'one', " +
                    random_vector(file.random) + ")");
    CHECK(seen_differ(second, file.both, kQuery) == "");
    second.run("COMMIT");
    CHECK(seen_differ(second, file.both, kQuery) == "");
    CHECK(seen_differ(first, file.both, kQuery) == "");
    CHECK(first.one("SELECT max(cn) FROM items_log") != before);
  }
}

TEST_CASE("a backup restored into an open database is what knn sees", "[sql][snapshot]") {
  File file;
  const auto db = file.open();
  const auto other = file.open();
  CHECK(seen_differ(*db, file.both, kQuery) == "");
  Database copy(file.scratch.file("copy.db"));
  copy_by_backup_api(*db, copy);
  // The same number of changes on both sides: the same change numbers.
  for (Database* each : {db.get(), &copy})
    run_on_both(*each, file.both,
                "INSERT OR REPLACE INTO @(rowid, key, v) VALUES(1, 'one', " +
                    random_vector(file.random) + ")");
  CHECK(seen_differ(*db, file.both, kQuery) == "");
  CHECK(seen_differ(*other, file.both, kQuery) == "");
  CHECK(seen_differ(copy, file.both, kQuery) == "");
  const std::string theirs = copy.one("SELECT hex(v) FROM items WHERE rowid = 1");
  // A backup locks its source, then its target: the way back needs a connection of its own for the
  // thread sanitizer to see one order.
  Database back(file.scratch.file("copy.db"));
  copy_by_backup_api(back, *db);
  for (Database* each : {db.get(), other.get()}) {
    CHECK(each->one("SELECT hex(v) FROM items WHERE rowid = 1") == theirs);
    CHECK(seen_differ(*each, file.both, kQuery) == "");
  }
  change_both(*other, file.both, file.random, 20);
  CHECK(all_differ(*db, file.both, kQuery) == "");
}

TEST_CASE("a file deleted and made again, or replaced by a copy, is another history",
          "[sql][snapshot]") {
  File file("DELETE");
  const auto old = file.open();
  CHECK(seen_differ(*old, file.both, kQuery) == "");
  const std::string copy = file.scratch.file("copy.db");
  std::filesystem::copy_file(file.path(), copy);
  change_both(*old, file.both, file.random, 20);
  CHECK(seen_differ(*old, file.both, kQuery) == "");
  std::filesystem::remove(file.path());
  SECTION("deleted") {
    const auto fresh = file.open();
    make_mirrored(*fresh, "items");
    change_both(*fresh, file.both, file.random, 30);
    CHECK(all_differ(*fresh, file.both, kQuery) == "");
    CHECK(seen_differ(*old, file.both, kQuery) == "");
  }
  SECTION("replaced") {  // the collection has the same id and the same change numbers
    std::filesystem::rename(copy, file.path());
    const auto fresh = file.open();
    CHECK(seen_differ(*fresh, file.both, kQuery) == "");
    for (int i = 0; i < 10; ++i) {
      change_both(*fresh, file.both, file.random, 5);
      CHECK(all_differ(*fresh, file.both, kQuery) == "");
      CHECK(seen_differ(*old, file.both, kQuery) == "");
    }
  }
}

TEST_CASE("a change of another table in mid-transaction loses no change of the collection",
          "[sql][snapshot]") {
  File file;
  const auto db = file.open();
  const auto reader = file.open();
  db->run("CREATE TABLE other(a)");
  const bool commits = GENERATE(true, false);
  db->run("BEGIN");
  for (const std::string ddl :
       {"ALTER TABLE other ADD COLUMN b", "ALTER TABLE other RENAME TO another",
        "CREATE TABLE third(a)", "DROP TABLE another", "CREATE INDEX third_a ON third(a)",
        "CREATE VIRTUAL TABLE more USING kindred(x)", "DROP TABLE more", "ANALYZE",
        "ALTER TABLE items RENAME TO things; ALTER TABLE things RENAME TO items"}) {
    INFO(ddl);
    change_both(*db, file.both, file.random, 5);
    CHECK(all_differ(*db, file.both, kQuery) == "");
    db->run(ddl);
    CHECK(all_differ(*db, file.both, kQuery) == "");
    change_both(*db, file.both, file.random, 5);
    CHECK(all_differ(*db, file.both, kQuery) == "");
    CHECK(seen_differ(*reader, file.both, kQuery) == "");
  }
  db->run(commits ? "COMMIT" : "ROLLBACK");
  CHECK(all_differ(*db, file.both, kQuery) == "");
  CHECK(seen_differ(*reader, file.both, kQuery) == "");
}

TEST_CASE("a COMMIT that is busy keeps the transaction as it was", "[sql][snapshot]") {
  File file("DELETE");
  const auto writer = file.open();
  const auto reader = file.open();
  sqlite3_busy_timeout(writer->handle(), 0);
  for (int i = 0; i < 6; ++i) {
    INFO("round " << i);
    begin_reading(*reader);
    reader->rows("SELECT count(*) FROM items_mirror");
    CHECK(seen_differ(*reader, file.both, kQuery) == "");
    writer->run("BEGIN; SAVEPOINT inner");
    change_both(*writer, file.both, file.random, 10);
    if (i % 2 == 1) optimize(*writer);
    CHECK(seen_differ(*writer, file.both, kQuery) == "");
    CHECK(writer->error("COMMIT") == "database is locked");
    CHECK(seen_differ(*writer, file.both, kQuery) == "");
    CHECK(seen_differ(*reader, file.both, kQuery) == "");
    change_both(*writer, file.both, file.random, 10);
    if (i % 3 == 1) writer->run("ROLLBACK TO inner");
    CHECK(seen_differ(*writer, file.both, kQuery) == "");
    reader->run("COMMIT");
    writer->run(i % 3 == 2 ? "ROLLBACK" : "COMMIT");
    CHECK(all_differ(*writer, file.both, kQuery) == "");
    CHECK(seen_differ(*reader, file.both, kQuery) == "");
  }
}

TEST_CASE("two write transactions take turns and each sees the other's rows", "[sql][snapshot]") {
  const std::string journal = GENERATE("WAL", "DELETE");
  File file(journal);
  const auto a = file.open();
  const auto b = file.open();
  for (int i = 0; i < 20; ++i) {
    Database& db = i % 2 == 0 ? *a : *b;
    db.run("BEGIN IMMEDIATE");
    CHECK(seen_differ(db, file.both, kQuery) == "");
    change_both(db, file.both, file.random, 4);
    CHECK(seen_differ(db, file.both, kQuery) == "");
    db.run(file.random.one_in(3) ? "ROLLBACK" : "COMMIT");
  }
  CHECK(all_differ(*a, file.both, kQuery) == "");
  CHECK(all_differ(*b, file.both, kQuery) == "");
}

TEST_CASE("a stale snapshot that cannot be written to stays what it was", "[sql][snapshot]") {
  File file;
  const auto stale = file.open();
  const auto writer = file.open();
  for (int i = 0; i < 4; ++i) {
    begin_reading(*stale);
    stale->rows("SELECT count(*) FROM items_mirror");
    change_both(*writer, file.both, file.random, 5);
    CHECK(seen_differ(*writer, file.both, kQuery) == "");
    CHECK(stale->error("INSERT INTO items(key, v) VALUES('late', '[1,2,3,4]')") ==
          "database is locked");
    CHECK(seen_differ(*stale, file.both, kQuery) == "");
    stale->run("ROLLBACK");
    change_both(*stale, file.both, file.random, 5);
    CHECK(all_differ(*stale, file.both, kQuery) == "");
    CHECK(all_differ(*writer, file.both, kQuery) == "");
  }
}

TEST_CASE("a file attached under another name is the same file", "[sql][snapshot]") {
  File file;
  const auto direct = file.open();
  Database by_name;
  by_name.run("ATTACH '" + file.path() + "' AS other; CREATE TEMP TABLE items(a)");
  Mirrored there = file.both;
  there.mirror = "other.items_mirror";
  there.collection = "other.items";
  for (int i = 0; i < 6; ++i) {
    change_both(*direct, file.both, file.random, 5);
    CHECK(seen_differ(by_name, there, kQuery) == "");
    by_name.run("BEGIN");
    change_both(by_name, there, file.random, 5);
    CHECK(seen_differ(by_name, there, kQuery) == "");
    CHECK(seen_differ(*direct, file.both, kQuery) == "");
    by_name.run(i % 2 == 0 ? "COMMIT" : "ROLLBACK");
    CHECK(seen_differ(by_name, there, kQuery) == "");
    CHECK(seen_differ(*direct, file.both, kQuery) == "");
  }
}

TEST_CASE("filters of any selectivity answer exactly among thousands of rows", "[sql][snapshot]") {
  Database db;
  const Mirrored both = make_mirrored(db, "items");
  Random random(12);
  db.run("BEGIN");
  for (int i = 1; i <= 6000; ++i) {
    const std::vector<float> v = random.vector(4, 1000);
    // `year` grows with the first element: all rows near some query pass a filter, or none.
    run_on_both(db, both,
                "INSERT INTO @(rowid, key, v, year) VALUES(" + std::to_string(i) + ", 'k" +
                    std::to_string(i) + "', vec_f32('[" + std::to_string(v[0]) + "," +
                    std::to_string(v[1]) + "," + std::to_string(v[2]) + "," + std::to_string(v[3]) +
                    "]'), " + std::to_string(static_cast<int>(v[0])) + ")");
  }
  db.run(GENERATE("COMMIT", "SAVEPOINT s"));  // from the cache, and from a transaction's own rows
  for (const float x : {-990.0F, -300.0F, 0.0F, 990.0F}) {
    const Database::Parameter query = blob({x, 100, -100, 5});
    for (const char* filter :
         {"year > 990", "year > 500", "year > -200", "year < 300", "year % 2 = 0",
          "year > -900 AND rowid IN (SELECT id FROM items_mirror WHERE id % 5 = 0)",
          "year > 0 AND distance > 900 AND distance < 1400"}) {
      INFO(filter << " near " << x);
      const bool handed_over = std::string(filter).find('%') == std::string::npos ||
                               std::string(filter).find("IN (") != std::string::npos;
      if (handed_over) CHECK(match_differs(db, both, query, {10, filter}) == "");
      if (handed_over) CHECK(match_differs(db, both, query, {3000, filter}) == "");
      CHECK(match_differs(db, both, query, {{}, filter}) == "");
    }
  }
}
