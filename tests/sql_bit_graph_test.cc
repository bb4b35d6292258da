// Bit vectors in a collection large enough for a graph: any history of changes over it, compared
// with brute force over an ordinary table of the same rows. Distances are small integers, so that
// many rows are equally near, and one row in five has twins.
// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <string>
#include <vector>

#include "tests/support/catch.h"
#include "tests/support/random.h"
#include "tests/support/sql_functions.h"

using namespace kindred::test;
namespace fs = std::filesystem;

namespace {

constexpr int kRows = 24000;

// A row near one of 100 centres.
std::string bits_of(const std::string& number) {
  return "vec_quantize_binary(vec_add(vec_add(random_vector(" + number +
         " % 100, 64), random_vector(" + number + " % 100, 64)), random_vector(1000 + iif(" +
         number + " % 5, " + number + ", " + number + " % 300), 64)))";
}

// A collection `marks` and an ordinary table `mirror` with the same rows.
class Marks {
 public:
  explicit Marks(const std::string& path) : db_(path), functions_(db_) {
    db_.run(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;"
        "CREATE TABLE mirror(id INTEGER PRIMARY KEY, v BLOB, year INTEGER, owner INTEGER);"
        "CREATE VIRTUAL TABLE marks USING kindred(v bit[64], year INTEGER, owner INTEGER "
        "PARTITION KEY, m=8, ef_construction=64);"
        "BEGIN; INSERT INTO mirror SELECT i, " +
        bits_of("i") + ", i % 100, i % 4 FROM " + numbers(kRows) +
        "; INSERT INTO marks(rowid, v, year, owner) SELECT id, vec_bit(v), year, owner FROM "
        "mirror; COMMIT");
    optimize();
  }

  Database& db() { return db_; }
  void optimize() { db_.run("INSERT INTO marks(marks) VALUES('optimize')"); }

  // A statement, in which @ stands for the table and # for its rowid, on both.
  void on_both(const std::string& sql) {
    for (const auto& [table, rowid] : {std::pair("marks", "rowid"), std::pair("mirror", "id")}) {
      std::string text;
      for (const char c : sql)
        text += c == '@' ? std::string(table) : c == '#' ? std::string(rowid) : std::string(1, c);
      db_.run(text);
    }
  }

  std::vector<std::string> brute_force(const std::string& query, const std::string& where, int k) {
    return db_.rows("SELECT id, vec_distance_hamming(vec_bit(v), " + query +
                    ") AS distance FROM mirror WHERE " + where + " ORDER BY distance, id LIMIT " +
                    std::to_string(k));
  }

  // "" or what is wrong with the k nearest rows that pass: those that a graph may miss, and those
  // that no search may.
  std::string differs(const std::string& query, const std::string& where, int k) {
    const std::string search = "SELECT rowid, distance, is_exact FROM marks WHERE v MATCH " +
                               query + " AND k = " + std::to_string(k) + " AND " + where;
    const std::vector<std::string> wanted = brute_force(query, where, k);
    std::vector<std::string> exact;
    for (const std::string& row : wanted) exact.push_back(row + "|1");
    if (db_.rows(search + " AND exact = 1") != exact) return "exact: " + search;
    const std::vector<std::string> got = db_.rows(search);
    if (got.size() != wanted.size()) return std::to_string(got.size()) + " rows: " + search;
    double last = -1;
    for (const std::string& row : got) {
      const std::string of_row = row.substr(0, row.rfind('|'));
      const std::string id = row.substr(0, row.find('|'));
      if (brute_force(query, "(" + where + ") AND id = " + id, 2) !=
          std::vector<std::string>{of_row})
        return "row " + row + ": " + search;
      const double distance = std::stod(of_row.substr(of_row.find('|') + 1));
      if (distance < last) return "order at " + row + ": " + search;
      last = distance;
      by_graph_ += row.back() == '0' ? 1 : 0;
      const double farthest = std::stod(wanted.back().substr(wanted.back().find('|') + 1));
      found_ += distance <= farthest ? 1 : 0;
      ++wanted_;
    }
    return "";
  }

  // All rows in a range of distances; all in order; the nearest with a condition of a join.
  std::string stream_differs(const std::string& query) {
    const std::string bound = "distance > 3 AND distance <= 14";
    const std::string knn = "SELECT rowid, distance FROM knn('marks', " + query + ")";
    const std::string all =
        "SELECT id, vec_distance_hamming(vec_bit(v), " + query + ") AS distance FROM mirror";
    if (db_.rows(knn + " WHERE " + bound) !=
        db_.rows("SELECT * FROM (" + all + ") WHERE " + bound + " ORDER BY distance, id"))
      return bound;
    if (db_.rows(knn) != db_.rows(all + " ORDER BY distance, id")) return knn;
    if (db_.rows("SELECT m.id, n.distance FROM knn('marks', " + query +
                 ") AS n JOIN mirror AS m ON m.id = n.rowid WHERE m.year % 10 = 7 ORDER BY "
                 "n.distance, n.rowid LIMIT 12") != brute_force(query, "year % 10 = 7", 12))
      return "join";
    return "";
  }

