// Collections whose graph is of the vectors themselves: any history of changes over them, compared
// with brute force over an ordinary table of the same rows.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/catch.h"
#include "tests/support/graph_mirror.h"

using namespace kindred::test;
namespace fs = std::filesystem;

namespace {

// A row near one of 100 centres.
std::string floats_of(const std::string& number) {
  return "vec_add(vec_scale(random_vector(" + number + " % 100, 16), 2), random_vector(1000 + " +
         number_with_twins(number) + ", 16))";
}

// Of small integers: under l1 many rows are equally near.
std::string integers_of(const std::string& number) {
  return "vec_f32(vec_to_json(vec_quantize_int8(vec_scale(" + floats_of(number) +
         ", 0.015), 'unit')))";
}

GraphMirrorKind manhattan() {
  return {.column = "float[16] distance_metric=l1",
          .options = "",
          .distance = "vec_distance_l1",
          .type = "vec_f32",
          .range = "distance > 3 AND distance <= 20",
          .rows = 12000,
          .vector = integers_of};
}

GraphMirrorKind without_codes(const std::string& metric) {
  return {.column = "float[16] distance_metric=" + metric,
          .options = ", quantize='none'",
          .distance = metric == "dot" ? "-vec_dot" : "vec_distance_" + metric,
          .type = "vec_f32",
          .range = metric == "cosine" ? "distance > 0.1 AND distance <= 0.4"
                   : metric == "l2"   ? "distance > 2 AND distance <= 5"
                                      : "distance < -60",
          .rows = 12000,
          .vector = floats_of};
}

}  // namespace

TEST_CASE("a collection with a graph of vectors follows an ordinary table through any history",
          "[sql][graph][random]") {
  const ScratchDirectory scratch;
  const uint64_t own = kindred::test::seed(32);
  INFO("seed " << own);
  Random random(own);
  const std::string metric = GENERATE("l1", "cosine", "l2", "dot");
  INFO(metric);
  GraphMirror marks(scratch.file("app.db"), metric == "l1" ? manhattan() : without_codes(metric));
  const int64_t length = steps(metric == "l1" ? 30 : 12);
  follow_history(marks, random, length);
  // Of a long history most is scanned: too few rows are left.
  CHECK(marks.by_graph() > static_cast<size_t>(std::min<int64_t>(length, 30)) * 10);
  CAPTURE(marks.recall());
  CHECK(marks.recall() >= (metric == "dot" ? 0.9 : 0.97));
  CHECK(marks.db().error("INSERT INTO marks(marks) VALUES('integrity-check')") == "");
}

TEST_CASE("a graph of vectors looks at few of them", "[sql][graph]") {
  const ScratchDirectory scratch;
  const bool l1 = GENERATE(true, false);
  GraphMirror marks(scratch.file("app.db"), l1 ? manhattan() : without_codes("cosine"));
  Random random(5);
  for (int q = 0; q < 20; ++q)
    CHECK(marks.db().one("SELECT max(visited) < 2000, max(is_exact) FROM knn('marks', " +
                         marks.any_query(random) + ", 10)") == "1|0");
}

TEST_CASE("an order that is not by distance is one of all rows, whatever the LIMIT",
          "[sql][graph]") {
  const ScratchDirectory scratch;
  GraphMirror marks(scratch.file("app.db"), manhattan());
  Random random(7);
  const std::string from =
      "SELECT rowid, is_exact FROM knn('marks', " + marks.any_query(random) + ") WHERE ";
  for (const std::string order : {"rowid", "distance DESC, rowid", "rowid DESC", "-distance"}) {
    INFO(order);
    const std::string last = " ORDER BY " + order + " LIMIT 5 OFFSET 2";
    CHECK(marks.db().rows(from + "ef = 1" + last) == marks.db().rows(from + "exact = 1" + last));
  }
}

