// Training a model from SQL: what it learns, which queries and options it takes, and that it is
// part of the transaction.
//
// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <string>
#include <vector>

#include "model/train/random.h"
#include "tests/support/catch.h"
#include "tests/support/database.h"
#include "tests/support/sql_functions.h"
#include "tests/support/statement_ends.h"
#include "tests/support/topic_words.h"

using namespace kindred::test;
namespace fs = std::filesystem;
using kindred::model::Random;
using Rows = std::vector<std::string>;

namespace {

const std::string kNames = "SELECT group_concat(name, ' ') FROM kindred_models";
const std::string kQuick = "\"steps\": 3, \"dimensions\": 64, \"threads\": 1";

// notes(topic, title, body): titles have words that no body has.
void fill(Database& db, size_t rows = 300) {
  Random random(11);
  db.run("CREATE TABLE notes(topic INTEGER, title TEXT, body TEXT); BEGIN");
  for (size_t i = 0; i < rows; ++i)
    db.rows("INSERT INTO notes VALUES(?1, ?2, ?3)",
            {integer(static_cast<int64_t>(i % kTopics)), text(words(random, i % kTopics, 0, 3)),
             text(words(random, i % kTopics, 1, 5))});
  db.run("COMMIT");
}

std::string train_with(const std::string& name, const std::string& options,
                       const std::string& verb = "INSERT") {
  std::string quoted;
  for (const char c : options) quoted += c == '\'' ? "''" : std::string(1, c);
  return verb + " INTO kindred_models(name, source, options) VALUES('" + name + "', 'train', '" +
         quoted + "')";
}

// `more` are further options.
std::string train(const std::string& name,
                  const std::string& query = "SELECT title, body FROM notes",
                  const std::string& more = kQuick) {
  return train_with(name,
                    R"({"query": ")" + query + "\"" + (more.empty() ? "" : ", " + more) + "}");
}

// Of the first thirty titles, how many have a body of their own topic as the nearest.
int found(Database& db, const std::string& model) {
  db.run("CREATE TEMP TABLE v AS SELECT rowid AS n, topic, embed(title, '" + model +
         "') AS title, embed(body, '" + model + "') AS body FROM notes");
  const std::string count = db.one(
      "SELECT count(*) FROM (SELECT a.topic AS wanted, b.topic AS got, max(cosine(a.title, "
      "b.body)) "
      "FROM v AS a, v AS b WHERE a.n <= 30 AND b.n > 30 AND b.n <= 60 GROUP BY a.n) "
      "WHERE wanted = got");
  db.run("DROP TABLE v");
  return std::stoi(count);
}