  double recall() const { return static_cast<double>(found_) / static_cast<double>(wanted_); }
  size_t by_graph() const { return by_graph_; }

 private:
  Database db_;
  SqlFunctions functions_;
  size_t found_ = 0;
  size_t wanted_ = 0;
  size_t by_graph_ = 0;
};

std::string any_query(Random& random) {
  return "vec_bit(" + bits_of(std::to_string(random.below(1000000))) + ")";
}

// One statement on both tables: of a row, of a few hundred, or of many equal ones.
void change(Marks& marks, Random& random) {
  const std::string id = std::to_string(random.below(kRows) + 1);
  const std::string vector = any_query(random);
  switch (random.below(7)) {
    case 0:
      return marks.on_both("DELETE FROM @ WHERE # BETWEEN " + id + " AND " + id + " + 300");
    case 1:
      return marks.on_both("UPDATE @ SET v = " + vector + " WHERE # BETWEEN " + id + " AND " + id +
                           " + 40");
    case 2:
      return marks.on_both("UPDATE @ SET v = " + vector + " WHERE # = " + id);
    case 3:
      return marks.on_both("UPDATE @ SET owner = 3 - owner, year = 99 - year WHERE # % 97 = " +
                           std::to_string(random.below(97)));
    case 4:
      return marks.on_both("DELETE FROM @ WHERE # % 1500 = " + std::to_string(random.below(1500)));
    default:
      return marks.on_both("INSERT OR REPLACE INTO @(#, v, year, owner) VALUES(" + id + ", " +
                           vector + ", " + std::to_string(random.below(100)) + ", " +
                           std::to_string(random.below(4)) + ")");
  }
}

}  // namespace

TEST_CASE("a bit collection with a graph follows an ordinary table through any history",
          "[sql][graph][random]") {
  const ScratchDirectory scratch;
  const uint64_t own = kindred::test::seed(31);
  INFO("seed " << own);
  Random random(own);
  Marks marks(scratch.file("app.db"));
  const int64_t length = steps(40);
  for (int64_t step = 0; step < length; ++step) {
    INFO("step " << step);
    const int64_t frame = random.below(6);
    if (frame < 2) marks.db().run("SAVEPOINT s");
    for (int64_t n = random.below(4); n >= 0; --n) change(marks, random);
    if (step % 20 == 19) marks.optimize();
    const std::string query = any_query(random);
    const auto k = static_cast<int>(random.below(20) + 1);
    REQUIRE(marks.differs(query, "1", k) == "");
    REQUIRE(marks.differs(query, "year < " + std::to_string(random.below(100)), k) == "");
    REQUIRE(marks.differs(query, "owner = " + std::to_string(random.below(4)), k) == "");
    REQUIRE(marks.differs(query, "owner = 1 AND year BETWEEN 10 AND 12", k) == "");
    if (step % 5 == 0) REQUIRE(marks.stream_differs(query) == "");
    if (frame == 0) marks.db().run("ROLLBACK TO s");
    if (frame < 2) marks.db().run("RELEASE s");
    REQUIRE(marks.differs(any_query(random), "1", k) == "");
  }
  CHECK(marks.by_graph() > static_cast<size_t>(length) * 10);
  CAPTURE(marks.recall());
  CHECK(marks.recall() >= 0.97);
  CHECK(marks.db().error("INSERT INTO marks(marks) VALUES('integrity-check')") == "");
}

TEST_CASE("the command recall takes any of the rows at one distance", "[sql][graph]") {
  const ScratchDirectory scratch;
  Marks marks(scratch.file("app.db"));
  marks.db().run("INSERT INTO marks(marks) VALUES('recall')");
  const double recall =
      std::stod(marks.db().one("SELECT value FROM marks_config WHERE key = 'recall'"));
  CHECK(recall >= 0.97);
  CHECK(recall <= 1);
  const auto is_exact = [&] {
    return marks.db().one("SELECT min(is_exact) FROM knn('marks', " + bits_of("77") + ", 10)");
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
    Marks marks(path);
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
  CHECK(db.one("SELECT min(is_exact) FROM knn('marks', " + bits_of("77") + ", 10)") == "0");
}
