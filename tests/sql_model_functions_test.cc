// tokenize(), embedding_table(), most_similar(), positions() and vec_rope() through SQL.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>

#include "tests/support/catch.h"
#include "tests/support/database.h"
#include "tests/support/sql_functions.h"

using namespace kindred::test;

namespace {

using Rows = std::vector<std::string>;

// What EXPLAIN QUERY PLAN says of each step.
std::string plan(Database& db, const std::string& sql) {
  std::string steps;
  for (const std::string& row : db.rows("EXPLAIN QUERY PLAN " + sql)) steps += row + "\n";
  return steps;
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("tokenize yields tokens in order with their ids", "[sql][models]") {
  Database db;
  const Rows tokens = db.rows("SELECT * FROM tokenize('unbelievable cats')");
  REQUIRE(tokens.size() >= 2);
  CHECK(tokens.back() == std::to_string(tokens.size() - 1) + "|cats|" +
                             db.one("SELECT id FROM embedding_table WHERE token = 'cats'"));
  CHECK(db.one("SELECT group_concat(position = rowid, '') FROM tokenize('a b c')") == "111");
  CHECK(db.one("SELECT group_concat(replace(token, '##', ''), '') FROM "
               "tokenize('unbelievable cats')") == "unbelievablecats");
  CHECK(db.rows("SELECT * FROM tokenize('Red cats', 'hash')") == Rows{"0|red|NULL", "1|cats|NULL"});
  CHECK(db.one("SELECT count(*), count(id) FROM tokenize('\u6771')") == "1|0");
}

TEST_CASE("tokenize of NULL or of no content has no rows", "[sql][models]") {
  Database db;
  CHECK(db.rows("SELECT * FROM tokenize(NULL)").empty());
  CHECK(db.rows("SELECT * FROM tokenize('cats', NULL)").empty());
  CHECK(db.rows("SELECT * FROM tokenize(' ... ')").empty());
}

TEST_CASE("tokenize joins with each row of a table", "[sql][models]") {
  Database db;
  db.run(
      "CREATE TABLE docs(id INTEGER PRIMARY KEY, body TEXT COLLATE NOCASE);"
      "INSERT INTO docs(body) VALUES ('red cats'), (NULL), (''), ('blue dog')");
  const Rows wanted = {"1|0|red", "1|1|cats", "4|0|blue", "4|1|dog"};
  CHECK(db.rows("SELECT d.id, t.position, t.token FROM docs d, tokenize(d.body) t") == wanted);
  CHECK(db.rows("SELECT d.id, t.position, t.token FROM tokenize(d.body, 'default') t, docs d "
                "ORDER BY 1, 2") == wanted);
  CHECK(db.one("SELECT count(*) FROM docs d LEFT JOIN tokenize(d.body) t") == "6");
  CHECK(db.rows("SELECT token FROM tokenize WHERE position > 0 AND model = 'hash' AND "
                "text = 'red cats'") == Rows{"cats"});
  CHECK(db.one("SELECT count(*) FROM tokenize WHERE text IN ('a b', 'c')") == "3");
}

TEST_CASE("embedding_table looks ids and tokens up", "[sql][models]") {
  Database db;
  const std::string king = db.one("SELECT id FROM embedding_table('default') WHERE token = 'king'");
  CHECK(db.one("SELECT token, vec_type(embedding), vec_length(embedding) "
               "FROM embedding_table('default') WHERE id = " +
               king) == "king|float32|256");
  CHECK(db.one("SELECT token FROM embedding_table WHERE rowid = " + king) == "king");
  CHECK(db.one("SELECT token FROM embedding_table WHERE id = '" + king + "'") == "king");
  CHECK(db.rows("SELECT token FROM embedding_table('default') WHERE token IN "
                "('queen', 'nothing of it', 'king', NULL) ORDER BY token") ==
        Rows{"king", "queen"});
  CHECK(db.one("SELECT count(*) FROM embedding_table('default') WHERE id IN (0, 1, 2, -1, 1e9)") ==
        "3");
  CHECK(db.rows("SELECT id FROM embedding_table WHERE id = 2 AND token = 'king'").empty());
  CHECK(db.rows("SELECT id FROM embedding_table WHERE id = 2.5 OR id = -1 OR id = x'32'").empty());
  CHECK(db.rows("SELECT id FROM embedding_table WHERE id = NULL OR token = x'6b696e67'").empty());
  CHECK(db.one("SELECT count(*) FROM embedding_table WHERE token = 'KING' COLLATE NOCASE") == "1");
}

TEST_CASE("embedding_table scans only where nothing is looked up", "[sql][models]") {
  Database db;
  const std::string table = "SELECT token FROM embedding_table('default') AS e ";
  CHECK(contains(plan(db, table + "WHERE token = 'king'"), ":token=?"));
  CHECK(contains(plan(db, table + "WHERE token IN ('king', 'queen')"), ":token=?"));
  CHECK(contains(plan(db, table + "WHERE id = 4521"), ":id=?"));
  CHECK(contains(plan(db, table + "WHERE id IN (1, 2)"), ":id=?"));
  CHECK(contains(plan(db,
                      "SELECT 1 FROM embedding_table('default') e JOIN tokenize('a cat') t "
                      "ON e.id = t.id"),
                 ":id=?"));
  CHECK_FALSE(contains(plan(db, table + "WHERE token LIKE 'king'"), "=?"));
  CHECK_FALSE(contains(plan(db, table + "WHERE token = 'king' COLLATE NOCASE"), "=?"));
  CHECK_FALSE(contains(plan(db, table + "ORDER BY id"), "TEMP B-TREE"));
  CHECK(contains(plan(db, table + "ORDER BY id DESC"), "TEMP B-TREE"));
}

TEST_CASE("embedding_table yields every row by ascending id", "[sql][models]") {
  Database db;
  CHECK(db.one("SELECT count(*), min(id), max(id), count(DISTINCT token) FROM embedding_table") ==
        "16000|0|15999|16000");
  CHECK(db.rows("SELECT id FROM embedding_table ORDER BY id LIMIT 3") == Rows{"0", "1", "2"});
  CHECK(db.rows("SELECT id FROM embedding_table('default') ORDER BY id DESC LIMIT 1") ==
        Rows{"15999"});
  CHECK(db.rows("SELECT * FROM embedding_table(NULL)").empty());
}

TEST_CASE("the sum of a text's rows is its vector", "[sql][models]") {
  Database db;
  CHECK(db.one("SELECT cosine(vec_sum(e.embedding), embed('unbelievable cats sat')) > 0.999999 "
               "FROM tokenize('unbelievable cats sat') t JOIN embedding_table('default') e "
               "ON e.id = t.id") == "1");
}

TEST_CASE("most_similar yields tokens by descending score, without those it was given",
          "[sql][models]") {
  Database db;
  const Rows tokens = db.rows("SELECT token FROM most_similar('[\"king\",\"woman\"]','[\"man\"]')");
  CHECK(tokens.size() == 10);
  for (const char* given : {"king", "woman", "man"})
    CHECK(std::count(tokens.begin(), tokens.end(), given) == 0);
  CHECK(db.one("SELECT count(*) FROM (SELECT score, lag(score) OVER (ORDER BY rowid) AS before "
               "FROM most_similar('cat', '[]', 50)) WHERE score > before") == "0");
  CHECK_FALSE(
      contains(plan(db, "SELECT * FROM most_similar('cat') ORDER BY score DESC"), "TEMP B-TREE"));
  Rows best = db.rows("SELECT token FROM most_similar('cat', '[]', 3)");
  std::reverse(best.begin(), best.end());
  CHECK(db.rows("SELECT token FROM most_similar('cat', '[]', 3) ORDER BY score") == best);
}

TEST_CASE("most_similar agrees with what SQL computes from the table", "[sql][models]") {
  Database db;
  db.run(
      "CREATE TEMP TABLE unit AS SELECT id, token, vec_normalize(embedding) AS v "
      "FROM embedding_table('default');"
      "CREATE TEMP TABLE query AS SELECT vec_add(vec_sub(k.v, m.v), w.v) AS v "
      "FROM unit k, unit m, unit w WHERE k.token = 'king' AND m.token = 'man' "
      "AND w.token = 'woman'");
  CHECK(db.one("SELECT max(abs(a.score - b.score)) < 1e-6, sum(a.token = b.token), count(*) FROM "
               "(SELECT row_number() OVER () AS n, * FROM "
               "  most_similar('[\"king\",\"woman\"]', '[\"man\"]', 20)) a JOIN "
               "(SELECT row_number() OVER (ORDER BY cosine(unit.v, query.v) DESC) AS n, token, "
               "  cosine(unit.v, query.v) AS score FROM unit, query "
               "  WHERE token NOT IN ('king', 'woman', 'man')) b USING (n)") == "1|20|20");
}

TEST_CASE("most_similar takes a word, a vector, and arrays of both", "[sql][models]") {
  Database db;
  const std::string cat = "(SELECT embedding FROM embedding_table WHERE token = 'cat')";
  const Rows word = db.rows("SELECT token FROM most_similar('cat', '[]', 5)");
  CHECK(db.rows("SELECT token FROM most_similar('[\"cat\"]', '[]', 5)") == word);
  CHECK(db.rows("SELECT token FROM most_similar('Cat', '[]', 5)") == word);
  const Rows vector = db.rows("SELECT token FROM most_similar(" + cat + ", '[]', 6)");
  CHECK(vector.front() == "cat");
  CHECK(Rows(vector.begin() + 1, vector.end()) == word);
  CHECK(db.rows("SELECT token FROM most_similar(vec_to_json(" + cat + "), '[]', 6)") == vector);
  CHECK(db.rows("SELECT token FROM most_similar(json_array(json(vec_to_json(" + cat +
                "))), '[]', 6)") == vector);
  CHECK(db.rows("SELECT token FROM most_similar(json_array('cat', json(vec_to_json(vec_normalize(" +
                cat + ")))), '[]', 5)") == word);
  CHECK(db.rows("SELECT token FROM most_similar WHERE k = 5 AND model = 'default' AND "
                "positive = 'cat'") == word);
  CHECK(db.rows("SELECT w, token FROM (SELECT 'cat' AS w UNION ALL SELECT 'dog'), "
                "most_similar(w, '[]', 1)") == Rows{"cat|cats", "dog|dogs"});
}

TEST_CASE("most_similar of NULL, of nothing left and of k = 0 has no rows", "[sql][models]") {
  Database db;
  for (const char* arguments : {"NULL", "'cat', NULL", "'cat', '[]', NULL", "'cat', '[]', 5, NULL",
                                "'cat', 'cat'", "'cat', '[]', 0"}) {
    CAPTURE(arguments);
    CHECK(db.rows("SELECT * FROM most_similar(" + std::string(arguments) + ")").empty());
  }
  CHECK(db.one("SELECT count(*) FROM most_similar('cat', '[]', 1e9)") == "15999");
}

TEST_CASE("most_similar names what it cannot use", "[sql][models]") {
  Database db;
  const auto error = [&](const std::string& arguments) {
    return db.error("SELECT * FROM most_similar(" + arguments + ")");
  };
  CHECK(error("'xyzzy'") == "most_similar(): the model default has no token \"xyzzy\"");
  CHECK(error("'[\"king\"]', '[\"qqqq\"]'") ==
        "most_similar(): the model default has no token \"qqqq\"");
  CHECK(error("'[king]'") ==
        "most_similar(): positive: malformed JSON, and no token of the model default: "
        "TEXT '[king]'");
  CHECK(error("'[]'") == "most_similar(): a word or a vector is wanted, got none");
  CHECK(error("'[1, 2]'") == "most_similar(): positive: dimensions differ: 256 are wanted, got 2");
  CHECK(error("'cat', '[[1]]'") ==
        "most_similar(): negative: dimensions differ: 256 are wanted, got 1");
  CHECK(error("'[\"cat\", 5]'") ==
        "most_similar(): positive: words and arrays of numbers are wanted, got 5");
  CHECK(error("'[[\"cat\"]]'") ==
        "most_similar(): positive: finite numbers are wanted as a vector's elements, got \"cat\"");
  CHECK(contains(error("'[[1e300]]'"), "finite numbers are wanted"));
  CHECK(contains(error("vec_int8('[1]')"), "a float32 vector is wanted, got int8"));
  CHECK(error("'cat', '[]', -1") ==
        "most_similar(): k: an integer of at least 0 is wanted, got INTEGER -1");
  CHECK(error("'cat', '[]', 2.5") ==
        "most_similar(): k: an integer of at least 0 is wanted, got REAL 2.5");
  CHECK(error("'cat', '[]', 5, 'nix'") ==
        "most_similar(): no such model: nix (known: default, hash)");
  CHECK(error("'cat', '[]', 5, 'hash'") == "most_similar(): the model hash has no embedding table");
  CHECK(contains(db.error("SELECT * FROM most_similar"), "argument 1 is wanted, got none"));
  CHECK(db.one("SELECT count(*) FROM most_similar('cat')") == "10");
}

TEST_CASE("model functions name what they cannot use", "[sql][models]") {
  Database db;
  CHECK(db.error("SELECT * FROM tokenize('x', 'nix')") ==
        "tokenize(): no such model: nix (known: default, hash)");
  CHECK(db.error("SELECT * FROM tokenize('x', 5)") ==
        "tokenize(): model: a name is wanted, got INTEGER 5");
  CHECK(db.error("SELECT * FROM tokenize(x'00')") ==
        "tokenize(): argument 1: text is wanted, got a BLOB of 1 bytes");
  CHECK(db.error("SELECT * FROM tokenize") ==
        "tokenize(text [, model]): argument 1 is wanted, got none");
  CHECK(db.error("SELECT * FROM embedding_table('hash')") ==
        "embedding_table(): the model hash has no embedding table");
  CHECK(db.error("SELECT * FROM embedding_table('nix') WHERE id = 1") ==
        "embedding_table(): no such model: nix (known: default, hash)");
}

TEST_CASE("positions yields sinusoidal encodings from position 0", "[sql][models]") {
  Database db;
  CHECK(db.rows("SELECT position, vec_to_json(embedding) FROM positions(2, 4)") ==
        Rows{"0|[0,1,0,1]", "1|[0.84147096,0.5403023,0.009999833,0.99995]"});
  CHECK(db.one("SELECT count(*), vec_length(embedding) FROM positions(7, 3, 'sinusoidal')") ==
        "7|3");
  CHECK(db.rows("SELECT * FROM positions(0, 4)").empty());
  CHECK(db.rows("SELECT position FROM positions(1000000000000, 65536) LIMIT 1") == Rows{"0"});
  for (const char* arguments : {"NULL, 4", "2, NULL", "2, 4, NULL"})
    CHECK(db.rows("SELECT * FROM positions(" + std::string(arguments) + ")").empty());
}

TEST_CASE("positions names what it cannot use", "[sql][models]") {
  Database db;
  const auto error = [&](const std::string& arguments) {
    return db.error("SELECT * FROM positions(" + arguments + ")");
  };
  CHECK(error("-1, 4") == "positions(): n: an integer of at least 0 is wanted, got INTEGER -1");
  CHECK(error("'x', 4") == "positions(): n: an integer of at least 0 is wanted, got TEXT 'x'");
  CHECK(error("4, 0") == "positions(): dimensions: 1..65536 is wanted, got INTEGER 0");
  CHECK(error("4, 65537") == "positions(): dimensions: 1..65536 is wanted, got INTEGER 65537");
  CHECK(error("4, 4, 'learned'") ==
        "positions(): kind: 'sinusoidal' is wanted, got TEXT 'learned'");
  CHECK(contains(error("4"), "argument 2 is wanted, got none"));
}

TEST_CASE("vec_rope rotates pairs of neighbours", "[sql][models]") {
  Database db;
  CHECK(db.one("SELECT vec_to_json(vec_rope('[1, 0, 0, 1]', 1))") ==
        "[0.5403023,0.84147096,-0.009999833,0.99995]");
  CHECK(db.one("SELECT vec_to_json(vec_rope('[1, 2]', 0))") == "[1,2]");
  CHECK(db.one("SELECT abs(vec_dot(vec_rope('[1,2,3,4]', 9), vec_rope('[4,3,2,1]', 7)) - "
               "vec_dot(vec_rope('[1,2,3,4]', 102), vec_rope('[4,3,2,1]', 100))) < 1e-4") == "1");
  CHECK(db.one("SELECT vec_rope(NULL, 1), vec_rope('[1, 2]', NULL)") == "NULL|NULL");
  CHECK(db.error("SELECT vec_rope('[1, 2, 3]', 1)") ==
        "vec_rope(): argument 1: an even number of dimensions is wanted, got 3");
  CHECK(db.error("SELECT vec_rope(vec_int8('[1, 2]'), 1)") ==
        "vec_rope(): float32 vectors are wanted, got int8");
  CHECK(contains(db.error("SELECT vec_rope('[1, 2]', 'x')"),
                 "vec_rope(): argument 2: expected a finite number"));
  db.run("CREATE TABLE t(v); CREATE INDEX i ON t(vec_rope(v, 1))");
}

TEST_CASE("embed with positions tells who bites whom", "[sql][models][embed]") {
  Database db;
  const auto in_order = [](const std::string& text) {
    return "embed('" + text + "', 'default', '{\"positions\": \"sinusoidal\"}')";
  };
  CHECK(db.one("SELECT embed('dog bites man') = embed('man bites dog'), " +
               in_order("dog bites man") + " = " + in_order("man bites dog")) == "1|0");
  CHECK(db.one("SELECT cosine(" + in_order("dog bites man") + ", " + in_order("man bites dog") +
               ") BETWEEN 0.9 AND 0.997") == "1");
  CHECK(db.one("SELECT vec_length(embed('a dog', 'default', "
               "'{\"positions\": \"sinusoidal\", \"dimensions\": 64}'))") == "64");
  CHECK(db.one("SELECT " + in_order("...") + " IS NULL") == "1");
  check_error(db, "SELECT embed('a', 'default', '{\"positions\": \"learned\"}')",
              {"option \"positions\": \"sinusoidal\" is wanted, got \"learned\""});
  check_error(db, "SELECT embed('a', 'hash', '{\"positions\": \"sinusoidal\"}')",
              {"option \"positions\": the model hash has no embedding table"});
}

TEST_CASE("model functions may stand in views and triggers of an untrusted schema",
          "[sql][models]") {
  Database db;
  db.run(
      "PRAGMA trusted_schema = OFF; CREATE TABLE docs(body); CREATE TABLE words(token, v);"
      "CREATE VIEW tokens AS SELECT t.token FROM docs, tokenize(docs.body) t;"
      "CREATE TRIGGER split AFTER INSERT ON docs BEGIN"
      "  INSERT INTO words SELECT t.token, vec_rope(e.embedding, t.position)"
      "  FROM tokenize(new.body) t JOIN embedding_table('default') e ON e.id = t.id; END;"
      "INSERT INTO docs VALUES ('red cats')");
  CHECK(db.rows("SELECT token FROM tokens") == Rows{"red", "cats"});
  CHECK(db.one("SELECT count(v) FROM words") == "2");
}
