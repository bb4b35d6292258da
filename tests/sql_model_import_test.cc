// Files of word vectors, fastText models and static folders through SQL: what the table functions
// and embed() make of them, and that a file that is cut short leaves no model.
// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <iterator>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/catch.h"
#include "tests/support/database.h"
#include "tests/support/fasttext_bytes.h"
#include "tests/support/model_files.h"
#include "tests/support/sql_functions.h"

using namespace kindred::test;
namespace fs = std::filesystem;
using Rows = std::vector<std::string>;

namespace {

const std::string kNames = "SELECT group_concat(name, ' ') FROM kindred_models";

// king - man + woman = queen; a word with a quote and one beyond ASCII.
const std::vector<std::pair<std::string, std::vector<float>>> kWords = {
    {"king", {1, 1, 0}},  {"queen", {1, 0, 1}},    {"man", {0, 1, 0}},
    {"woman", {0, 0, 1}}, {"it's", {-1, 0.5F, 0}}, {"K\u00f6nig", {2, 2, 0.5F}}};

std::string lines() {
  std::string text;
  for (const auto& [word, row] : kWords) {
    text += word;
    for (const float value : row) text += " " + std::to_string(value);
    text += "\n";
  }
  return text;
}

std::string binary() {
  std::string bytes = "6 3\n";
  for (const auto& [word, row] : kWords) bytes += word + " " + packed(row) + "\n";
  return bytes;
}

// The words in the format; REQUIRES: "glove", "word2vec text" or "word2vec binary".
std::string word_file(const std::string& format) {
  if (format == "glove") return lines();
  return format == "word2vec text" ? "6 3\n" + lines() : binary();
}

std::string insert(const std::string& source) {
  return "INSERT INTO kindred_models(name, source) VALUES('mine', '" + source + "')";
}

const std::string kTokenizer =
    R"({"model":{"type":"WordPiece","unk_token":"[UNK]",
        "vocab":{"[UNK]":0,"red":1,"green":2,"##ish":3}},
        "normalizer":{"type":"BertNormalizer"},"pre_tokenizer":{"type":"BertPreTokenizer"}})";

// A folder of four tokens and two dimensions: Model2Vec's where the tensor is "embeddings".
void write_folder(const std::string& folder, const std::string& tensor = "embeddings") {
  write_file(folder + "/tokenizer.json", kTokenizer);
  write_file(
      folder + "/model.safetensors",
      safetensors(R"({")" + tensor + R"(":{"dtype":"F32","shape":[4,2],"data_offsets":[0,32]}})",
                  packed({9, 9, 1, 0, 0, 1, 3, 4})));
}

