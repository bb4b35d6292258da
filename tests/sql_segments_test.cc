// Collections that have grown past their log: files and store beside the database.
// SPDX-License-Identifier: Apache-2.0
#include <sys/resource.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>
#include <vector>

#include "tests/support/catch.h"
#include "tests/support/mirror.h"
#include "tests/support/sql_functions.h"

using namespace kindred::test;

namespace {

const Database::Parameter kQuery = blob({100, 200, 300, 400});

// A database file with a collection and its mirror, filled and sealed.
struct Sealed {
  explicit Sealed(int64_t changes = 400) : path(scratch.file("app.db")) {
    Database db(path);
    both = make_mirrored(db, "items");
    change_both(db, both, random, changes);
    db.run("INSERT INTO items(items) VALUES('optimize')");
  }
  std::filesystem::path folder() const { return path + "-kindred"; }
  std::vector<std::filesystem::path> files() const {
    std::vector<std::filesystem::path> found;
    for (const auto& entry : std::filesystem::directory_iterator(folder() / "segments"))
      found.push_back(entry.path());
    return found;
  }

  ScratchDirectory scratch;
  Random random{7};
  std::string path;
  Mirrored both;
};

// Rows and answers through a connection of its own.
std::string differ(const Sealed& sealed) {
  Database db(sealed.path);
  return all_differ(db, sealed.both, kQuery);
}

std::string unsealed(Database& db) {
  return db.one(
      "SELECT count(*) FROM items_log WHERE cn > (SELECT value FROM items_config WHERE "
      "key = 'sealed')");
}

}  // namespace

TEST_CASE("optimize leaves one segment and an empty log", "[sql][segments]") {
  Sealed sealed;
  Database db(sealed.path);
  for (int i = 0; i < 3; ++i) {
    change_both(db, sealed.both, sealed.random, 100);
    db.run("INSERT INTO items(items) VALUES('optimize')");
    CHECK(db.one("SELECT count(*) FROM items_segments") == "1");
    CHECK(db.one("SELECT count(*) FROM items_log") == "0");
    CHECK(sealed.files().size() == 1);
    CHECK(all_differ(db, sealed.both, kQuery) == "");
  }
}

TEST_CASE("a large transaction goes past the log", "[sql][segments]") {
  Sealed sealed;
  Database db(sealed.path);
  db.run("INSERT INTO items(items) VALUES('seal=100'); BEGIN");
  change_both(db, sealed.both, sealed.random, 900, 5000);
  CHECK(db.one("SELECT count(*) < 60 FROM items_log") == "1");
  SECTION("and is committed") {
    db.run("COMMIT");
  }
  SECTION("and is rolled back") {
    db.run("ROLLBACK");
  }
  SECTION("and can be searched before it ends") {
    CHECK(all_differ(db, sealed.both, kQuery) == "");
    change_both(db, sealed.both, sealed.random, 300, 5000);
    db.run("COMMIT");
  }
  SECTION("and keeps what a savepoint takes back out of a segment") {
    db.run("SAVEPOINT s");
    change_both(db, sealed.both, sealed.random, 300, 5000);
    CHECK(seen_differ(db, sealed.both, kQuery) == "");  // makes a segment of both parts
    db.run("ROLLBACK TO s");
    CHECK(seen_differ(db, sealed.both, kQuery) == "");
    db.run("COMMIT");
  }
  CHECK(all_differ(db, sealed.both, kQuery) == "");
  CHECK(differ(sealed) == "");
}

TEST_CASE("the log is sealed in the foreground at four times its threshold", "[sql][segments]") {
  Sealed sealed;
  Database db(sealed.path);
  db.run("INSERT INTO items(items) VALUES('seal=20')");
  for (int i = 0; i < 30; ++i) {
    db.run("BEGIN");
    change_both(db, sealed.both, sealed.random, 9);
    db.run("COMMIT");
    CHECK(std::stoi(unsealed(db)) <= 81);
  }
  CHECK(all_differ(db, sealed.both, kQuery) == "");
}

