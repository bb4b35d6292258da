// embed() through SQL: what it returns, what it keeps, what it refuses.
// SPDX-License-Identifier: Apache-2.0
#include "tests/support/catch.h"
#include "tests/support/database.h"

namespace {

using kindred::test::Database;
using Rows = std::vector<std::string>;

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("embed returns a float32 vector of length 1 with the subtype of vectors",
          "[sql][embed]") {
  Database db;
  CHECK(db.one("SELECT length(embed('a ship at sea')), typeof(embed('a ship at sea'))") ==
        "1024|blob");
  CHECK(db.one("SELECT vec_type(embed('a ship at sea'))") == "float32");
  CHECK(db.one("SELECT abs(vec_dot(embed('a ship at sea'), embed('a ship at sea')) - 1) < 1e-5") ==
        "1");
}

TEST_CASE("embed finds related texts nearer than unrelated ones", "[sql][embed]") {
  Database db;
  CHECK(db.one("SELECT cosine(embed('ships sail at sea'), embed('a ship is sailing the seas')) > "
               "       cosine(embed('ships sail at sea'), embed('bread is baked of flour'))") ==
        "1");
}

TEST_CASE("embed finds texts of one meaning nearer than unrelated ones, without a word in common",
          "[sql][embed]") {
  Database db;
  CHECK(db.one(
            "SELECT cosine(embed('The cat sat on the mat'), embed('A kitten rested on the rug')) "
            "     > cosine(embed('The cat sat on the mat'), embed('Stock prices rose sharply'))") ==
        "1");
  CHECK(db.one("SELECT cosine(embed('physician'), embed('doctor')) > 0.3, "
               "abs(cosine(embed('physician'), embed('bicycle'))) < 0.2") == "1|1");
}

TEST_CASE("embed of NULL in any argument is NULL", "[sql][embed]") {
  Database db;
  CHECK(db.one("SELECT embed(NULL)") == "NULL");
  CHECK(db.one("SELECT embed(NULL, 'hash'), embed('word', NULL)") == "NULL|NULL");
  CHECK(db.one("SELECT embed(NULL, 'hash', '{}'), embed('word', NULL, '{}'), "
               "embed('word', 'hash', NULL)") == "NULL|NULL|NULL");
}

TEST_CASE("embed of a text without content is NULL", "[sql][embed]") {
  Database db;
  CHECK(db.one("SELECT embed(''), embed('  '), embed('... -- !?')") == "NULL|NULL|NULL");
}

TEST_CASE("embed takes a number for the text it prints as", "[sql][embed]") {
  Database db;
  CHECK(db.one("SELECT embed(1984) = embed('1984')") == "1");
}

TEST_CASE("embed knows default, which it uses unless told otherwise, and hash", "[sql][embed]") {
  Database db;
  CHECK(db.one("SELECT embed('word') = embed('word', 'default'), "
               "embed('word') = embed('word', 'hash')") == "1|0");
  CHECK(db.one("SELECT vec_length(embed('word', 'default')), vec_length(embed('word', 'hash'))") ==
        "256|512");
  CHECK(db.error("SELECT embed('word', 'x')") ==
        "embed(): no such model: x (known: default, hash)");
}

TEST_CASE("embed reads the model's name anew in each row", "[sql][embed]") {
  Database db;
  db.run("CREATE TABLE models(name); INSERT INTO models VALUES ('hash'), ('default'), (NULL)");
  CHECK(db.rows("SELECT embed('word', name) = embed('word') FROM models") ==
        Rows{"0", "1", "NULL"});
  db.run("INSERT INTO models VALUES ('x')");
  CHECK(db.error("SELECT embed('word', name) FROM models") ==
        "embed(): no such model: x (known: default, hash)");
}

TEST_CASE("embed with dimensions is the beginning of the whole vector at length 1",
          "[sql][embed]") {
  Database db;
  CHECK(db.one("SELECT length(embed('a ship', 'hash', '{\"dimensions\": 256}'))") == "1024");
  CHECK(db.one("SELECT length(embed('a ship', 'hash', '{\"dimensions\": 1}')), "
               "length(embed('a ship', 'hash', '{\"dimensions\": 512}'))") == "4|2048");
  CHECK(db.one("SELECT abs(cosine(embed('a ship', 'hash', '{\"dimensions\": 100}'), "
               "vec_slice(embed('a ship', 'hash'), 0, 100)) - 1) < 1e-5") == "1");
  CHECK(db.one("SELECT abs(cosine(embed('a ship', 'default', '{\"dimensions\": 64}'), "
               "vec_slice(embed('a ship'), 0, 64)) - 1) < 1e-5") == "1");
}

TEST_CASE("embed takes the task of a text and no options at all", "[sql][embed]") {
  Database db;
  CHECK(db.one("SELECT embed('word', 'default', '{\"task\": \"query\"}') = embed('word')") == "1");
  CHECK(db.one("SELECT embed('word', 'default', '{\"task\": \"document\"}') = embed('word')") ==
        "1");
  CHECK(db.one("SELECT embed('word', 'default', '{}') = embed('word')") == "1");
}

TEST_CASE("embed names the option that is wrong, what is wanted and what came", "[sql][embed]") {
  Database db;
  const auto error = [&](const std::string& options) {
    return db.error("SELECT embed('word', 'hash', '" + options + "')");
  };
  const std::string dimensions = "embed(): option \"dimensions\": 1..512 is wanted, got ";
  CHECK(error(R"({"dimensions": 9999})") == dimensions + "9999");
  CHECK(error(R"({"dimensions": 513})") == dimensions + "513");
  CHECK(error(R"({"dimensions": 0})") == dimensions + "0");
  CHECK(error(R"({"dimensions": -1})") == dimensions + "-1");
  CHECK(error(R"({"dimensions": 18446744073709551615})") == dimensions + "18446744073709551615");
  CHECK(error(R"({"dimensions": 2.5})") == dimensions + "2.5");
  CHECK(error(R"({"dimensions": "256"})") == dimensions + "\"256\"");
  CHECK(error(R"({"dimensions": null})") == dimensions + "null");
  CHECK(error(R"({"dimensions": [256]})") == dimensions + "array");
  const std::string task = "embed(): option \"task\": \"query\" or \"document\" is wanted, got ";
  CHECK(error(R"({"task": "poem"})") == task + "\"poem\"");
  CHECK(error(R"({"task": 1})") == task + "1");
  CHECK(error(R"({"dimension": 256})") ==
        "embed(): no such option: \"dimension\" (known: dimensions, positions, task)");
}

TEST_CASE("embed refuses an option that is given twice", "[sql][embed]") {
  Database db;
  const auto error = [&](const std::string& options) {
    return db.error("SELECT embed('word', 'hash', '" + options + "')");
  };
  CHECK(error(R"({"dimensions": 8, "dimensions": 16})") ==
        "embed(): option \"dimensions\" is given twice");
  CHECK(error(R"({"task": "query", "dimensions": 8, "task": "query"})") ==
        "embed(): option \"task\" is given twice");
  CHECK(error(R"({"task": {"a": 1, "a": 2}})").find("got object") != std::string::npos);
}

TEST_CASE("embed refuses options that are no JSON object", "[sql][embed]") {
  Database db;
  CHECK(db.error("SELECT embed('word', 'hash', '{\"dimensions\": ')") ==
        "embed(): options: malformed JSON: TEXT '{\"dimensions\": '");
  CHECK(db.error("SELECT embed('word', 'hash', '')") ==
        "embed(): options: malformed JSON: TEXT ''");
  CHECK(db.error("SELECT embed('word', 'hash', '256')") ==
        "embed(): options: a JSON object is wanted, got 256");
  CHECK(db.error("SELECT embed('word', 'hash', '[]')") ==
        "embed(): options: a JSON object is wanted, got array");
}

TEST_CASE("embed survives options nested a million deep", "[sql][embed]") {
  Database db;
  const std::string open = "replace(hex(zeroblob(500000)), '0', '[')";
  const std::string close = "replace(hex(zeroblob(500000)), '0', ']')";
  const auto error = [&](const std::string& options) {
    return db.error("SELECT embed('word', 'hash', " + options + ")");
  };
  CHECK(contains(error(open), "malformed JSON"));
  CHECK(contains(error(open + " || " + close), "got array"));
  CHECK(contains(error("'{\"task\": ' || " + open + " || " + close + " || '}'"), "got array"));
}

TEST_CASE("embed refuses a BLOB for any of its texts", "[sql][embed]") {
  Database db;
  CHECK(contains(db.error("SELECT embed(x'616263')"), "embed(): argument 1: text is wanted, got "));
  CHECK(contains(db.error("SELECT embed('word', x'616263')"),
                 "embed(): argument 2: text is wanted, got "));
  CHECK(contains(db.error("SELECT embed('word', 'hash', x'7b7d')"),
                 "embed(): argument 3: text is wanted, got "));
}

TEST_CASE("embed leaves the connection usable after an error", "[sql][embed]") {
  Database db;
  CHECK(!db.error("SELECT embed('word', 'x')").empty());
  CHECK(db.one("SELECT length(embed('word'))") == "1024");
}

TEST_CASE("embed with one argument may stand in an index, with more it may not", "[sql][embed]") {
  Database db;
  db.run("CREATE TABLE notes(body); CREATE INDEX by_vector ON notes(embed(body))");
  CHECK(contains(db.error("CREATE INDEX by_hash ON notes(embed(body, 'hash'))"),
                 "non-deterministic"));
}

TEST_CASE("embed with one argument may stand in a trigger of an untrusted schema", "[sql][embed]") {
  Database db;
  db.run(
      "PRAGMA trusted_schema = OFF; CREATE TABLE notes(body, vector);"
      "CREATE TRIGGER t AFTER INSERT ON notes BEGIN"
      "  UPDATE notes SET vector = embed(body) WHERE rowid = new.rowid; END;"
      "INSERT INTO notes(body) VALUES ('a ship')");
  CHECK(db.one("SELECT vector = embed('a ship') FROM notes") == "1");
}

TEST_CASE("embed takes one to three arguments", "[sql][embed]") {
  Database db;
  CHECK(!db.error("SELECT embed()").empty());
  CHECK(!db.error("SELECT embed('word', 'hash', '{}', 1)").empty());
}