size_t files(const std::string& database) {
  const fs::path folder = database + "-kindred/segments";
  if (!fs::exists(folder)) return 0;
  return static_cast<size_t>(
      std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

std::string place(const ScratchDirectory& scratch) {
  return GENERATE(true, false) ? scratch.file("app.db") : ":memory:";
}

}  // namespace

TEST_CASE("word vectors of each format answer through SQL as plain arithmetic does",
          "[sql][models][import]") {
  const ScratchDirectory scratch;
  const std::string file = scratch.file("vectors");
  write_file(file,
             word_file(GENERATE(as<std::string>(), "glove", "word2vec text", "word2vec binary")));
  Database db(place(scratch));
  db.run(insert(file));
  fs::remove(file);
  CHECK(db.one("SELECT dimensions, tokens, source FROM kindred_models WHERE name = 'mine'") ==
        "3|6|" + file);
  CHECK(db.rows("SELECT id, token, vec_to_json(embedding) FROM embedding_table('mine') "
                "WHERE id < 2 OR token = 'it''s'") ==
        Rows{"0|king|[1,1,0]", "1|queen|[1,0,1]", "4|it's|[-1,0.5,0]"});
  CHECK(db.rows("SELECT token FROM embedding_table('mine') ORDER BY id DESC LIMIT 1") ==
        Rows{"K\u00f6nig"});
  CHECK(db.rows("SELECT token, round(score, 4) FROM most_similar('[\"king\",\"woman\"]', "
                "'[\"man\"]', 1, 'mine')") == Rows{"queen|0.9586"});
  CHECK(db.one("SELECT count(*) FROM most_similar('king', '[]', 10, 'mine')") == "5");
  CHECK(db.rows("SELECT token, id FROM tokenize('(King) it''s xyzzy', 'mine')") ==
        Rows{"king|0", "it's|4", "xyzzy|NULL"});
  CHECK(db.one("SELECT cosine(embed('King, queen!', 'mine'), '[2,1,1]') > 0.999999") == "1");
  CHECK(db.one("SELECT embed('xyzzy', 'mine') IS NULL") == "1");
  check_error(db, "SELECT * FROM most_similar('xyzzy', '[]', 1, 'mine')", {"no token \"xyzzy\""});
  db.run("CREATE VIRTUAL TABLE items USING kindred(t, model = 'mine')");
  db.run("INSERT INTO items VALUES('a man'), ('the queen'), ('nothing known')");
  CHECK(db.rows("SELECT rowid FROM knn('items', 'woman')") == Rows{"2", "1"});
}

TEST_CASE("most_similar takes a token that is spelt like an array for that token",
          "[sql][models][import]") {
  const ScratchDirectory scratch;
  const std::string file = scratch.file("vectors");
  write_file(file, "5 2\nold 1 0\n[UNK] 0 1\n[1] 3 4\n[] 1 1\nnew 0 2\n");
  Database db;
  db.run(insert(file));
  const auto nearest = [&](const std::string& arguments) {
    return db.rows("SELECT token FROM most_similar(" + arguments + ", 1, 'mine')");
  };
  CHECK(nearest("'[UNK]', '[]'") == Rows{"new"});
  CHECK(nearest("'new', '[]'") == Rows{"[UNK]"});
  CHECK(nearest("'[1]', '[]'") == Rows{"[]"});
  CHECK(nearest("'[\"[1]\"]', '[]'") == Rows{"[]"});
  CHECK(nearest("' [1, 0]', '[]'") == Rows{"old"});
  check_error(db, "SELECT * FROM most_similar('[]', '[]', 1, 'mine')", {"got none"});
  check_error(db, "SELECT * FROM most_similar('[2]', '[]', 1, 'mine')", {"dimensions differ"});
}

TEST_CASE("a fastText model knows words that it does not list", "[sql][models][import]") {
  const ScratchDirectory scratch;
  const std::string file = scratch.file("model.bin");
  FastTextBytes bytes;
  write_file(file, bytes.file());
  Database db(place(scratch));
  db.run(insert(file));
  CHECK(db.one("SELECT kind, dimensions, tokens FROM kindred_models WHERE name = 'mine'") ==
        "fasttext|2|3");
  CHECK(db.rows("SELECT token FROM embedding_table('mine')") == Rows{"</s>", "sea", "seas"});
  CHECK(db.one("SELECT vec_length(embed('seaside', 'mine'))") == "2");
  CHECK(db.one("SELECT count(*) FROM most_similar('seaside', '[]', 10, 'mine')") == "3");
  CHECK(db.one("SELECT count(*) FROM most_similar('sea', '[]', 10, 'mine')") == "2");
  CHECK(db.rows("SELECT token, id FROM tokenize('sea seaside', 'mine')") ==
        Rows{"sea|1", "seaside|NULL"});
}

TEST_CASE("sentence-transformers counts the row of what it does not know, Model2Vec does not",
          "[sql][models][import]") {
  const bool counts = GENERATE(true, false);
  const ScratchDirectory scratch;
  const std::string folder = scratch.file("model");
  write_folder(folder, counts ? "embedding.weight" : "embeddings");
  Database db(place(scratch));
  db.run(insert(folder));
  CHECK(db.one("SELECT token, id FROM tokenize('blue', 'mine')") ==
        (counts ? "[UNK]|0" : "[UNK]|NULL"));
  CHECK(db.one("SELECT round(cosine(embed('blue red', 'mine'), '[1,0]'), 4)") ==
        (counts ? "0.7433" : "1.0"));
  CHECK(db.one("SELECT embed('blue', 'mine') IS NULL") == (counts ? "0" : "1"));
  check_error(db, "SELECT * FROM most_similar('blue', '[]', 1, 'mine')", {"no token \"blue\""});
}

TEST_CASE("Model2Vec reads the same beginning of a text with positions and without",
          "[sql][models][import]") {
  const ScratchDirectory scratch;
  const std::string folder = scratch.file("model");
  write_folder(folder);
  Database db;
  db.run(insert(folder));
  for (const std::string options : {"{}", R"({"positions": "sinusoidal"})"}) {
    const auto embed = [&](const std::string& text) {
      return "embed(" + text + ", 'mine', '" + options + "')";
    };
    const std::string text = "replace(hex(zeroblob(256)), '0', 'red ')";  // of 512 tokens
    CHECK(db.one("SELECT " + embed(text) + " = " + embed(text + " || 'green'")) == "1");
  }
}

TEST_CASE("a Model2Vec folder embeds by its own tokenizer", "[sql][models][import]") {
  const ScratchDirectory scratch;
  const std::string folder = scratch.file("model");
  write_folder(folder);
  Database db(place(scratch));
  db.run(insert(folder));
  fs::remove_all(folder);
  CHECK(db.one("SELECT dimensions, tokens FROM kindred_models WHERE name = 'mine'") == "2|4");
  CHECK(db.rows("SELECT token, id FROM tokenize('Greenish red blue', 'mine')") ==
        Rows{"green|2", "##ish|3", "red|1", "[UNK]|NULL"});
  CHECK(db.one("SELECT cosine(embed('reddish RED', 'mine'), '[1,0]') > 0.999999") == "1");
  CHECK(db.one("SELECT cosine(embed('greenish', 'mine'), '[3,5]') > 0.999999") == "1");
  CHECK(db.rows("SELECT token FROM most_similar('red', '[]', 1, 'mine')") == Rows{"[UNK]"});
  CHECK(
      db.one("SELECT vec_to_json(embedding) FROM embedding_table('mine') WHERE token = '##ish'") ==
      "[3,4]");
}

TEST_CASE("a folder with an empty file is refused by what the file lacks",
          "[sql][models][import]") {
  const ScratchDirectory scratch;
  const std::string folder = scratch.file("model");
  Database db;
  write_folder(folder);
  write_file(folder + "/model.safetensors", "");
  check_error(db, insert(folder),
              {"model.safetensors: got a file of 0 bytes, wanted at least 8, which say"});
  write_folder(folder);
  write_file(folder + "/tokenizer.json", "");
  check_error(db, insert(folder), {"tokenizer.json: "});
}

TEST_CASE("a file that is cut short anywhere leaves no model", "[sql][models][import]") {
  const ScratchDirectory scratch;
  const std::string path = scratch.file("app.db"), file = scratch.file("cut");
  const std::string format =
      GENERATE(as<std::string>(), "word2vec text", "word2vec binary", "fastText");
  INFO(format);
  FastTextBytes fasttext;
  std::string whole = format == "fastText" ? fasttext.file() : word_file(format);
  while (whole.back() == '\n') whole.pop_back();
  Database db(GENERATE(true, false) ? path : ":memory:");
  if (GENERATE(true, false)) db.run("BEGIN");
  for (size_t bytes = 0; bytes < whole.size(); bytes += 1 + whole.size() / 40) {
    write_file(file, whole.substr(0, bytes));
    INFO(bytes << " of " << whole.size());
    check_error(db, insert(file), {file});
  }
  CHECK(db.one(kNames) == "default hash");
  CHECK(files(path) == 0);
  write_file(file, word_file("glove"));
  db.run(insert(file));
  CHECK(db.one(kNames) == "default hash mine");
}

TEST_CASE("a folder with a damaged part leaves no model", "[sql][models][import]") {
  const ScratchDirectory scratch;
  const std::string path = scratch.file("app.db"), folder = scratch.file("model");
  write_folder(folder);
  const std::string part =
      folder + GENERATE(as<std::string>(), "/tokenizer.json", "/model.safetensors");
  const std::string whole = file_bytes(part);
  Database db(path);
  for (size_t bytes = 0; bytes < whole.size(); bytes += 11) {
    INFO(part << ": " << bytes << " of " << whole.size());
    write_file(part, whole.substr(0, bytes));
    check_error(db, insert(folder), {folder});
  }
  fs::remove(part);
  check_error(db, insert(folder), {folder, "model.safetensors and tokenizer.json"});
  CHECK(db.one(kNames) == "default hash");
  CHECK(files(path) == 0);
}

TEST_CASE("a model that is refused is not kept open", "[sql][models][import]") {
  const ScratchDirectory scratch;
  const std::string path = scratch.file("app.db");
  Database db(path);
  write_file(scratch.file("three"), lines());
  write_file(scratch.file("two"), "king 1 2\nqueen 3 4\n");
  db.run(insert(scratch.file("three")));
  db.run("CREATE VIRTUAL TABLE items USING kindred(t, model = 'mine')");
  const size_t before = files(path);
  check_error(
      db, "REPLACE INTO kindred_models(name, source) VALUES('mine', '" + scratch.file("two") + "')",
      {"mine", "3 dimensions", "items"});
  CHECK(files(path) == before);
  std::istringstream maps(file_bytes("/proc/self/maps"));
  size_t mapped = 0, deleted = 0;
  for (std::string line; std::getline(maps, line);) {
    if (line.find(path + "-kindred/segments") == std::string::npos) continue;
    ++mapped;
    if (line.ends_with("(deleted)")) ++deleted;
  }
  CHECK(mapped > 0);
  CHECK(deleted == 0);
  CHECK(db.one("SELECT vec_length(embed('king', 'mine'))") == "3");
}

TEST_CASE("a database that is only read has its models", "[sql][models][import]") {
  const ScratchDirectory scratch;
  const std::string path = scratch.file("app.db"), file = scratch.file("vectors");
  write_file(file, lines());
  Database(path).run(insert(file));
  Database db("file:" + path + "?mode=ro");
  CHECK(db.one(kNames) == "default hash mine");
  CHECK(db.one("SELECT vec_length(embed('king', 'mine'))") == "3");
  check_error(db, "INSERT INTO kindred_models(name, source) VALUES('b', '" + file + "')",
              {"readonly"});
  check_error(db, "DELETE FROM kindred_models WHERE name = 'mine'", {"readonly"});
  CHECK(db.one("SELECT token FROM most_similar('king', '[]', 1, 'mine')") == "K\u00f6nig");
}

TEST_CASE("a statement goes on with a model that is deleted meanwhile", "[sql][models][import]") {
  const ScratchDirectory scratch;
  write_file(scratch.file("vectors"), lines());
  Database db(place(scratch));
  db.run(insert(scratch.file("vectors")));
  sqlite3_stmt* raw = nullptr;
  REQUIRE(sqlite3_prepare_v2(db.handle(),
                             "SELECT token, vec_length(embedding) FROM embedding_table('mine')", -1,
                             &raw, nullptr) == SQLITE_OK);
  CHECK(sqlite3_step(raw) == SQLITE_ROW);
  db.run("DELETE FROM kindred_models WHERE name = 'mine'");
  int rows = 1;
  while (sqlite3_step(raw) == SQLITE_ROW) rows += sqlite3_column_int(raw, 1) == 3;
  CHECK(rows == 6);
  CHECK(sqlite3_finalize(raw) == SQLITE_OK);
  check_error(db, "SELECT * FROM embedding_table('mine')", {"no such model: mine"});
}

TEST_CASE("a name that begins as another's does not hold that one", "[sql][models][import]") {
  const ScratchDirectory scratch;
  write_file(scratch.file("vectors"), lines());
  Database db(place(scratch));
  const auto insert_as = [&](const std::string& name) {
    db.run("INSERT INTO kindred_models(name, source) VALUES('" + name + "', '" +
           scratch.file("vectors") + "')");
  };
  insert_as("mine");
  insert_as("mine dim=3");
  insert_as("it''s \"mine\"; --");
  db.run("CREATE VIRTUAL TABLE items USING kindred(t, model = 'mine dim=3')");
  db.run("CREATE VIRTUAL TABLE more USING kindred(t, model = 'it''s \"mine\"; --')");
  db.run("DELETE FROM kindred_models WHERE name = 'mine'");
  check_error(db, "DELETE FROM kindred_models WHERE name = 'mine dim=3'", {"used by items"});
  check_error(db, "DELETE FROM kindred_models WHERE name LIKE 'it%'", {"used by more"});
}