TEST_CASE("a segment's file that is missing or cut is written anew", "[sql][segments]") {
  Sealed sealed;
  const std::filesystem::path file = sealed.files().at(0);
  SECTION("missing") {
    std::filesystem::remove(file);
  }
  SECTION("the folder of all files is missing") {
    std::filesystem::remove_all(file.parent_path());
  }
  SECTION("cut") {
    std::filesystem::resize_file(file, std::filesystem::file_size(file) / 2);
  }
  SECTION("empty") {
    std::filesystem::resize_file(file, 0);
  }
  SECTION("with another header") {
    flip_bit(file, 17);
  }
  CHECK(differ(sealed) == "");
  CHECK(std::filesystem::exists(file));
}

TEST_CASE("a flipped bit in a segment is reported and mended, never an answer", "[sql][segments]") {
  Sealed sealed;
  const std::filesystem::path file = sealed.files().at(0);
  const uint64_t bytes = std::filesystem::file_size(file);
  for (uint64_t offset = 11; offset < std::filesystem::file_size(file);
       offset += bytes / 41) {  // written anew it is shorter: by what was dead
    INFO("byte " << offset << " of " << bytes);
    flip_bit(file, offset);
    Database db(sealed.path);
    std::string error = db.error("SELECT rowid, v FROM items");
    if (error.empty()) error = db.error("SELECT rowid FROM knn('items', '[1,2,3,4]')");
    if (error.empty()) error = db.error("INSERT INTO items(items) VALUES('integrity-check')");
    if (!error.empty()) CHECK(error.find(file.filename().string()) != std::string::npos);
    CHECK(all_differ(db, sealed.both, kQuery) == "");  // the same connection goes on
    CHECK(differ(sealed) == "");
  }
}

TEST_CASE("a database whose folder is missing says so and can be dropped", "[sql][segments]") {
  Sealed sealed;
  std::filesystem::rename(sealed.folder(), sealed.scratch.file("elsewhere"));
  {
    Database db(sealed.path);
    const std::string error = db.error("SELECT rowid FROM knn('items', '[1,2,3,4]')");
    CHECK(error.find("app.db-kindred") != std::string::npos);
    CHECK(error.find("copy the folder along") != std::string::npos);
    CHECK(db.one("SELECT count(*) > 0 FROM items") == "1");
  }
  SECTION("and works once it is back") {
    std::filesystem::rename(sealed.scratch.file("elsewhere"), sealed.folder());
    CHECK(differ(sealed) == "");
  }
  SECTION("and can be dropped") {
    Database db(sealed.path);
    db.run("DROP TABLE items");
    CHECK(db.one("SELECT count(*) FROM sqlite_schema WHERE name LIKE 'items!_%' ESCAPE '!' AND "
                 "name NOT LIKE 'items_mirror%'") == "0");
  }
}

TEST_CASE("another database's folder is not taken for one's own", "[sql][segments]") {
  Sealed sealed;
  Sealed other;
  std::filesystem::remove_all(sealed.folder());
  std::filesystem::rename(other.folder(), sealed.folder());
  Database db(sealed.path);
  CHECK(db.error("SELECT rowid FROM knn('items', '[1,2,3,4]')").find("another database") !=
        std::string::npos);
}

TEST_CASE("database and folder can be moved and copied together", "[sql][segments]") {
  Sealed sealed;
  const std::string copy = sealed.scratch.file("copy.db");
  std::filesystem::copy_file(sealed.path, copy);
  std::filesystem::copy(sealed.folder(), copy + "-kindred",
                        std::filesystem::copy_options::recursive);
  std::filesystem::remove_all(sealed.folder());
  Database db(copy);
  CHECK(all_differ(db, sealed.both, kQuery) == "");
  change_both(db, sealed.both, sealed.random, 50);
  db.run("INSERT INTO items(items) VALUES('optimize')");
  CHECK(all_differ(db, sealed.both, kQuery) == "");
}

