// Models that a database keeps: the table kindred_models and what finds a model by name.
// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "model/token_table.h"
#include "model/train/random.h"
#include "tests/support/catch.h"
#include "tests/support/database.h"
#include "tests/support/sql_functions.h"

using namespace kindred::test;
namespace model = kindred::model;
namespace fs = std::filesystem;
using Rows = std::vector<std::string>;

namespace {

const std::string kTable = std::string(KINDRED_SOURCE_DIR) + "/model/data/default_table.bin";
const std::string kNames = "SELECT name FROM kindred_models ORDER BY rowid < 0 DESC, name";
const std::string kText = "how do I reset my password";
const std::string kSame = "SELECT embed('" + kText + "', 'mine') = embed('" + kText + "')";
const std::string kDelete = "DELETE FROM kindred_models WHERE name = 'mine'";

std::string insert(const std::string& name, const std::string& source = kTable,
                   const std::string& verb = "INSERT") {
  return verb + " INTO kindred_models(name, source) VALUES('" + name + "', '" + source + "')";
}

std::string replace(const std::string& name, const std::string& source) {
  return insert(name, source, "INSERT OR REPLACE");
}

// "" is a temporary database.
std::string place(const ScratchDirectory& scratch, const std::string& name) {
  return name.empty() || name == ":memory:" ? name : scratch.file(name);
}

std::string kept(Database& db) {
  std::string list;
  for (const std::string& name : db.rows(kNames)) list += name + " ";
  return list;
}

std::vector<fs::path> files(const std::string& database) {
  std::vector<fs::path> found;
  const fs::path folder = database + "-kindred/segments";
  if (!fs::exists(folder)) return found;
  for (const auto& entry : fs::directory_iterator(folder)) found.push_back(entry.path());
  return found;
}

// Long enough ago for the sweep.
void make_old(const std::string& database) {
  for (const fs::path& file : files(database))
    fs::last_write_time(file, fs::file_time_type::clock::now() - std::chrono::hours(1));
}

void write(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

// A table of three tokens whose rows follow from `seed`.
std::string small_table(uint64_t seed, size_t dim = 64) {
  model::Random random(seed);
  std::vector<float> rows(3 * dim);
  for (float& value : rows) value = random.normal();
  const std::vector<uint8_t> file =
      model::encode_token_table(model::Vocabulary({"soup", "pass", "##word"}), rows, dim);
  return {file.begin(), file.end()};
}

}  // namespace

TEST_CASE("kindred_models lists the built-in models", "[sql][models]") {
  Database db;
  CHECK(db.rows("SELECT name, kind, dimensions, tokens, source FROM kindred_models") ==
        Rows{"default|static|256|16000|built in", "hash|hash|512|NULL|built in"});
  CHECK(db.one("SELECT count(*) FROM sqlite_schema") == "0");
}

TEST_CASE("a model from a file embeds as the model it is a copy of", "[sql][models]") {
  const ScratchDirectory scratch;
  Database db(place(scratch, GENERATE("app.db", ":memory:", "")));
  db.run(insert("mine"));
  CHECK(db.rows("SELECT * FROM kindred_models WHERE name = 'mine'") ==
        Rows{"mine|static|256|16000|" + std::to_string(fs::file_size(kTable)) + "|" + kTable +
             "|NULL"});
  CHECK(db.one(kSame) == "1");
  CHECK(db.one("SELECT vec_length(embed('x', 'mine', '{\"dimensions\": 64}'))") == "64");
  db.run(kDelete);
  CHECK(kept(db) == "default hash ");
  check_error(db, kSame, {"embed()", "no such model: mine", "known: default, hash)"});
}

TEST_CASE("ROLLBACK and ROLLBACK TO leave no model", "[sql][models]") {
  const ScratchDirectory scratch;
  const std::string path = scratch.file("app.db");
  Database db(place(scratch, GENERATE("app.db", ":memory:")));
  const bool whole = GENERATE(true, false);
  db.run(whole ? "BEGIN" : "BEGIN; CREATE TABLE t(x); SAVEPOINT s");
  db.run(insert("mine"));
  CHECK(db.one(kSame) == "1");
  db.run(whole ? "ROLLBACK" : "ROLLBACK TO s; COMMIT");
  CHECK(kept(db) == "default hash ");
  check_error(db, kSame, {"no such model"});
  // Its files are swept by a later write.
  make_old(path);
  db.run(insert("other"));
  make_old(path);
  db.run("DELETE FROM kindred_models WHERE name = 'other'; " + insert("more"));
  if (db.one("SELECT file FROM pragma_database_list") != "") CHECK(files(path).size() <= 2);
}

TEST_CASE("a DELETE that is rolled back leaves the model", "[sql][models]") {
  const ScratchDirectory scratch;
  Database db(place(scratch, GENERATE("app.db", ":memory:")));
  db.run(insert("mine") + "; BEGIN; SAVEPOINT s; " + kDelete);
  check_error(db, kSame, {"no such model"});
  db.run(GENERATE(as<std::string>(), "ROLLBACK TO s; COMMIT", "ROLLBACK"));
  CHECK(db.one(kSame) == "1");
}

TEST_CASE("another connection has a model from the commit on, in its snapshot", "[sql][models]") {
  const ScratchDirectory scratch;
  Database db(scratch.file("app.db"));
  db.run("PRAGMA journal_mode = WAL; CREATE TABLE t(x)");
  Database other(scratch.file("app.db"));
  db.run("BEGIN; " + insert("mine"));
  CHECK(kept(other) == "default hash ");
  check_error(other, kSame, {"no such model"});
  db.run("COMMIT");
  CHECK(other.one(kSame) == "1");
  other.run("BEGIN; SELECT count(*) FROM t");
  CHECK(other.one(kSame) == "1");
  db.run(kDelete);
  CHECK(other.one(kSame) == "1");
  other.run("COMMIT");
  check_error(other, kSame, {"no such model"});
}

TEST_CASE("a model is there when the database is opened again, whatever becomes of its file",
          "[sql][models]") {
  const ScratchDirectory scratch;
  const std::string path = scratch.file("app.db");
  Database(path).run(insert("mine"));
  REQUIRE(files(path).size() == 1);
  const fs::path file = files(path)[0];
  SECTION("nothing") {}
  SECTION("it is lost") {
    fs::remove(file);
  }
  SECTION("it is damaged") {
    flip_bit(file, fs::file_size(file) / 2);
  }
  SECTION("it is cut off") {
    fs::resize_file(file, fs::file_size(file) / 2);
  }
  SECTION("its header is damaged") {
    flip_bit(file, 20);
  }
  Database db(path);
  CHECK(db.one(kSame) == "1");
  CHECK(files(path).size() == 1);
}

TEST_CASE("a database that was copied without its folder says so", "[sql][models]") {
  const ScratchDirectory scratch;
  Database(scratch.file("app.db")).run(insert("mine"));
  fs::copy(scratch.file("app.db"), scratch.file("copy.db"));
  Database db(scratch.file("copy.db"));
  check_error(db, kSame, {"mine", "copied without", "copy.db-kindred"});
  CHECK(kept(db) == "default hash mine ");
  db.run(kDelete);
}

TEST_CASE("kindred_backup() copies models", "[sql][models]") {
  const ScratchDirectory scratch;
  const std::string copy = scratch.file("copy.db");
  Database source(scratch.file("app.db"));
  source.run(insert("mine"));
  source.run("CREATE VIRTUAL TABLE items USING kindred(t, model = 'mine')");
  source.run("INSERT INTO items VALUES('onion soup'), ('my password')");
  if (GENERATE(false, true)) source.run("INSERT INTO items(items) VALUES('optimize')");
  source.run("SELECT kindred_backup('" + copy + "')");
  fs::remove_all(scratch.file("app.db-kindred"));
  for (const fs::path& file : files(copy)) fs::remove(file);  // the store has all of it
  Database db(copy);
  CHECK(db.one(kSame) == "1");
  CHECK(db.rows("SELECT rowid FROM knn('items', 'passwords') LIMIT 1") == Rows{"2"});
  db.run("INSERT INTO items(items) VALUES('integrity-check')");
}

TEST_CASE("a source that is no model is refused and leaves nothing behind", "[sql][models]") {
  const ScratchDirectory scratch;
  const std::string path = scratch.file("app.db");
  Database db(place(scratch, GENERATE("app.db", ":memory:")));
  const std::string whole = small_table(1);
  write(scratch.file("empty"), "");
  write(scratch.file("garbage"), "no model at all");
  write(scratch.file("cut"), whole.substr(0, whole.size() - 5));
  write(scratch.file("magic"), "kindredT");
  write(scratch.file("flipped"),
        whole.substr(0, 40) + static_cast<char>(whole[40] ^ 1) + whole.substr(41));
  const bool within = GENERATE(false, true);
  if (within) db.run("BEGIN; CREATE TABLE t(x)");
  for (const char* name : {"nothing", "empty", "garbage", "cut", "magic", "flipped", "."})
    check_error(db, insert("mine", scratch.file(name)),
                {"kindred_models: mine: ", scratch.file(name)});
  if (within) db.run("COMMIT");
  CHECK(kept(db) == "default hash ");
  CHECK(db.one("SELECT count(*) FROM sqlite_schema WHERE name LIKE 'kindred%'") == "0");
  CHECK(files(path).empty());
  db.run(insert("mine"));
  CHECK(db.one(kSame) == "1");
}

TEST_CASE("values that a model cannot have are refused", "[sql][models]") {
  Database db;
  check_error(db, insert(""), {"name"});
  check_error(db, insert("default"), {"default", "built-in"});
  check_error(db, replace("hash", kTable), {"hash", "built-in"});
  check_error(db, "INSERT INTO kindred_models(name, source) VALUES(NULL, 'x')", {"name", "NULL"});
  check_error(db, "INSERT INTO kindred_models(name, source) VALUES('a', x'00')", {"source"});
  check_error(db, "INSERT INTO kindred_models(name) VALUES('a')", {"source"});
  check_error(db, "INSERT INTO kindred_models(name, source, dimensions) VALUES('a', 'b', 5)",
              {"dimensions", "NULL is wanted"});
  check_error(db, "INSERT INTO kindred_models(rowid, name, source) VALUES(5, 'a', 'b')", {"rowid"});
  check_error(
      db, "INSERT INTO kindred_models(name, source, options) VALUES('a', '" + kTable + "', '{}')",
      {"options"});
  check_error(db, "UPDATE kindred_models SET name = 'x'", {"cannot be changed"});
  check_error(db, "DELETE FROM kindred_models WHERE name = 'hash'", {"built-in"});
  CHECK(kept(db) == "default hash ");
}

TEST_CASE("a name that is taken is a constraint", "[sql][models]") {
  const ScratchDirectory scratch;
  Database db(place(scratch, GENERATE("app.db", ":memory:")));
  const std::string other = scratch.file("other");
  write(other, small_table(1));
  db.run(insert("mine"));
  check_error(db, insert("mine", other), {"mine", "already"});
  CHECK(sqlite3_errcode(db.handle()) == SQLITE_CONSTRAINT);
  db.run(insert("mine", other, "INSERT OR IGNORE"));
  CHECK(db.one(kSame) == "1");
  db.run(replace("mine", other));
  CHECK(db.one("SELECT vec_length(embed('soup', 'mine'))") == "64");
  CHECK(kept(db) == "default hash mine ");
}

TEST_CASE("a model cannot be deleted while a collection uses it", "[sql][models]") {
  const ScratchDirectory scratch;
  Database db(place(scratch, GENERATE("app.db", ":memory:")));
  db.run(insert("mine") + "; " + insert("mine2"));
  db.run("ATTACH '" + scratch.file("aux.db") + "' AS aux");
  db.run("CREATE VIRTUAL TABLE items USING kindred(t, model = 'mine')");
  db.run("CREATE VIRTUAL TABLE aux.more USING kindred(t, model = 'mine')");
  db.run("CREATE VIRTUAL TABLE plain USING kindred(t)");
  check_error(db, kDelete, {"mine", "items", "aux.more"});
  CHECK(sqlite3_errcode(db.handle()) == SQLITE_CONSTRAINT);
  db.run("DELETE FROM kindred_models WHERE name = 'mine2'");
  db.run("DROP TABLE items");
  check_error(db, kDelete, {"aux.more"});
  db.run("DROP TABLE aux.more; " + kDelete);
}

TEST_CASE("a collection of a registered model is searched by it", "[sql][models]") {
  const ScratchDirectory scratch;
  const std::string path = place(scratch, GENERATE("app.db", ":memory:"));
  const std::string declared = GENERATE(as<std::string>(), "", ", dimensions = 64");
  Database db(path);
  check_error(db, "CREATE VIRTUAL TABLE items USING kindred(t, model = 'mine')",
              {"no such model: mine"});
  db.run(insert("mine"));
  db.run("CREATE VIRTUAL TABLE items USING kindred(t, model = 'mine'" + declared + ")");
  db.run("CREATE VIRTUAL TABLE like_it USING kindred(t" + declared + ")");
  for (const char* table : {"items", "like_it"})
    db.run(std::string("INSERT INTO ") + table + " VALUES('onion soup'), ('my password')");
  const auto distances = [](Database& in, const std::string& table) {
    return in.rows("SELECT rowid, distance FROM knn('" + table + "', 'passwords')");
  };
  CHECK(distances(db, "items") == distances(db, "like_it"));
  db.run("INSERT INTO items(items) VALUES('optimize')");
  db.run("INSERT INTO items(items) VALUES('integrity-check')");
  if (path == ":memory:") return;
  Database again(path);
  again.run("INSERT INTO items VALUES('pea soup')");
  again.run("INSERT INTO like_it VALUES('pea soup')");
  CHECK(distances(again, "items") == distances(again, "like_it"));
  again.run("INSERT INTO items(items) VALUES('rebuild')");
  CHECK(distances(again, "items") == distances(again, "like_it"));
}

TEST_CASE("a collection is refused after its model was replaced, until it is rebuilt",
          "[sql][models]") {
  const ScratchDirectory scratch;
  const std::string path = scratch.file("app.db");
  for (const size_t n : {1, 2}) write(scratch.file("t" + std::to_string(n)), small_table(n));
  write(scratch.file("wide"), small_table(3, 128));
  Database db(path);
  db.run(insert("mine", scratch.file("t1")));
  db.run("CREATE VIRTUAL TABLE items USING kindred(t, model = 'mine')");
  db.run("INSERT INTO items VALUES('soup'), ('password')");
  Database other(path);
  const std::string knn = "SELECT rowid FROM knn('items', 'soup') LIMIT 1";
  CHECK(other.rows(knn) == Rows{"1"});

  check_error(db, replace("mine", scratch.file("wide")), {"mine", "64", "items", "128"});
  CHECK(db.rows(knn) == Rows{"1"});
  db.run("BEGIN; " + replace("mine", scratch.file("t2")));
  check_error(db, knn, {"items", "rebuild"});
  db.run("ROLLBACK");
  CHECK(db.rows(knn) == Rows{"1"});

  db.run(replace("mine", scratch.file("t2")));
  for (Database* each : {&db, &other}) {
    check_error(*each, knn, {"items", "mine dim=64", "rebuild"});
    check_error(*each, "INSERT INTO items VALUES('soup')", {"rebuild"});
  }
  CHECK(db.one("SELECT count(*) FROM items") == "2");
  db.run("INSERT INTO items(items) VALUES('rebuild')");
  for (Database* each : {&db, &other}) CHECK(each->rows(knn) == Rows{"1"});
  db.run("INSERT INTO items(items) VALUES('integrity-check')");
}

TEST_CASE("models are not swept, those that were deleted are", "[sql][models]") {
  const ScratchDirectory scratch;
  const std::string path = scratch.file("app.db");
  {
    Database db(path);
    db.run(insert("mine") + "; " + insert("other"));
    db.run("CREATE VIRTUAL TABLE items USING kindred(t)");
    db.run("INSERT INTO items VALUES('soup'); DELETE FROM kindred_models WHERE name = 'other'");
  }
  make_old(path);
  Database db(path);
  CHECK(db.one(kSame) == "1");
  // Two segments and a merge: optimize sweeps at once.
  for (const char* text : {"soup", "password"}) {
    db.run(std::string("INSERT INTO items VALUES('") + text + "')");
    db.run("INSERT INTO items(items) VALUES('optimize')");
    make_old(path);
  }
  db.run("INSERT INTO items VALUES('bread'); INSERT INTO items(items) VALUES('optimize')");
  CHECK(files(path).size() == 2);
  CHECK(Database(path).one(kSame) == "1");
}

TEST_CASE("rebuild brings the models of a lost store back", "[sql][models]") {
  const bool begun_anew = GENERATE(false, true);
  const ScratchDirectory scratch;
  const std::string path = scratch.file("app.db");
  {
    Database db(path);
    db.run(insert("mine"));
    db.run("CREATE VIRTUAL TABLE items USING kindred(t, model = 'mine')");
    db.run("INSERT INTO items VALUES('soup'); INSERT INTO items(items) VALUES('optimize')");
  }
  fs::remove_all(path + "-kindred/rocksdb");
  {
    Database db(path);
    check_error(db, "INSERT INTO items(items) VALUES('integrity-check')", {"rocksdb is missing"});
    CHECK(db.one(kSame) == "1");
    if (begun_anew) db.run(insert("other"));
    db.run("INSERT INTO items(items) VALUES('rebuild')");
    db.run("INSERT INTO items(items) VALUES('integrity-check')");
  }
  for (const fs::path& file : files(path)) fs::remove(file);
  Database db(path);
  CHECK(db.one(kSame) == "1");
  if (begun_anew) CHECK(db.one("SELECT vec_length(embed('soup', 'other'))") == "256");
}

TEST_CASE("triggers and views cannot read files through kindred_models", "[sql][models]") {
  Database db;
  db.run("CREATE TABLE t(x)");
  db.run("CREATE VIEW v AS SELECT name FROM kindred_models");
  check_error(db, "SELECT * FROM v", {"unsafe use"});
  db.run("CREATE TRIGGER r AFTER INSERT ON t BEGIN " + insert("mine") + "; END");
  check_error(db, "INSERT INTO t VALUES(1)", {"unsafe use"});
}

TEST_CASE("INSERT into kindred_models leaves last_insert_rowid() to its own row", "[sql][models]") {
  Database db;
  db.run("CREATE TABLE t(x); INSERT INTO t(rowid) VALUES(77)");
  check_error(db, insert("mine", "/nowhere"), {"/nowhere"});
  CHECK(db.one("SELECT last_insert_rowid()") == "77");
  db.run(insert("mine"));
  CHECK(db.one("SELECT rowid = last_insert_rowid() FROM kindred_models WHERE name = 'mine'") ==
        "1");
}
