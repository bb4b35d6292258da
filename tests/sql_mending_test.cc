// A store that is damaged while the segment files are whole: noticed, no wrong answers, mended.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "tests/support/catch.h"
#include "tests/support/mirror.h"

using namespace kindred::test;
namespace fs = std::filesystem;

namespace {

const Database::Parameter kQuery = blob({100, 200, 300, 400});

// A collection of two segments and its mirror; the store is closed.
struct Sealed {
  Sealed() : path(scratch.file("app.db")) {
    Database db(path);
    both = make_mirrored(db, "items");
    change_both(db, both, random, 300);
    db.run(
        "INSERT INTO items(items) VALUES('optimize'); INSERT INTO items(items) VALUES('seal=50')");
    db.run("BEGIN");
    change_both(db, both, random, 200, 5000);
    db.run("COMMIT");
    REQUIRE(db.one("SELECT count(*) FROM items_segments") == "2");
  }
  fs::path store() const { return path + "-kindred/rocksdb"; }
  // Segment files that the database names: others may be in the making.
  std::vector<fs::path> segments() const {
    std::vector<fs::path> named;
    for (const std::string& id : Database(path).rows("SELECT segment FROM items_segments"))
      named.push_back(path + "-kindred/segments/" + id + ".kin");
    return named;
  }
  // The store's files of these names, ascending by name.
  std::vector<fs::path> files(const std::string& part) const {
    std::vector<fs::path> found;
    for (const auto& entry : fs::directory_iterator(store()))
      if (entry.path().filename().string().find(part) != std::string::npos)
        found.push_back(entry.path());
    std::sort(found.begin(), found.end());
    return found;
  }
  std::vector<fs::path> tables() const {  // those of segments are larger than that of the id
    std::vector<fs::path> found = files(".sst");
    std::erase_if(found, [](const fs::path& file) { return fs::file_size(file) < 2000; });
    return found;
  }

  ScratchDirectory scratch;
  Random random{7};
  std::string path;
  Mirrored both;
};

void cut(const fs::path& path, uint64_t bytes) {
  fs::resize_file(path, fs::file_size(path) - bytes);
}

std::string check(Database& db) {
  return integrity_error(db, "items");
}

// Whether the store alone can give all vectors back.
bool is_store_whole(const std::string& path, const Mirrored& both) {
  fs::remove_all(path + "-kindred/segments");
  Database db(path);
  return all_differ(db, both, kQuery).empty();
}

bool is_store_whole(const Sealed& sealed) {
  return is_store_whole(sealed.path, sealed.both);
}

}  // namespace

TEST_CASE("a store that lost its newest range is reported and mended by rebuild",
          "[sql][segments][mending]") {
  Sealed sealed;
  cut(sealed.files("MANIFEST").back(), 5);  // RocksDB takes it for a write that was not finished
  {
    Database db(sealed.path);
    CHECK(seen_differ(db, sealed.both, kQuery) == "");
    const std::string error = check(db);
    CHECK(error.find("is not there") != std::string::npos);
    CHECK(error.find("'rebuild'") != std::string::npos);
    db.run("INSERT INTO items(items) VALUES('rebuild')");
    CHECK(all_differ(db, sealed.both, kQuery) == "");
  }
  CHECK_FALSE(fs::exists(sealed.store().string() + ".damaged"));
  CHECK(is_store_whole(sealed));
}

TEST_CASE("a store that does not open says how to mend it, and rebuild does",
          "[sql][segments][mending]") {
  Sealed sealed;
  bool set_aside = true;
  SECTION("a sorted file is lost") {
    fs::remove(sealed.tables().back());
  }
  SECTION("a sorted file is cut") {
    cut(sealed.tables().front(), 10);
  }
  SECTION("CURRENT is lost") {
    fs::remove(sealed.store() / "CURRENT");
  }
  SECTION("MANIFEST is lost") {
    fs::remove(sealed.files("MANIFEST").back());
  }
  SECTION("the whole store is lost") {
    fs::remove_all(sealed.store());
    set_aside = false;
  }
  SECTION("another store is in its place") {
    Sealed other;
    fs::remove_all(sealed.store());
    fs::rename(other.store(), sealed.store());
  }
  {
    Database db(sealed.path);
    CHECK(seen_differ(db, sealed.both, kQuery) == "");
    CHECK(check(db).find("'rebuild'") != std::string::npos);
    db.run("BEGIN");
    run_on_both(db, sealed.both, "DELETE FROM @ WHERE rowid % 7 = 0");
    db.run("INSERT INTO items(items) VALUES('rebuild'); COMMIT");
    CHECK(all_differ(db, sealed.both, kQuery) == "");
    change_both(db, sealed.both, sealed.random, 30);
    db.run("INSERT INTO items(items) VALUES('optimize')");
    CHECK(all_differ(db, sealed.both, kQuery) == "");
  }
  CHECK(fs::exists(sealed.store().string() + ".damaged") == set_aside);
  CHECK_FALSE(fs::exists(sealed.store().string() + ".new"));
  CHECK(is_store_whole(sealed));
}

