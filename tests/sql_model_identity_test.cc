// The model that a collection's vectors were made by: what is stored of it, and when it counts.
// SPDX-License-Identifier: Apache-2.0
#include <fstream>
#include <string>
#include <vector>

#include "tests/support/catch.h"
#include "tests/support/database.h"
#include "tests/support/sql_functions.h"

using kindred::test::check_error;
using kindred::test::Database;
using kindred::test::ScratchDirectory;

namespace {

const std::string kKnn = "SELECT rowid FROM knn('items', 'soup')";
const std::string kRebuild = "INSERT INTO items(items) VALUES('rebuild')";
const std::string kStored = "SELECT value FROM items_config WHERE key = 'model'";

// A collection whose vectors another version of the model has made.
void make_outdated(Database& db) {
  db.run("CREATE VIRTUAL TABLE items USING kindred(t)");
  db.run("INSERT INTO items VALUES('onion soup'), ('my password'), ('pea soup')");
  db.run("UPDATE items_config SET value = 'default of old' WHERE key = 'model'");
}

void write(const ScratchDirectory& folder, const std::string& name, const std::string& text) {
  std::ofstream(folder.file(name)) << text;
}

std::string add_model(const std::string& file, const ScratchDirectory& folder) {
  return "INSERT INTO kindred_models(name, source) VALUES('A', '" + folder.file(file) + "')";
}

// As it stands between single quotes.
std::string sql_escaped(const std::string& text) {
  std::string escaped;
  for (const char c : text) escaped += c == '\'' ? "''" : std::string(1, c);
  return escaped;
}

}  // namespace

TEST_CASE("a collection of another version of its model is refused until it is rebuilt",
          "[sql][model]") {
  Database db;
  make_outdated(db);
  for (const char* sql : {kKnn.c_str(), "INSERT INTO items VALUES('more')",
                          "UPDATE items SET t = 'x' WHERE rowid = 1"})
    check_error(db, sql, {"items", "default of old", "rebuild"});
  CHECK(db.one("SELECT count(*) FROM items") == "3");
  db.run(kRebuild);
  CHECK(db.error(kKnn).empty());
  CHECK(db.one(kStored).find("default dim=256") == 0);
}

TEST_CASE("a rebuild that is rolled back leaves the collection refused", "[sql][model]") {
  Database db;
  make_outdated(db);
  SECTION("by ROLLBACK") {
    db.run("BEGIN; " + kRebuild);
    CHECK(db.error(kKnn).empty());
    db.run("ROLLBACK");
  }
  SECTION("by ROLLBACK TO") {
    db.run("BEGIN; SAVEPOINT s; " + kRebuild + "; ROLLBACK TO s");
    check_error(db, kKnn, {"default of old"});
    db.run("COMMIT");
  }
  check_error(db, kKnn, {"default of old"});
  CHECK(db.one(kStored) == "default of old");
  db.run(kRebuild);
  CHECK(db.error(kKnn).empty());
}

TEST_CASE("a rebuild that fails halfway does not vouch for vectors it has not made",
          "[sql][model]") {
  Database db;
  make_outdated(db);
  db.run(
      "CREATE TRIGGER stop BEFORE UPDATE ON items_rows WHEN new.id = 3 "
      "BEGIN SELECT RAISE(ABORT, 'stopped'); END");
  db.run("BEGIN");
  check_error(db, kRebuild, {"stopped"});
  db.error("COMMIT");
  check_error(db, kKnn, {"default of old"});
  CHECK(db.error("INSERT INTO items(items) VALUES('integrity-check')").empty());
  db.run("DROP TRIGGER stop; " + kRebuild);
  CHECK(db.error(kKnn).empty());
}

