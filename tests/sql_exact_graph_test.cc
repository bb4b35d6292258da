// Collections whose graph is of the vectors themselves: any history of changes over them, compared
// with brute force over an ordinary table of the same rows.
// SPDX-License-Identifier: Apache-2.0
#include <string>

#include "tests/support/catch.h"
#include "tests/support/graph_mirror.h"

using namespace kindred::test;

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

}  // namespace

TEST_CASE("a collection with a graph of vectors follows an ordinary table through any history",
          "[sql][graph][random]") {
  const ScratchDirectory scratch;
  const uint64_t own = kindred::test::seed(32);
  INFO("seed " << own);
  Random random(own);
  GraphMirror marks(scratch.file("app.db"), manhattan());
  const int64_t length = steps(30);
  follow_history(marks, random, length);
  CHECK(marks.by_graph() > static_cast<size_t>(length) * 10);
  CAPTURE(marks.recall());
  CHECK(marks.recall() >= 0.97);
  CHECK(marks.db().error("INSERT INTO marks(marks) VALUES('integrity-check')") == "");
}

TEST_CASE("a graph of vectors looks at few of them", "[sql][graph]") {
  const ScratchDirectory scratch;
  GraphMirror marks(scratch.file("app.db"), manhattan());
  Random random(5);
  for (int q = 0; q < 20; ++q)
    CHECK(marks.db().one("SELECT max(visited) < 2000, max(is_exact) FROM knn('marks', " +
                         marks.any_query(random) + ", 10)") == "1|0");
}