TEST_CASE("kindred_backup copies database and vectors of one moment", "[sql][segments][backup]") {
  Sealed sealed;
  Database db(sealed.path);
  db.run("PRAGMA journal_mode=WAL");
  change_both(db, sealed.both, sealed.random, 30);  // some rows in the log
  Database reader(sealed.path);
  const std::string copy = sealed.scratch.file("copy.db");
  reader.run("SELECT kindred_backup('" + copy + "')");
  const std::vector<std::string> rows = db.rows("SELECT * FROM items_mirror");
  change_both(db, sealed.both, sealed.random, 100);
  db.run("INSERT INTO items(items) VALUES('optimize')");
  std::filesystem::remove_all(sealed.folder());
  {
    Database copied(copy);
    CHECK(copied.rows("SELECT * FROM items_mirror") == rows);
    CHECK(all_differ(copied, sealed.both, kQuery) == "");
    change_both(copied, sealed.both, sealed.random, 50);
    copied.run("INSERT INTO items(items) VALUES('optimize')");
    CHECK(all_differ(copied, sealed.both, kQuery) == "");
  }
  SECTION("a copy's file can be written anew from its store") {
    std::filesystem::remove_all(copy + "-kindred/segments");
    Database copied(copy);
    CHECK(all_differ(copied, sealed.both, kQuery) == "");
  }
  SECTION("but copies over nothing and not inside a transaction") {
    CHECK(db.error("SELECT kindred_backup('" + copy + "')").find("exists") != std::string::npos);
    CHECK(db.error("BEGIN; SELECT kindred_backup('" + copy + "2')").find("transaction") !=
          std::string::npos);
    CHECK_FALSE(std::filesystem::exists(copy + "2"));
    db.run("ROLLBACK");
    CHECK(db.error("SELECT kindred_backup(5)").find("kindred_backup(): file") == 0);
    CHECK(db.error("SELECT kindred_backup('/nowhere/at/all.db')") != "");
  }
}

TEST_CASE("a vector is read wherever it lies", "[sql][segments]") {
  const ScratchDirectory scratch;
  Database db(scratch.file("app.db"));
  db.run(
      "CREATE VIRTUAL TABLE items USING kindred(v float[2] distance_metric=l2, m TEXT);"
      "INSERT INTO items(rowid, v, m) VALUES(1, '[1,1]', 'a'), (2, '[2,2]', 'b'), "
      "(3, NULL, 'c'); INSERT INTO items(items) VALUES('optimize');"
      "UPDATE items SET v = '[5,5]' WHERE rowid = 2; UPDATE items SET m = 'x' WHERE rowid = 1;"
      "UPDATE items SET rowid = 9 WHERE rowid = 1");
  const std::vector<std::string> wanted = {"2|[5,5]|b", "3|NULL|c", "9|[1,1]|x"};
  const std::string all = "SELECT rowid, vec_to_json(v), m FROM items ORDER BY rowid";
  CHECK(db.rows(all) == wanted);
  db.run("INSERT INTO items(items) VALUES('optimize')");
  CHECK(db.rows(all) == wanted);
  CHECK(db.rows("SELECT rowid FROM knn('items', '[1,1]')") == std::vector<std::string>{"9", "2"});
}

TEST_CASE("optimize stops at an interrupt and loses nothing", "[sql][segments]") {
  Sealed sealed(10);
  Database db(sealed.path);
  for (int part = 0; part < 2; ++part) {  // two segments to merge
    db.run("BEGIN");
    change_both(db, sealed.both, sealed.random, 6000, 1000000);
    db.run("COMMIT");
  }
  std::atomic<bool> ended{false};
  std::thread other([&] {
    while (!ended) sqlite3_interrupt(db.handle());
  });
  const std::string error = db.error("INSERT INTO items(items) VALUES('optimize')");
  ended = true;
  other.join();
  CHECK(error.find("interrupt") != std::string::npos);
  CHECK(all_differ(db, sealed.both, kQuery) == "");
  db.run("INSERT INTO items(items) VALUES('optimize')");
  CHECK(all_differ(db, sealed.both, kQuery) == "");
}

TEST_CASE("deleting half and optimize give the space back", "[sql][segments]") {
  Sealed sealed(10);
  Database db(sealed.path);
  db.run("BEGIN");
  change_both(db, sealed.both, sealed.random, 4000, 100000);
  db.run("COMMIT; INSERT INTO items(items) VALUES('optimize')");
  REQUIRE(sealed.files().size() == 1);
  const uint64_t before = std::filesystem::file_size(sealed.files().at(0));
  run_on_both(db, sealed.both, "DELETE FROM @ WHERE rowid % 2 = 0");
  db.run("INSERT INTO items(items) VALUES('optimize')");
  REQUIRE(sealed.files().size() == 1);
  CHECK(std::filesystem::file_size(sealed.files().at(0)) < before * 6 / 10);
  CHECK(all_differ(db, sealed.both, kQuery) == "");
}