TEST_CASE("a model of other dimensions that took another's name is refused by rebuild, too",
          "[sql][model]") {
  const std::string cut = GENERATE("", ", dimensions = 2", ", dimensions = 3");
  const bool in_segment = GENERATE(false, true);
  const ScratchDirectory folder;
  write(folder, "wide.txt", "soup 0 1 0 0\npassword 0 0.9 0.1 0\nbread 1 0 0 0\n");
  write(folder, "narrow.txt", "soup 1 0 0\npassword 0.9 0.1 0\nbread 0 1 0\n");
  write(folder, "least.txt", "soup 1 0\npassword 0.9 0.1\nbread 0 1\n");
  const std::string path = folder.file("attached.db");
  {
    Database db(folder.file("main.db"));
    db.run(add_model("narrow.txt", folder) + "; ATTACH '" + path + "' AS x");
    db.run("CREATE VIRTUAL TABLE x.items USING kindred(t, model = 'A'" + cut + ")");
    db.run("INSERT INTO x.items(t) VALUES('soup'), ('bread'), ('password')");
    if (in_segment) db.run("INSERT INTO x.items(items) VALUES('optimize')");
  }
  const std::string model = GENERATE("wide.txt", "least.txt");
  const bool fits = model == "wide.txt" ? !cut.empty() : cut.ends_with("2");
  {
    Database db(path);
    db.run(add_model(model, folder));
    if (fits) {
      check_error(db, kKnn, {"items", "'rebuild'"});
      db.run(kRebuild);
    } else {
      for (const std::string& sql : {kRebuild, kKnn})
        check_error(db, sql, {"items", "the model A has ", " dimensions now", "new collection"});
      CHECK(db.one(kStored).starts_with("A dim=3 "));
    }
    db.run("INSERT INTO items(items) VALUES('integrity-check')");
  }
  Database db(path);
  db.run("INSERT INTO items(items) VALUES('integrity-check')");
  const std::string name = fits ? "items" : "anew";
  if (!fits) {
    check_error(db, kRebuild, {"new collection"});
    db.run("CREATE VIRTUAL TABLE anew USING kindred(t, model = 'A')");
    db.run("INSERT INTO anew(rowid, t) SELECT rowid, t FROM items");
  }
  CHECK(db.rows("SELECT rowid FROM knn('" + name + "', 'soup', 1)") ==
        std::vector<std::string>{"1"});
}

TEST_CASE("a collection that says it is of other dimensions than its vectors fails its check",
          "[sql][model]") {
  const bool in_segment = GENERATE(false, true);
  const ScratchDirectory folder;
  const std::string path = folder.file("app.db");
  {
    Database db(path);
    write(folder, "wide.txt", "soup 0 1 0 0\npassword 0 0.9 0.1 0\n");
    db.run(add_model("wide.txt", folder));
    db.run("CREATE VIRTUAL TABLE items USING kindred(t, model = 'A')");
    db.run("INSERT INTO items(t) VALUES('soup'), ('password')");
    if (in_segment) db.run("INSERT INTO items(items) VALUES('optimize')");
    db.run("UPDATE items_config SET value = replace(value, 'dim=4', 'dim=3') WHERE key = 'model'");
  }
  Database db(path);
  CHECK_FALSE(db.error("INSERT INTO items(items) VALUES('integrity-check')").empty());
}

TEST_CASE("another connection's rebuild counts here at once", "[sql][model]") {
  const ScratchDirectory folder;
  Database db(folder.file("app.db"));
  make_outdated(db);
  Database other(folder.file("app.db"));
  check_error(other, kKnn, {"default of old"});
  db.run(kRebuild);
  CHECK(other.error(kKnn).empty());
}

TEST_CASE("a collection from when default was another name for hash stays one of hash",
          "[sql][model]") {
  const std::string declared = GENERATE("t", "t, model = 'default'", "t, dimensions = 300");
  const std::string dimensions = declared.ends_with("300") ? "300" : "512";
  const ScratchDirectory folder;
  {
    Database db(folder.file("app.db"));
    db.run("CREATE VIRTUAL TABLE items USING kindred(t, model = 'hash', dimensions = " +
           dimensions + ")");
    db.run("INSERT INTO items VALUES('onion soup'), ('my password')");
    db.run("PRAGMA writable_schema = ON");
    db.run("UPDATE sqlite_schema SET sql = replace(sql, 't, model = ''hash'', dimensions = " +
           dimensions + "', '" + sql_escaped(declared) + "') WHERE name = 'items'");
  }
  Database db(folder.file("app.db"));
  CHECK(db.one("SELECT sql FROM sqlite_schema WHERE name = 'items'").find(declared) !=
        std::string::npos);
  CHECK(db.rows(kKnn + " LIMIT 1") == std::vector<std::string>{"1"});
  db.run("INSERT INTO items VALUES('pea soup')");
  CHECK(db.rows("SELECT rowid FROM items WHERE items MATCH 'passwords' AND k = 1") ==
        std::vector<std::string>{"2"});
  db.run(kRebuild);
  CHECK(db.one(kStored).starts_with("hash dim=512 "));
  db.run("INSERT INTO items(items) VALUES('integrity-check')");
}

TEST_CASE("a new collection is one of default, and of hash where it says so", "[sql][model]") {
  Database db;
  db.run("CREATE VIRTUAL TABLE items USING kindred(t)");
  CHECK(db.one(kStored).starts_with("default dim=256 "));
  db.run("DROP TABLE items; CREATE VIRTUAL TABLE items USING kindred(t, model = hash)");
  CHECK(db.one(kStored).starts_with("hash dim=512 "));
}