size_t files(const std::string& database) {
  const fs::path folder = database + "-kindred/segments";
  if (!fs::exists(folder)) return 0;
  return static_cast<size_t>(
      std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

}  // namespace

TEST_CASE("a model trained on a table finds there what the built-in one does not",
          "[sql][models][training]") {
  const ScratchDirectory scratch;
  Database db(GENERATE(true, false) ? scratch.file("app.db") : ":memory:");
  fill(db);
  const std::string options =
      GENERATE(as<std::string>(), "\"keep\": 0, \"steps\": 150",
               "\"start\": \"nothing\", \"dimensions\": 64, \"vocabulary\": 2000, \"steps\": 150");
  db.run(train("mine", "SELECT title, body FROM notes", options));
  CHECK(db.one("SELECT kind, source, options LIKE '{\"query\"%' FROM kindred_models "
               "WHERE name = 'mine'") == "trained|train|1");
  CHECK(found(db, "default") < 10);
  CHECK(found(db, "mine") > 25);

  db.run("CREATE VIRTUAL TABLE items USING kindred(t, model = 'mine')");
  db.run("INSERT INTO items(rowid, t) SELECT rowid, body FROM notes WHERE rowid <= 30");
  const std::string title = db.one("SELECT title FROM notes WHERE rowid = 38");
  CHECK(db.rows("SELECT rowid FROM knn('items', '" + title + "') LIMIT 1") == Rows{"8"});
}

TEST_CASE("training gives the same model each time, whatever the number of threads",
          "[sql][models][training]") {
  Database db;
  fill(db);
  const std::string query = "SELECT title, body FROM notes", base = "\"steps\": 8, \"seed\": 7";
  db.run(train("a", query, base + ", \"threads\": 1"));
  db.run(train("b", query, base + ", \"threads\": 1"));
  db.run(train("c", query, base + ", \"threads\": 3"));
  db.run(train("d", query, "\"steps\": 8, \"seed\": 8"));
  const std::string same = "SELECT embed(title, 'a') = embed(title, '";
  CHECK(db.one(same + "b') FROM notes") == "1");
  CHECK(db.one(same + "c') FROM notes") == "1");
  CHECK(db.one(same + "d') FROM notes") == "0");
}

TEST_CASE("one column is trained on as several are, and numbers are text",
          "[sql][models][training]") {
  Database db;
  fill(db, 60);
  for (const char* query :
       {"SELECT title || body FROM notes", "SELECT topic, rowid FROM notes",
        "WITH t AS (SELECT title, body FROM notes) SELECT * FROM t ORDER BY title; -- all",
        "SELECT title, NULL, body FROM notes",
        "VALUES(NULL, NULL) UNION ALL SELECT title, body FROM notes"}) {
    INFO(query);
    db.run(train("mine", query));
    CHECK(db.one("SELECT dimensions FROM kindred_models WHERE name = 'mine'") == "64");
    db.run("DELETE FROM kindred_models WHERE name = 'mine'");
  }
}

TEST_CASE("training reads collections and models of the same database", "[sql][models][training]") {
  const ScratchDirectory scratch;
  Database db(scratch.file("app.db"));
  fill(db, 60);
  db.run(train("mine") + "; CREATE VIRTUAL TABLE items USING kindred(t, model = 'mine')");
  db.run("INSERT INTO items SELECT title || body FROM notes");
  db.run(train("other", "SELECT t FROM items"));
  db.run(train("third",
               "SELECT n.title, n.body FROM knn('items', 'x') AS k JOIN notes AS n "
               "ON n.rowid = k.rowid"));
  // Its own place is taken only when the new one is there.
  db.run(train_with(
      "mine",
      R"({"query": "SELECT t FROM items WHERE embed(t, 'mine') IS NOT NULL", )" + kQuick + "}",
      "REPLACE"));
  check_error(db, "SELECT * FROM knn('items', 'x')", {"items", "rebuild"});
  db.run("INSERT INTO items(items) VALUES('rebuild')");
  CHECK(db.one("SELECT count(*) FROM knn('items', 'x')") == "60");
}

TEST_CASE("a query that is not one SELECT of text is refused and changes nothing",
          "[sql][models][training]") {
  const ScratchDirectory scratch;
  const std::string path = scratch.file("app.db");
  Database db(path);
  fill(db, 60);
  const struct {
    const char* query;
    const char* wanted;
  } cases[] = {
      {"DELETE FROM notes", "a SELECT is wanted, got DELETE FROM notes"},
      {"INSERT INTO notes VALUES(1, 2, 3) RETURNING title", "a SELECT is wanted"},
      {"PRAGMA user_version = 7", "a SELECT is wanted"},
      {"BEGIN", "a SELECT is wanted"},
      {"-- nothing", "a SELECT is wanted"},
      {"SELECT title FROM notes; DELETE FROM notes",
       "one SELECT is wanted, got more after it: DELETE"},
      {"SELECT title FROM notes; SELECT body FROM notes", "one SELECT is wanted"},
      {"SELECT title FROM notes WHERE topic = ?1", "without parameters is wanted"},
      {"SELECT title FROM note", "option \"query\": no such table: note"},
      {"SELECT", "option \"query\": incomplete input"},
      {"SELECT title, x'00ff' FROM notes", "text is wanted, got a BLOB in column 2"},
      {"SELECT title FROM notes WHERE 0", "at least 32 rows is wanted, got 0"},
      {"SELECT NULL, '' FROM notes", "at least 32 rows is wanted, got 0"},
      {"SELECT title, body FROM notes LIMIT 31", "at least 32 rows is wanted, got 31"},
      {"SELECT 'the same words again' FROM notes",
       "at least 32 rows is wanted, got 1 of 60: rows that are the same count once"},
  };
  for (const auto& [query, wanted] : cases)
    check_error(db, train("mine", query), {"kindred_models: mine: ", wanted});
  CHECK(db.one("SELECT count(*) FROM notes") == "60");
  CHECK(db.one("PRAGMA user_version") == "0");
  CHECK(db.one(kNames) == "default hash");
  CHECK(files(path) == 0);
}

TEST_CASE("options that make no sense are named", "[sql][models][training]") {
  Database db;
  fill(db, 60);
  check_error(db, "INSERT INTO kindred_models(name, source) VALUES('mine', 'train')",
              {"mine", "\"query\" is wanted"});
  check_error(db, train_with("mine", "{"), {"a JSON object is wanted, got malformed JSON"});
  check_error(db, train_with("mine", "[1]"), {"a JSON object is wanted, got array"});
  check_error(db, train_with("mine", "{}"), {"\"query\" is wanted"});
  check_error(db, train_with("mine", R"({"query": 5})"), {"\"query\": a text is wanted, got 5"});
  const struct {
    const char* option;
    const char* message;
  } cases[] = {
      {"\"speed\": 5", "no such option: \"speed\" (known: query, start"},
      {"\"steps\": 0", "option \"steps\": a whole number from 1 to 1048576 is wanted, got 0"},
      {"\"steps\": 2.5", "got 2.5"},
      {"\"steps\": \"7\"", "got \"7\""},
      {"\"steps\": [[7]]", "got array"},
      {"\"seed\": -1", "option \"seed\""},
      {"\"threads\": 0", "option \"threads\""},
      {"\"batch\": 4097", "option \"batch\": a whole number from 2 to 4096 is wanted, got 4097"},
      {"\"keep\": 1.5", "option \"keep\": a number from 0 and up to 1 is wanted, got 1.5"},
      {"\"keep\": null", "got null"},
      {"\"rate\": 0", "option \"rate\": a number above 0 and up to 1 is wanted, got 0"},
      {"\"rate\": 1e300", "option \"rate\""},
      {"\"dimensions\": 100", "a multiple of 64 up to 256 as dimensions is wanted, got 100"},
      {"\"dimensions\": 512", "a multiple of 64 up to 256"},
      {"\"start\": \"nothing\", \"dimensions\": 1088", "dimensions"},
      {"\"start\": \"nothing\", \"vocabulary\": 5", "a vocabulary of 256"},
      {"\"vocabulary\": 2000", "option \"vocabulary\" goes with \"start\": \"nothing\""},
      {"\"keep\": 0.5, \"start\": \"nothing\"", "option \"keep\" goes with \"start\": \"default\""},
      {"\"start\": \"glove\"", "\"default\" or \"nothing\" is wanted, got \"glove\""},
  };
  for (const auto& [option, message] : cases)
    check_error(db, train("mine", "SELECT title, body FROM notes", option), {message});
  CHECK(db.one(kNames) == "default hash");
}

TEST_CASE("a trained model is part of the transaction", "[sql][models][training]") {
  const ScratchDirectory scratch;
  const std::string path = scratch.file("app.db");
  Database db(GENERATE(true, false) ? path : ":memory:");
  fill(db, 60);
  const std::string embed = "SELECT vec_length(embed('x', 'mine'))";
  db.run("BEGIN; " + train("mine"));
  CHECK(db.one(embed) == "64");
  db.run("ROLLBACK");
  CHECK(db.one(kNames) == "default hash");
  check_error(db, embed, {"no such model: mine"});
  db.run("BEGIN; " + train("first") + "; SAVEPOINT s; " + train("mine") + "; ROLLBACK TO s");
  check_error(db, embed, {"no such model: mine"});
  // What the transaction itself has written is trained on.
  db.run("DELETE FROM notes WHERE topic > 0");
  check_error(db, train("mine"), {"at least 32 rows is wanted, got 2"});
  db.run("ROLLBACK TO s; " + train("mine") + "; COMMIT");
  CHECK(db.one(kNames) == "default hash first mine");
  CHECK(db.one(embed) == "64");
}

TEST_CASE("training under a name that is taken is refused, ignored or replaces",
          "[sql][models][training]") {
  Database db;
  fill(db, 60);
  const std::string options = R"({"query": "SELECT title, body FROM notes", )" + kQuick + "}";
  const std::string wide = R"({"query": "SELECT title, body FROM notes", "steps": 3})";
  const std::string dim = "SELECT dimensions FROM kindred_models WHERE name = 'mine'";
  db.run(train_with("mine", options));
  check_error(db, train_with("mine", wide), {"mine", "already"});
  db.run(train_with("mine", wide, "INSERT OR IGNORE"));
  CHECK(db.one(dim) == "64");
  db.run(train_with("mine", wide, "INSERT OR REPLACE"));
  CHECK(db.one(dim) == "256");
}

TEST_CASE("training stops at an interrupt after the step at hand and leaves nothing",
          "[sql][models][training][interrupt]") {
  const ScratchDirectory scratch;
  const std::string path = scratch.file("app.db");
  Database db(path);
  fill(db, 60);
  constexpr int kSteps = 30;
  const std::string sql = train("mine", "SELECT title, body FROM notes",
                                "\"dimensions\": 64, \"steps\": " + std::to_string(kSteps));
  StatementEnds ends(db);
  db.run(sql);
  const int all = ends.seen;
  REQUIRE(all >= kSteps);
  ends.ignore();
  db.run("DELETE FROM kindred_models WHERE name = 'mine'");
  const size_t before = files(path);
  ends.watch();
  for (ends.interrupt_at = 3; ends.interrupt_at <= kSteps; ends.interrupt_at += 9) {
    INFO(ends.interrupt_at << " of " << all);
    ends.seen = 0;
    CHECK(db.error(sql) == "interrupted");
    CHECK(ends.seen <= ends.interrupt_at + 4);
  }
  ends.ignore();
  CHECK(db.one(kNames) == "default hash");
  CHECK(files(path) == before);
  CHECK(db.error(sql) == "");
}