TEST_CASE("a dropped collection's files go with the next sweep", "[sql][segments]") {
  Sealed sealed;
  {
    Database db(sealed.path);
    db.run("DROP TABLE items");
    const auto old = std::filesystem::file_time_type::clock::now() - std::chrono::minutes(5);
    std::filesystem::last_write_time(sealed.files().at(0), old);
  }
  Database db(sealed.path);
  db.run(
      "CREATE VIRTUAL TABLE others USING kindred(v float[1]); "
      "INSERT INTO others VALUES('[1]')");
  CHECK(sealed.files().empty());
}

TEST_CASE("more files than a process may open are swept", "[sql][segments]") {
  const ScratchDirectory scratch;
  const std::string segments = scratch.file("app.db-kindred/segments");
  Database db(scratch.file("app.db"));
  const auto old = std::filesystem::file_time_type::clock::now() - std::chrono::minutes(5);
  const auto make_old = [&](const std::filesystem::path& file) {
    std::filesystem::last_write_time(file, old);
  };
  db.run("CREATE VIRTUAL TABLE items USING kindred(v float[1])");
  db.run("INSERT INTO items VALUES('[1]'); INSERT INTO items(items) VALUES('optimize')");
  const auto kept = std::filesystem::directory_iterator(segments)->path();
  for (int segment = 1; segment <= 300; ++segment) {
    const std::string name = segments + "/" + std::to_string(segment) + ".kin";
    std::ofstream(name).put('x');
    make_old(name);
  }
  make_old(kept);
  db.run("CREATE VIRTUAL TABLE gone USING kindred(v float[1]); DROP TABLE gone");  // sweeps soon
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
  const rlimit low{250, before.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &low) == 0);
  const std::string error = db.error("INSERT INTO items VALUES('[2]')");
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
  CHECK(error == "");
  for (const auto& entry : std::filesystem::directory_iterator(segments))
    CHECK(entry.path() == kept);
}

TEST_CASE("databases without a file keep their vectors in the log", "[sql][segments]") {
  for (const std::string path : {":memory:", ""}) {
    Database db(path);
    const Mirrored both = make_mirrored(db, "items");
    Random random(3);
    db.run("INSERT INTO items(items) VALUES('seal=50')");
    for (int i = 0; i < 5; ++i) {
      db.run("BEGIN");
      change_both(db, both, random, 120);
      db.run("COMMIT");
    }
    CHECK(all_differ(db, both, kQuery) == "");
    db.run("INSERT INTO items(items) VALUES('optimize')");
    CHECK(all_differ(db, both, kQuery) == "");
    CHECK(db.one("SELECT (SELECT count(*) FROM items_log) <= (SELECT count(*) FROM items) + 1") ==
          "1");
  }
}

TEST_CASE("rows deleted from a segment stay away however long the log grows", "[sql][segments]") {
  const ScratchDirectory scratch;
  Database db(scratch.file("app.db"));
  db.run(
      "PRAGMA synchronous=OFF; CREATE VIRTUAL TABLE items USING kindred(v float[1] "
      "distance_metric=l2)");
  db.run("INSERT INTO items SELECT json_array(i) FROM " + numbers(13000));
  db.run("INSERT INTO items(items) VALUES('optimize'), ('seal=1000000')");
  db.run(
      "DELETE FROM items WHERE rowid = 1; UPDATE items SET v = NULL WHERE rowid = 2;"
      "UPDATE items SET rowid = 90000 WHERE rowid = 3");
  for (int i = 0; i < 6; ++i) {
    db.run("UPDATE items SET v = json_array(-rowid) WHERE rowid BETWEEN 1001 AND 13000");
    CHECK(db.rows("SELECT rowid FROM knn('items', '[1]', 3)") ==
          std::vector<std::string>{"90000", "4", "5"});
  }
  CHECK(db.one("SELECT count(*) FROM knn('items', '[1]')") == "12998");
}

