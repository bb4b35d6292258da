// Bit vectors in a collection large enough for a graph: any history of changes over it, compared
// with brute force over an ordinary table of the same rows. Distances are small integers, so that
// many rows are equally near, and one row in five has twins.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/support/catch.h"
#include "tests/support/graph_mirror.h"

using namespace kindred::test;
namespace fs = std::filesystem;

namespace {

// A row near one of 100 centres, not so near that a search from elsewhere would not find there.
std::string bits_of(const std::string& number) {
  return "vec_quantize_binary(vec_add(random_vector(" + number +
         " % 100, 64), random_vector(1000 + " + number_with_twins(number) + ", 64)))";
}

GraphMirrorKind bits() {
  return {.column = "bit[64]",
          .options = "",
          .distance = "vec_distance_hamming",
          .type = "vec_bit",
          .range = "distance > 9 AND distance <= 15",
          .rows = 30000,
          .vector = bits_of};
}

}  // namespace

TEST_CASE("a bit collection with a graph follows an ordinary table through any history",
          "[sql][graph][random]") {
  const ScratchDirectory scratch;
  const uint64_t own = kindred::test::seed(31);
  INFO("seed " << own);
  Random random(own);
  GraphMirror marks(scratch.file("app.db"), bits());
  marks.db().run("INSERT INTO marks(marks) VALUES('ef=64')");  // with more, scans are as fast
  const int64_t length = steps(40);
  follow_history(marks, random, length);
  // Of a long history most is scanned: too few rows are left.
  CHECK(marks.by_graph() > static_cast<size_t>(std::min<int64_t>(length, 40)) * 10);
  CAPTURE(marks.recall());
  CHECK(marks.recall() >= 0.97);
  CHECK(marks.db().error("INSERT INTO marks(marks) VALUES('integrity-check')") == "");
}

TEST_CASE("the command recall takes any of the rows at one distance", "[sql][graph]") {
  const ScratchDirectory scratch;
  GraphMirror marks(scratch.file("app.db"), bits());
  marks.db().run("INSERT INTO marks(marks) VALUES('recall')");
  const double recall =
      std::stod(marks.db().one("SELECT value FROM marks_config WHERE key = 'recall'"));
  CHECK(recall >= 0.97);
  CHECK(recall <= 1);
  const auto is_exact = [&] {
    return marks.db().one("SELECT min(is_exact) FROM knn('marks', " + bits_of("77") + ", 10, 64)");
  };
  CHECK(is_exact() == "0");
  marks.on_both("DELETE FROM @ WHERE # > 19000");
  marks.optimize();  // so few bits are scanned as fast
  CHECK(is_exact() == "1");
}

TEST_CASE("a graph of bit vectors that is damaged or lost is built anew", "[sql][graph][damage]") {
  const ScratchDirectory scratch;
  const std::string path = scratch.file("app.db");
  fs::path graph;
  {
    const GraphMirror marks(path, bits());
    for (const auto& entry : fs::directory_iterator(path + "-kindred/segments"))
      if (entry.path().extension() == ".graph") graph = entry.path();
  }
  REQUIRE_FALSE(graph.empty());
  const uint64_t bytes = fs::file_size(graph);
  SECTION("lost") {
    fs::remove(graph);
  }
  SECTION("cut") {
    fs::resize_file(graph, bytes / 2);
  }
  SECTION("with flipped bits") {
    for (uint64_t at = 5000; at < bytes; at += 4096) flip_bit(graph, at);
  }
  Database db(path);
  const SqlFunctions functions(db);
  const std::string search = "SELECT rowid, distance FROM knn('marks', " + bits_of("77") + ", 10)";
  CHECK(db.rows(search) == db.rows("SELECT id, vec_distance_hamming(vec_bit(v), " + bits_of("77") +
                                   ") AS d FROM mirror ORDER BY d, id LIMIT 10"));
  db.run("INSERT INTO marks(marks) VALUES('optimize')");
  CHECK(fs::file_size(graph) == bytes);
  CHECK(db.one("SELECT min(is_exact) FROM knn('marks', " + bits_of("77") + ", 10, 64)") == "0");
}