TEST_CASE("no flipped bit in the store makes a wrong answer or outlives rebuild",
          "[sql][segments][mending]") {
  const Sealed sealed;
  int reported = 0;
  int copies = 0;
  for (const fs::path& original : {sealed.files("MANIFEST").back(), sealed.tables().front()}) {
    const uint64_t bytes = fs::file_size(original);
    for (uint64_t offset = 3; offset < bytes; offset += 1 + bytes / 15) {
      INFO(original.filename() << ", byte " << offset << " of " << bytes);
      // A path of its own: the last store at a path is closed in the background.
      const std::string path = sealed.scratch.file(std::to_string(++copies) + ".db");
      fs::copy_file(sealed.path, path);
      fs::copy(sealed.path + "-kindred", path + "-kindred", fs::copy_options::recursive);
      flip_bit(path + "-kindred/rocksdb/" + original.filename().string(), offset);
      Database db(path);
      reported += check(db).empty() ? 0 : 1;
      CHECK(seen_differ(db, sealed.both, kQuery) == "");
      db.run("INSERT INTO items(items) VALUES('rebuild')");
      CHECK(check(db) == "");
      CHECK(is_store_whole(path, sealed.both));
    }
  }
  CHECK(reported > 15);
}

TEST_CASE("a store made anew has the segments of all collections", "[sql][segments][mending]") {
  Sealed sealed;
  Database db(sealed.path);
  db.run(
      "CREATE VIRTUAL TABLE others USING kindred(v float[2]); INSERT INTO others VALUES('[1,2]');"
      "CREATE VIRTUAL TABLE texts USING kindred(t); INSERT INTO texts VALUES('pea soup');"
      "CREATE VIRTUAL TABLE bare USING kindred(v float[2]);"
      "INSERT INTO others(others) VALUES('optimize'); INSERT INTO texts(texts) VALUES('optimize')");
  fs::remove(sealed.tables().front());
  const std::string name = GENERATE(as<std::string>(), "items", "others", "texts", "bare");
  INFO("rebuild of " << name);
  db.run("INSERT INTO " + name + "(" + name + ") VALUES('rebuild')");
  for (const std::string each : {"items", "others", "texts", "bare"}) {
    INFO(each);
    CHECK(integrity_error(db, each) == "");
  }
  CHECK(all_differ(db, sealed.both, kQuery) == "");
}

TEST_CASE("what both store and file have lost is said, and nothing is set aside",
          "[sql][segments][mending]") {
  Sealed sealed;
  fs::remove(sealed.tables().back());
  const fs::path file = sealed.segments().front();
  Database db(sealed.path);
  db.run("CREATE VIRTUAL TABLE others USING kindred(v float[2])");
  flip_bit(file, fs::file_size(file) / 2);
  const std::string name = GENERATE(as<std::string>(), "items", "others");
  const std::string error = db.error("INSERT INTO " + name + "(" + name + ") VALUES('rebuild')");
  CHECK(error.find("rocksdb") != std::string::npos);
  CHECK(error.find(file.filename().string()) != std::string::npos);
  CHECK_FALSE(fs::exists(sealed.store().string() + ".damaged"));
  CHECK_FALSE(fs::exists(sealed.store().string() + ".new"));
  CHECK(db.error("SELECT rowid FROM knn('items', '[1,2,3,4]')") != "");
  db.run("DROP TABLE items; INSERT INTO others(others) VALUES('rebuild')");
  CHECK(fs::exists(sealed.store().string() + ".damaged"));
}