TEST_CASE("rows that a restored database has again outlive what was prepared without them",
          "[sql][segments]") {
  const ScratchDirectory scratch;
  Database db(scratch.file("app.db"));
  Database copy(scratch.file("copy.db"));
  db.run("CREATE VIRTUAL TABLE items USING kindred(v float[1] distance_metric=l2)");
  db.run("INSERT INTO items(items) VALUES('seal=10')");
  db.run("INSERT INTO items SELECT json_array(i) FROM " + numbers(40));
  db.run("INSERT INTO items(items) VALUES('optimize')");
  copy_by_backup_api(db, copy);
  db.run("DELETE FROM items WHERE rowid <= 20");  // a segment without them is prepared
  const auto prepared = [&] {
    size_t files = 0;
    for (const auto& entry : std::filesystem::directory_iterator(
             db.one("SELECT file FROM pragma_database_list") + "-kindred/segments"))
      files += entry.path().extension() == ".kin" ? 1 : 0;
    return files > 1;
  };
  for (int i = 0; i < 1000 && !prepared(); ++i) sqlite3_sleep(10);
  REQUIRE(prepared());
  sqlite3_sleep(100);  // its range of the store as well
  copy_by_backup_api(copy, db);
  for (int i = 0; i < 3; ++i) {
    CHECK(db.one("SELECT rowid FROM knn('items', '[1]', 1)") == "1");
    db.run("INSERT INTO items(v) VALUES('[1000]')");
  }
  CHECK(db.one("SELECT count(*) FROM knn('items', '[1]')") == "43");
  CHECK(db.error("INSERT INTO items(items) VALUES('integrity-check')") == "");
}

TEST_CASE("a seal of the greatest number leaves every row in the log", "[sql][segments]") {
  const ScratchDirectory scratch;
  Database db(scratch.file("app.db"));
  db.run("CREATE VIRTUAL TABLE items USING kindred(v float[1])");
  const std::string seal = GENERATE(as<std::string>(), "9223372036854775807", "2305843009213693952",
                                    "4611686018427387904");
  db.run("INSERT INTO items(items) VALUES('seal=" + seal + "')");
  for (int i = 0; i < 3; ++i) db.run("INSERT INTO items(v) VALUES('[1]')");
  CHECK(db.one("SELECT count(*) FROM items_segments") == "0");
  CHECK(db.one("SELECT count(*) FROM items_log") == "3");
}

TEST_CASE("a segment's file that is gone is written anew under an exclusive lock",
          "[sql][segments]") {
  Sealed sealed;
  Database db(sealed.path);
  db.run("PRAGMA locking_mode=EXCLUSIVE; BEGIN IMMEDIATE; COMMIT");
  std::filesystem::remove(sealed.files().at(0));
  CHECK(all_differ(db, sealed.both, kQuery) == "");
}

TEST_CASE("a backup put in the place of database and folder takes nothing prepared for those",
          "[sql][segments][backup]") {
  const ScratchDirectory scratch;
  const std::string path = scratch.file("app.db");
  const std::string backup = scratch.file("backup.db");
  {
    Database db(path);
    db.run("CREATE VIRTUAL TABLE items USING kindred(v float[1] distance_metric=l2)");
    db.run("INSERT INTO items(items) VALUES('seal=100')");
    for (int i = 0; i < 6; ++i)
      db.run("INSERT INTO items SELECT json_array(i) FROM " + numbers(20));
    db.run("SELECT kindred_backup('" + backup + "')");
    sqlite3_sleep(60);  // a seal is prepared, or about to be
  }
  const bool is_moved = GENERATE(true, false);
  if (is_moved) {
    std::filesystem::rename(path, scratch.file("old.db"));
    std::filesystem::rename(path + "-kindred", scratch.file("old.db-kindred"));
  } else {
    std::filesystem::remove(path);
    std::filesystem::remove_all(path + "-kindred");
  }
  std::filesystem::rename(backup, path);
  if (std::filesystem::exists(backup + "-kindred"))
    std::filesystem::rename(backup + "-kindred", path + "-kindred");
  Database db(path);
  for (int i = 0; i < 4; ++i) db.run("INSERT INTO items(v) VALUES('[7]')");
  CHECK(db.one("SELECT count(*) FROM knn('items', '[1]')") == "124");
  db.run("INSERT INTO items(items) VALUES('optimize')");
  CHECK(db.error("INSERT INTO items(items) VALUES('integrity-check')") == "");
  const std::string copy = scratch.file("copy.db");
  db.run("SELECT kindred_backup('" + copy + "')");
  CHECK(Database(copy).one("SELECT count(*) FROM knn('items', '[1]')") == "124");
}
