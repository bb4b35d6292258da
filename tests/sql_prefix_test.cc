// Collections whose index covers the leading dimensions of their vectors only, compared with brute
// force over an ordinary table of the same rows.
// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "tests/support/catch.h"
#include "tests/support/files.h"
#include "tests/support/random.h"
#include "tests/support/sql_functions.h"

using namespace kindred::test;
namespace fs = std::filesystem;

namespace {

constexpr int kRows = 11000;
constexpr size_t kDim = 16;

// Near one of 100 centres, and the first 12 dimensions say the most, as a Matryoshka embedding's
// do.
std::string vector_of(const std::string& number) {
  const auto leading = [](const std::string& seed) { return "random_vector(" + seed + ", 12)"; };
  const std::string centre = leading(number + " % 100");
  return "vec_concat(vec_add(vec_scale(" + centre + ", 2), " + leading(number) +
         "), vec_scale(random_vector(-" + number + ", 4), 0.3))";
}

struct Collection {
  explicit Collection(const std::string& metric, int rows)
      : distance(metric == "dot" ? "-vec_dot" : "vec_distance_" + metric) {
    const SqlFunctions functions(db);
    db.run(
        "CREATE TABLE mirror(id INTEGER PRIMARY KEY, part INTEGER, v BLOB);"
        "CREATE VIRTUAL TABLE items USING kindred(v float[16] distance_metric=" +
        metric + ", part INTEGER, dimensions=12, m=8, ef_construction=64)");
    db.run("BEGIN; INSERT INTO mirror SELECT i, i % 7, " + vector_of("i") + " FROM " +
           numbers(rows) +
           "; INSERT INTO items(rowid, part, v) SELECT id, part, v FROM mirror; COMMIT");
  }

  std::vector<std::string> brute_force(const Database::Parameter& query, int k,
                                       const std::string& where = "1") {
    return db.rows("SELECT id, " + distance + "(v, ?1) AS d FROM mirror WHERE " + where +
                       " ORDER BY d, id LIMIT " + std::to_string(k),
                   {query});
  }
  std::vector<std::string> nearest(const Database::Parameter& query, int k,
                                   const std::string& more = "") {
    return db.rows("SELECT rowid, distance FROM knn('items', ?1, " + std::to_string(k) + more + ")",
                   {query});
  }
  // Whether every way to ask for all of it gives what brute force does.
  void check_exact(Random& random) {
    const Database::Parameter query = blob(random.vector(kDim, 2));
    CHECK(nearest(query, 10, ", NULL, 1") == brute_force(query, 10));
    CHECK(db.rows("SELECT rowid, distance FROM items WHERE v MATCH ?1 AND k = 5 AND part = 3 AND "
                  "exact = 1",
                  {query}) == brute_force(query, 5, "part = 3"));
    db.run("INSERT INTO items(items) VALUES('integrity-check')");
  }
  std::vector<fs::path> files(const std::string& extension) const {
    std::vector<fs::path> found;
    for (const auto& entry : fs::directory_iterator(path + "-kindred/segments"))
      if (entry.path().extension() == extension) found.push_back(entry.path());
    return found;
  }

  ScratchDirectory scratch;
  std::string path = scratch.file("app.db");
  Database db{path};
  std::string distance;
};

}  // namespace

TEST_CASE("dimensions of a vector column leaves its vectors and distances whole", "[sql][prefix]") {
  Database db;
  db.run(
      "CREATE VIRTUAL TABLE items USING kindred(v float[4] distance_metric=l2, dimensions=1);"
      "INSERT INTO items(rowid, v) VALUES (1, '[1, 0, 0, 9]'), (2, '[5, 0, 0, 0]'), "
      "(3, '[1, 0, 0, 1]')");
  CHECK(db.rows("SELECT rowid, distance, vec_to_json(v) FROM items WHERE v MATCH '[1, 0, 0, 0]'") ==
        std::vector<std::string>{"3|1.0|[1,0,0,1]", "2|4.0|[5,0,0,0]", "1|9.0|[1,0,0,9]"});
  check_error(db, "INSERT INTO items(v) VALUES('[1]')", {"4 are wanted", "got 1"});
}

TEST_CASE("log, segments and graph of a prefix answer with the nearest whole vectors",
          "[sql][prefix][graph]") {
  const std::string metric = GENERATE("cosine", "l2", "dot");
  INFO(metric);
  Collection items(metric, kRows);
  Random random(1);
  items.check_exact(random);
  items.db.run("INSERT INTO items(items) VALUES('optimize')");
  REQUIRE(items.files(".graph").size() == 1);
  items.check_exact(random);
  double recall = 0;
  for (int q = 0; q < 40; ++q) {
    const Database::Parameter query = blob(random.vector(kDim, 2));
    const std::vector<std::string> got = items.nearest(query, 10, ", 120");
    CHECK(items.db.rows("SELECT max(is_exact) FROM knn('items', ?1, 10, 120)", {query}) ==
          std::vector<std::string>{"0"});
    const std::vector<std::string> wanted = items.brute_force(query, 10);
    const std::set<std::string> found(got.begin(), got.end());
    for (const std::string& row : wanted) recall += static_cast<double>(found.count(row)) / 400;
  }
  CAPTURE(recall);
  CHECK(recall >= (metric == "dot" ? 0.8 : 0.95));  // as without `dimensions`: 0.88, 0.995
}

TEST_CASE("a collection with dimensions is renamed, changed, copied and mended like any other",
          "[sql][prefix]") {
  Collection items("l2", kRows);
  Database& db = items.db;
  Random random(2);
  db.run("INSERT INTO items(items) VALUES('optimize')");
  db.run("ALTER TABLE items RENAME TO things; ALTER TABLE things RENAME TO items");
  for (const char* table : {"items", "mirror"}) {
    const std::string rowid = table == std::string("items") ? "rowid" : "id";
    db.run("DELETE FROM " + std::string(table) + " WHERE " + rowid + " % 5 = 0");
    db.run("UPDATE " + std::string(table) +
           " SET v = vec_f32('[1,2,3,4,5,6,7,8,9,1,2,3,4,5,6,7]') " + "WHERE " + rowid +
           " % 50 = 1");
  }
  items.check_exact(random);
  SECTION("by optimize") {
    db.run("INSERT INTO items(items) VALUES('optimize')");
  }
  SECTION("from the store, where the segment file is lost") {
    db = Database();  // closes it
    for (const fs::path& file : items.files(".kin")) fs::remove(file);
    db = Database(items.path);
    CHECK(db.one("SELECT count(*) FROM knn('items', zeroblob(64), 10)") == "10");
  }
  SECTION("from the segment file, where the store is lost") {
    db = Database();  // closes it
    fs::remove_all(items.path + "-kindred/rocksdb");
    db = Database(items.path);
    db.run("INSERT INTO items(items) VALUES('rebuild')");
  }
  SECTION("into a backup") {
    const std::string copy = items.scratch.file("copy.db");
    db.one("SELECT kindred_backup('" + copy + "')");
    db = Database();  // closes it
    items.path = copy;
    db = Database(copy);
    CHECK(items.files(".graph").size() == 1);
  }
  items.check_exact(random);
}