TEST_CASE("rows as near come by rowid where that is asked for, and others are passed over",
          "[sql][graph]") {
  const ScratchDirectory scratch;
  GraphMirror marks(scratch.file("app.db"), manhattan());
  Random random(6);
  for (int q = 0; q < 30; ++q) {
    const std::string query = marks.any_query(random);
    const std::string last =
        marks.db().one("SELECT max(distance) FROM knn('marks', " + query + ", 30)");
    const std::string knn = "FROM knn('marks', " + query;
    const std::string match = "FROM marks WHERE v MATCH " + query;
    for (const auto& [where, order] :
         {std::pair(knn + ") WHERE distance > " + last, "rowid LIMIT 50"),
          std::pair(knn + ") WHERE distance >= " + last, "rowid LIMIT 20 OFFSET 20"),
          std::pair(knn + ", 50) WHERE distance > " + last, "rowid"),
          std::pair(knn + ") WHERE rowid > 6000", "rowid LIMIT 50"),
          std::pair(match + " AND k = 50 AND distance > " + last, "rowid"),
          std::pair(match + " AND distance > " + last, "rowid LIMIT 50")}) {
      const std::string search = "SELECT rowid, distance " + where;
      INFO(search);
      const std::string by_both = " ORDER BY distance, " + std::string(order);
      CHECK(marks.db().rows(search + by_both) ==
            marks.db().rows(search + " AND exact = 1" + by_both));
    }
    CHECK(marks.db().one("SELECT is_exact " + knn + ") WHERE distance > " + last +
                         " ORDER BY distance LIMIT 50") == "0");
    CHECK(marks.db().one("SELECT is_exact " + knn + ") ORDER BY distance, rowid LIMIT 50") == "0");
  }
}

TEST_CASE("a collection without codes is reopened, changed, copied and mended like any other",
          "[sql][graph]") {
  const ScratchDirectory scratch;
  std::string path = scratch.file("app.db");
  const auto files = [&](const std::string& extension) {
    std::vector<fs::path> found;
    for (const auto& entry : fs::directory_iterator(path + "-kindred/segments"))
      if (entry.path().extension() == extension) found.push_back(entry.path());
    return found;
  };
  const std::string query = "vec_f32(" + floats_of("77") + ")";
  const std::string wanted =
      "SELECT id, vec_distance_l2(v, " + query + ") AS d FROM mirror ORDER BY d, id LIMIT 12";
  {
    GraphMirror marks(path, without_codes("l2"));
    marks.on_both("DELETE FROM @ WHERE # % 10 = 0");
    marks.on_both("UPDATE @ SET v = " + query + " WHERE # % 500 = 1");
  }
  SECTION("by another connection") {
    const Database other(path);
  }
  SECTION("by optimize") {
    Database(path).run("INSERT INTO marks(marks) VALUES('optimize')");
    REQUIRE(files(".kin").size() == 1);
    // Vectors, four numbers and an id a row.
    CHECK(fs::file_size(files(".kin")[0]) < 10900 * (64 + 4 * 4 + 8) + 10 * 4096);
  }
  SECTION("from the store, where the segment file is lost") {
    for (const fs::path& file : files(".kin")) fs::remove(file);
  }
  SECTION("from the segment file, where the store is lost") {
    fs::remove_all(path + "-kindred/rocksdb");
    Database(path).run("INSERT INTO marks(marks) VALUES('rebuild')");
  }
  SECTION("into a backup") {
    const std::string copy = scratch.file("copy.db");
    Database(path).one("SELECT kindred_backup('" + copy + "')");
    path = copy;
    CHECK(files(".graph").size() == 1);
  }
  Database db(path);
  const SqlFunctions functions(db);
  CHECK(db.rows("SELECT rowid, distance FROM knn('marks', " + query + ", 12, NULL, 1)") ==
        db.rows(wanted));
  CHECK(db.rows("SELECT rowid, distance FROM knn('marks', " + query + ", 12)") == db.rows(wanted));
  db.run("INSERT INTO marks(marks) VALUES('integrity-check')");
  db.run("INSERT INTO marks(marks) VALUES('optimize')");
  CHECK(db.one("SELECT max(is_exact) FROM knn('marks', " + query + ", 12)") == "0");
}

TEST_CASE("text without codes is embedded, searched and rebuilt", "[sql][collection]") {
  const ScratchDirectory scratch;
  const std::string path = scratch.file("app.db");
  {
    Database db(path);
    db.run(
        "CREATE VIRTUAL TABLE faq USING kindred(question, quantize='none');"
        "INSERT INTO faq(question) VALUES('How do I reset my password?'), ('Where is my parcel?');"
        "INSERT INTO faq(faq) VALUES('optimize')");
  }
  Database db(path);
  CHECK(db.one("SELECT rowid FROM knn('faq', 'a lost password', 1)") == "1");
  db.run("INSERT INTO faq(faq) VALUES('rebuild'); INSERT INTO faq(faq) VALUES('integrity-check')");
  CHECK(db.one("SELECT distance = vec_distance_cosine(embed('parcels'), embed('Where is my "
               "parcel?')) FROM knn('faq', 'parcels', 1)") == "1");
}