TEST_CASE("a damaged file of a segment with dead rows is mended by the next statement",
          "[sql][segments][mending]") {
  Sealed sealed;
  {
    Database db(sealed.path);
    run_on_both(db, sealed.both, "DELETE FROM @ WHERE rowid % 3 = 0");
    db.run("INSERT INTO items(items) VALUES('seal=5'); BEGIN");
    change_both(db, sealed.both, sealed.random, 10, 9000);
    db.run("COMMIT");
    REQUIRE(db.one("SELECT count(*) > 0 FROM items_segments WHERE length(dead) > 0") == "1");
  }
  for (const fs::path& file : sealed.segments())
    flip_bit(file, 4096 + (fs::file_size(file) - 4096) / 2);
  Database db(sealed.path);
  for (int file = 0; file < 5; ++file) {  // each is reported once, by whichever statement
    if (db.error("SELECT rowid, v FROM items").empty() && check(db).empty()) break;
    CHECK(file < 4);
  }
  CHECK(all_differ(db, sealed.both, kQuery) == "");
}

TEST_CASE("a sweep writes a lost range again, and leaves a store that does not open to rebuild",
          "[sql][segments][mending]") {
  Sealed sealed;
  const bool opens = GENERATE(true, false);
  if (opens) cut(sealed.files("MANIFEST").back(), 5);
  {
    Database db(sealed.path);
    // What a sweep begins with: a file that nobody names.
    const fs::path stray = sealed.path + "-kindred/segments/5.kin";
    std::ofstream(stray) << "stray";
    fs::last_write_time(stray, fs::file_time_type::clock::now() - std::chrono::minutes(5));
    db.run(
        "CREATE VIRTUAL TABLE others USING kindred(v float[2]); INSERT INTO others VALUES('[1,2]');"
        "INSERT INTO others(others) VALUES('optimize'); DROP TABLE others");  // asks for a sweep
  }
  if (!opens) fs::remove(sealed.tables().front());
  Database db(sealed.path);
  CHECK(check(db) != "");
  change_both(db, sealed.both, sealed.random, 20);
  CHECK(fs::exists(sealed.path + "-kindred/segments/5.kin") == !opens);
  if (!opens) db.run("INSERT INTO items(items) VALUES('rebuild')");
  CHECK(check(db) == "");
  CHECK(is_store_whole(sealed));
}

TEST_CASE("a damaged file of a store of many does not keep a change from being made",
          "[sql][segments][mending]") {
  const ScratchDirectory scratch;
  const std::string path = scratch.file("app.db");
  const std::string folder = path + "-kindred";
  Database db(path);
  constexpr int kCollections = 24;
  for (int i = 0; i < kCollections; ++i) {
    const std::string name = "items" + std::to_string(i);
    db.run("CREATE VIRTUAL TABLE " + name + " USING kindred(v float[1]); INSERT INTO " + name +
           " VALUES('[1]'); INSERT INTO " + name + "(" + name + ") VALUES('optimize')");
  }
  const std::string stray = folder + "/segments/1.kin";
  std::ofstream(stray).put('x');
  fs::last_write_time(stray, fs::file_time_type::clock::now() - std::chrono::minutes(5));
  std::vector<fs::path> tables;
  for (const auto& entry : fs::directory_iterator(folder + "/rocksdb"))
    if (entry.path().extension() == ".sst") tables.push_back(entry.path());
  REQUIRE(tables.size() >= kCollections);
  for (const fs::path& table : tables) {
    flip_bit(table, fs::file_size(table) - 1);  // by which RocksDB knows its files
    db.run("CREATE VIRTUAL TABLE gone USING kindred(v float[1]); DROP TABLE gone");  // sweeps soon
    CHECK(db.error("INSERT INTO items1 VALUES('[2]')") == "");
    CHECK(fs::exists(stray));
    flip_bit(table, fs::file_size(table) - 1);
  }
  db.run("CREATE VIRTUAL TABLE gone USING kindred(v float[1]); DROP TABLE gone");
  db.run("INSERT INTO items1 VALUES('[2]')");
  CHECK_FALSE(fs::exists(stray));
}
