// What a search is told by its inputs, LIMIT and OFFSET, and that it misses no row where it is not
// told all.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include "tests/support/catch.h"
#include "tests/support/random.h"
#include "tests/support/sql_functions.h"

using namespace kindred::test;

namespace {

constexpr int kRows = 12000;

// A collection that is answered by a graph.
void fill(Database& db) {
  const SqlFunctions functions(db);
  db.run(
      "CREATE VIRTUAL TABLE items USING kindred(v float[8] distance_metric=l2, n INTEGER, "
      "m=8, ef_construction=64)");
  db.run("INSERT INTO items(rowid, v, n) SELECT i, random_vector(i, 8), i % 7 FROM " +
         numbers(kRows));
  db.run("INSERT INTO items(items) VALUES('optimize')");
}

double apart(const std::string& metric, const std::vector<float>& a, const std::vector<float>& b) {
  double squares = 0, dot = 0, of_a = 0, of_b = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const double x = a[i], y = b[i];
    squares += (x - y) * (x - y);
    dot += x * y;
    of_a += x * x;
    of_b += y * y;
  }
  if (metric == "l2") return std::sqrt(squares);
  return metric == "dot" ? -dot : 1 - dot / std::sqrt(of_a * of_b);
}

// Rowids, from 1: of the 5k nearest each time the one that is best by what is documented.
std::string chosen_to_differ(const std::string& metric, const std::vector<std::vector<float>>& rows,
                             const std::vector<float>& query, size_t k, double diversity) {
  std::vector<size_t> left(rows.size());
  std::iota(left.begin(), left.end(), size_t{0});
  std::sort(left.begin(), left.end(), [&](size_t a, size_t b) {
    return apart(metric, query, rows[a]) < apart(metric, query, rows[b]);
  });
  left.resize(std::min(left.size(), 5 * k));
  std::string ids;
  std::vector<size_t> chosen;
  while (chosen.size() < k && !left.empty()) {
    const auto score = [&](size_t row) {
      double nearest = chosen.empty() ? 0 : std::numeric_limits<double>::infinity();
      for (const size_t other : chosen)
        nearest = std::min(nearest, apart(metric, rows[row], rows[other]));
      return (1 - diversity) * apart(metric, query, rows[row]) - diversity * nearest;
    };
    const auto best = std::min_element(left.begin(), left.end(),
                                       [&](size_t a, size_t b) { return score(a) < score(b); });
    ids += (ids.empty() ? "" : ",") + std::to_string(*best + 1);
    chosen.push_back(*best);
    left.erase(best);
  }
  return ids;
}

struct Filled {
  ScratchDirectory scratch;
  Database db{scratch.file("app.db")};
  Filled() { fill(db); }
};

}  // namespace

TEST_CASE("inputs of a search may come from another table", "[sql][knn]") {
  Filled filled;
  Database& db = filled.db;
  db.run("CREATE TABLE t(q TEXT, ef INT, ex INT, d REAL)");
  db.run("INSERT INTO t VALUES('[1,1,1,1,1,1,1,1]', 100, 1, 0.5)");
  for (const std::string search :
       {"t, knn('items', t.q, 10, t.ef) k", "t, knn('items', t.q, 10, t.ef, t.ex) k",
        "t, knn('items', t.q, 10, t.ef, t.ex, t.d) k",
        "knn('items', t.q, 10, t.ef, t.ex, t.d) k, t",
        "t, items k WHERE k.v MATCH t.q AND k.k = 10 AND k.ef = t.ef",
        "t, items k WHERE k.v MATCH t.q AND k.k = 10 AND k.exact = t.ex",
        "t, items k WHERE k.v MATCH t.q AND k.k = 10 AND k.diversity = t.d",
        "items k, t WHERE k.v MATCH t.q AND k.k = 10 AND k.exact = t.ex AND t.d > 0",
        "(SELECT 100 AS ef) s, knn('items', '[1,1,1,1,1,1,1,1]', 10, s.ef) k",
        "(SELECT 1 AS ex) s, items k WHERE k.v MATCH '[1,1,1,1,1,1,1,1]' AND k.k = 10 "
        "AND k.exact = s.ex",
        "(SELECT 0.5 AS d) s, items k WHERE k.v MATCH '[1,1,1,1,1,1,1,1]' AND k.k = 10 "
        "AND k.diversity = s.d"}) {
    INFO(search);
    CHECK(db.one("SELECT count(*) FROM " + search) == "10");
  }
  CHECK(db.one("SELECT min(k.is_exact) FROM t, knn('items', t.q, 10, t.ef, t.ex) k") == "1");
  CHECK(db.one("SELECT min(k.is_exact) FROM t, knn('items', t.q, 10, t.ef) k") == "0");
}

TEST_CASE("diverse answers are those of maximal marginal relevance", "[sql][knn]") {
  constexpr size_t kCount = 300;
  Random random(4);
  for (const std::string metric : {"l2", "cosine", "dot"}) {
    Database db;
    db.run("CREATE VIRTUAL TABLE items USING kindred(v float[6] distance_metric=" + metric + ")");
    std::vector<std::vector<float>> rows;
    for (size_t i = 0; i < kCount; ++i) {
      rows.push_back(random.vector(6));
      db.rows("INSERT INTO items(v) VALUES(?1)", {blob(rows.back())});
    }
    for (const double diversity : {0.0, 0.25, 0.5, 0.8, 1.0})
      for (const size_t k : {1, 7, 40, 100}) {
        INFO(metric << ", diversity " << diversity << ", k " << k);
        const std::vector<float> query = random.vector(6);
        const std::vector<std::string> got = db.rows(
            "SELECT group_concat(rowid) FROM (SELECT rowid FROM knn('items', ?1, ?2, NULL, NULL, "
            "?3))",
            {blob(query), integer(static_cast<int64_t>(k)), real(diversity)});
        REQUIRE(got.size() == 1);
        CHECK(got[0] == chosen_to_differ(metric, rows, query, k, diversity));
      }
  }
}

TEST_CASE("an OFFSET without a LIMIT leaves all other rows", "[sql][knn]") {
  Filled filled;
  Database& db = filled.db;
  for (const std::string order : {"", " ORDER BY distance", " ORDER BY distance, rowid"}) {
    INFO(order);
    const std::string rest =
        "SELECT rowid, is_exact FROM knn('items', '[1,2,0,1,0,1,1,0]')" + order;
    CHECK(db.one("SELECT count(*) || ',' || count(DISTINCT rowid) || ',' || min(is_exact) FROM (" +
                 rest + " LIMIT -1 OFFSET 5)") == "11995,11995,1");
    CHECK(db.one("SELECT count(*) || ',' || max(is_exact) FROM (" + rest + " LIMIT 5 OFFSET 5)") ==
          "5,0");
  }
}

TEST_CASE("under a condition that a search is not told it finds all rows that fulfil it",
          "[sql][knn]") {
  Filled filled;
  Database& db = filled.db;
  for (const std::string condition :
       {"rowid > 6000", "rowid < 9000", "rowid BETWEEN 5 AND 9000", "rowid % 2 = 0"}) {
    for (const std::string order : {"", " ORDER BY distance", " ORDER BY distance, rowid"}) {
      INFO(condition << order);
      CHECK(db.one("SELECT count(*) || ',' || min(is_exact) FROM (SELECT is_exact FROM "
                   "knn('items', '[1,2,0,1,0,1,1,0]') WHERE " +
                   condition + order + " LIMIT 20)") == "20,1");
    }
  }
}
