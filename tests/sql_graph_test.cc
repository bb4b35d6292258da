// Collections large enough that knn() is answered by graphs, compared with brute force over an
// ordinary table of the same rows.
// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "tests/support/catch.h"
#include "tests/support/random.h"
#include "tests/support/sql_functions.h"

using namespace kindred::test;
namespace fs = std::filesystem;

namespace {

constexpr int kRows = 11000;
constexpr size_t kDim = 8;

Database::Parameter any_query(Random& random) {
  return blob(random.vector(kDim, 2));
}

void optimize(Database& db) {
  db.run("INSERT INTO items(items) VALUES('optimize')");
}

// Inserts rows `first` to `last` into the collection and the table beside it; `part` is rowid %
// 100.
void insert(Database& db, int first, int last) {
  const SqlFunctions functions(db);
  const std::string rows = "SELECT i + " + std::to_string(first - 1) + " AS id, (i + " +
                           std::to_string(first - 1) + ") % 100 AS part, random_vector(i + " +
                           std::to_string(first - 1) + ", 8) AS v FROM " +
                           numbers(last - first + 1);
  db.run("BEGIN; INSERT INTO mirror(id, part, v) " + rows +
         "; INSERT INTO items(rowid, part, v) SELECT id, part, v FROM mirror WHERE id BETWEEN " +
         std::to_string(first) + " AND " + std::to_string(last) + "; COMMIT");
}

// A statement, in which @ stands for the table and # for its rowid, on both.
void on_both(Database& db, const std::string& sql) {
  for (const auto& [table, rowid] : {std::pair("items", "rowid"), std::pair("mirror", "id")}) {
    std::string text;
    for (const char c : sql)
      text += c == '@' ? std::string(table) : c == '#' ? std::string(rowid) : std::string(1, c);
    db.run(text);
  }
}

// A database with an optimized collection, a copy of one that is made once.
struct Graphed {
  Graphed() : path(scratch.file("app.db")) {
    static const ScratchDirectory of_all;
    static const std::string made = make(of_all.file("app.db"));
    fs::copy_file(made, path);
    fs::copy(made + "-kindred", path + "-kindred", fs::copy_options::recursive);
  }
  static std::string make(const std::string& path) {
    Database db(path);
    db.run(
        "PRAGMA journal_mode=WAL; CREATE TABLE mirror(id INTEGER PRIMARY KEY, part INT, v BLOB);"
        "CREATE VIRTUAL TABLE items USING kindred(v float[8] distance_metric=l2, part INTEGER, "
        "m=8, ef_construction=64)");
    insert(db, 1, kRows);
    optimize(db);
    db.run("PRAGMA wal_checkpoint(TRUNCATE)");
    return path;
  }
  std::vector<fs::path> files(const std::string& extension) const {
    std::vector<fs::path> found;
    for (const auto& entry : fs::directory_iterator(path + "-kindred/segments"))
      if (entry.path().extension() == extension) found.push_back(entry.path());
    return found;
  }
  fs::path graph() const { return files(".graph").at(0); }

  ScratchDirectory scratch;
  std::string path;
};

std::vector<std::string> brute_force(Database& db, const Database::Parameter& query, int k,
                                     const std::string& where = "1") {
  return db.rows("SELECT id, vec_distance_l2(v, ?1) AS d FROM mirror WHERE " + where +
                     " ORDER BY d, id LIMIT " + std::to_string(k),
                 {query});
}

std::vector<std::string> nearest(Database& db, const Database::Parameter& query, int k) {
  return db.rows("SELECT rowid, distance FROM knn('items', ?1, " + std::to_string(k) + ")",
                 {query});
}

// visited and is_exact of such a search.
std::pair<int, bool> effort(Database& db, const Database::Parameter& query, int k = 10,
                            const std::string& more = "NULL, NULL") {
  const std::string row = db.rows("SELECT max(visited), max(is_exact) FROM knn('items', ?1, " +
                                      std::to_string(k) + ", " + more + ")",
                                  {query})
                              .at(0);
  return {std::stoi(row), row.back() == '1'};
}

// The part of `wanted` that is in `got`, both rows with their true distances.
double share(const std::vector<std::string>& got, const std::vector<std::string>& wanted) {
  const std::set<std::string> all(got.begin(), got.end());
  size_t found = 0;
  for (const std::string& row : wanted) found += all.count(row);
  return wanted.empty() ? 1 : static_cast<double>(found) / static_cast<double>(wanted.size());
}

// "" or what is wrong with an answer of k rows: a row that is not there or at another distance, the
// order, their number. Of a single answer many rows have to be missing: threads build a graph a
// little differently each time.
std::string wrong(Database& db, const Database::Parameter& query, int k,
                  const std::vector<std::string>& got, const std::string& where = "1") {
  const std::vector<std::string> wanted = brute_force(db, query, k, where);
  if (got.size() != wanted.size()) return std::to_string(got.size()) + " rows";
  double last = -1;
  for (const std::string& row : got) {
    const size_t bar = row.find('|');
    const std::vector<std::string> truth =
        db.rows("SELECT id, vec_distance_l2(v, ?1) FROM mirror WHERE (" + where +
                    ") AND id = " + row.substr(0, bar),
                {query});
    if (truth != std::vector<std::string>{row}) return "row " + row;
    const double distance = std::stod(row.substr(bar + 1));
    if (distance < last) return "order at " + row;
    last = distance;
  }
  const double found = share(got, wanted);
  return found < 0.55 ? "found " + std::to_string(found) : "";
}

}  // namespace

TEST_CASE("knn of an optimized collection is answered by a graph", "[sql][graph]") {
  const Graphed graphed;
  CHECK(graphed.files(".graph").size() == 1);
  Database db(graphed.path);
  Random random(1);
  double recall = 0;
  for (int q = 0; q < 50; ++q) {
    const Database::Parameter query = any_query(random);
    const std::vector<std::string> got = nearest(db, query, 10);
    CHECK(wrong(db, query, 10, got) == "");
    recall += share(got, brute_force(db, query, 10)) / 50;
    const auto [visited, is_exact] = effort(db, query);
    CHECK_FALSE(is_exact);
    CHECK(visited < kRows / 5);
  }
  CAPTURE(recall);
  CHECK(recall >= 0.98);
}

TEST_CASE("exact = 1 gives what brute force gives and says so", "[sql][graph]") {
  const Graphed graphed;
  Database db(graphed.path);
  Random random(2);
  for (int q = 0; q < 20; ++q) {
    const Database::Parameter query = any_query(random);
    CHECK(db.rows("SELECT rowid, distance FROM knn('items', ?1, 25, NULL, 1)", {query}) ==
          brute_force(db, query, 25));
    CHECK(db.rows("SELECT rowid, distance FROM knn('items', ?1) WHERE k = 25 AND exact = 1",
                  {query}) == brute_force(db, query, 25));
    CHECK(effort(db, query, 25, "NULL, 1").second);
    CHECK_FALSE(effort(db, query, 25, "NULL, 0").second);
  }
}

TEST_CASE("a backup has the graphs of its collections", "[sql][graph][backup]") {
  const Graphed graphed;
  const std::string copy = graphed.scratch.file("copy.db");
  Database(graphed.path).run("SELECT kindred_backup('" + copy + "')");
  fs::remove_all(graphed.path + "-kindred");
  Database db(copy);
  Random random(3);
  const auto [visited, is_exact] = effort(db, any_query(random));
  CHECK_FALSE(is_exact);
  CHECK(visited < kRows / 5);
  CHECK(db.error("INSERT INTO items(items) VALUES('integrity-check')") == "");
}

TEST_CASE("values of ef and exact that are none are refused", "[sql][graph]") {
  const Graphed graphed;
  Database db(graphed.path);
  const std::string knn = "SELECT rowid FROM knn('items', '[1,2,3,4,5,6,7,8]', 10, ";
  check_error(db, knn + "0)", {"knn(): ef: ", "at least 1 is wanted", "got INTEGER 0"});
  check_error(db, knn + "-5)", {"knn(): ef: ", "got INTEGER -5"});
  check_error(db, knn + "1.5)", {"knn(): ef: ", "an integer", "1.5"});
  check_error(db, knn + "'many')", {"knn(): ef: ", "an integer", "many"});
  check_error(db, knn + "x'00')", {"knn(): ef: ", "BLOB"});
  check_error(db, knn + "64, 2)", {"knn(): exact: 0 or 1 is wanted", "got INTEGER 2"});
  check_error(db, knn + "64, -1)", {"knn(): exact: 0 or 1 is wanted", "got INTEGER -1"});
  check_error(db, knn + "64, 0.5)", {"knn(): exact: 0 or 1 is wanted", "0.5"});
  check_error(db, knn + "64, 'yes')", {"knn(): exact: 0 or 1 is wanted", "yes"});
  for (const std::string command : {"ef=0", "ef=-1", "ef=", "ef=x", "ef=1.5", "ef=5 "})
    check_error(db, "INSERT INTO items(items) VALUES('" + command + "')",
                {"items: ", "ef=<rows>", "got TEXT"});
  CHECK(db.rows(knn + "NULL, NULL)") == db.rows(knn + "64, 0)"));
  CHECK(db.rows(knn + "9223372036854775807)").size() == 10);
}

TEST_CASE("the command ef sets the effort of searches that say nothing", "[sql][graph]") {
  const Graphed graphed;
  const Database::Parameter query = blob({1, 0, 1, 0, 1, 0, 1, 0});
  int usual = 0;
  {
    Database db(graphed.path);
    Database other(graphed.path);
    usual = effort(db, query).first;
    CHECK(effort(other, query).first == usual);
    db.run("INSERT INTO items(items) VALUES('ef=120')");
    CHECK(effort(db, query).first > usual * 4 / 3);
    CHECK(effort(other, query).first > usual * 4 / 3);
  }
  Database db(graphed.path);
  Database other(graphed.path);
  const int more = effort(db, query).first;
  CHECK(more > usual * 4 / 3);
  CHECK(more == effort(db, query, 10, "120").first);
  CHECK(effort(db, query, 10, "64").first == usual);
  db.run("BEGIN; INSERT INTO items(items) VALUES('ef=64')");
  CHECK(effort(db, query).first == usual);
  db.run("ROLLBACK");
  CHECK(effort(db, query).first == more);
  db.run("INSERT INTO items(items) VALUES('ef=default')");
  CHECK(effort(db, query).first == usual);
  CHECK(effort(other, query).first == usual);
}

TEST_CASE("a stream of a collection with a graph is complete and ascends", "[sql][graph]") {
  const Graphed graphed;
  Database db(graphed.path);
  Random random(3);
  for (int q = 0; q < 4; ++q) {
    const Database::Parameter query = any_query(random);
    CHECK(db.rows("SELECT count(*), count(DISTINCT rowid), min(distance >= before) FROM (SELECT "
                  "rowid, distance, lag(distance, 1, -1) OVER (ROWS UNBOUNDED PRECEDING) AS before "
                  "FROM knn('items', ?1))",
                  {query}) == std::vector<std::string>{"11000|11000|1"});
    const std::vector<std::string> first = db.rows(
        "SELECT rowid, distance FROM knn('items', ?1) ORDER BY distance LIMIT 300", {query});
    CHECK(wrong(db, query, 300, first) == "");
    CHECK(wrong(db, query, 5,
                db.rows("SELECT m.id, distance FROM knn('items', ?1) AS k JOIN mirror AS m ON m.id "
                        "= k.rowid WHERE m.part + 0 = 7 ORDER BY distance LIMIT 5",
                        {query}),
                "part = 7") == "");
  }
}

TEST_CASE("a bound on the distance misses no row", "[sql][graph]") {
  const Graphed graphed;
  Database db(graphed.path);
  Random random(4);
  for (int q = 0; q < 6; ++q) {
    const Database::Parameter query = any_query(random);
    for (const std::string bound : {"d < 2.2", "d <= 3.5", "d > 2.5 AND d < 2.9", "d < 0"}) {
      INFO(bound);
      std::string where = bound;
      for (size_t at = where.find('d'); at != std::string::npos; at = where.find('d', at + 2))
        where.replace(at, 1, "distance");
      CHECK(db.rows("SELECT rowid, distance FROM knn('items', ?1) WHERE " + where, {query}) ==
            db.rows("SELECT id, vec_distance_l2(v, ?1) AS d FROM mirror WHERE " + bound +
                        " ORDER BY d, id",
                    {query}));
    }
  }
}

TEST_CASE("deleted, updated and new rows are as they are now, whatever the graph has",
          "[sql][graph]") {
  const Graphed graphed;
  Database db(graphed.path);
  Random random(5);
  insert(db, kRows + 1, kRows + 700);
  const auto check = [&](const std::string& when) {
    INFO(when);
    double recall = 0;
    for (int q = 0; q < 12; ++q) {
      const Database::Parameter query = any_query(random);
      const std::vector<std::string> got = nearest(db, query, 10);
      CHECK(wrong(db, query, 10, got) == "");
      CHECK_FALSE(effort(db, query).second);
      recall += share(got, brute_force(db, query, 10)) / 12;
    }
    CHECK(recall >= 0.95);
  };
  check("inserted");
  on_both(db, "DELETE FROM @ WHERE # % 9 = 2");
  check("deleted");
  on_both(db,
          "UPDATE @ SET v = vec_f32(vec_add(v, vec_f32('[1,0,0,0,0,0,0,-1]'))) WHERE # % 11 = 3");
  check("updated");
  // The nearest rows of a query, all of them, one after the other.
  const Database::Parameter query = any_query(random);
  for (int i = 0; i < 60; ++i) {
    const std::string id = std::to_string(std::stoi(nearest(db, query, 1).at(0)));
    on_both(db, i % 2 == 0 ? "DELETE FROM @ WHERE # = " + id
                           : "UPDATE @ SET v = '[9,9,9,9,9,9,9,9]' WHERE # = " + id);
    if (i % 10 == 9) CHECK(wrong(db, query, 10, nearest(db, query, 10)) == "");
  }
  db.run("BEGIN");
  on_both(db, "DELETE FROM @ WHERE # % 7 = 1");
  check("in a transaction");
  db.run("ROLLBACK");
  check("rolled back");
  db.run("INSERT INTO items(items) VALUES('integrity-check')");
}

TEST_CASE("a reader keeps its snapshot while optimize replaces segment and graph",
          "[sql][graph][snapshot]") {
  const Graphed graphed;
  Database reader(graphed.path);
  Database writer(graphed.path);
  Random random(6);
  reader.run("BEGIN; SELECT count(*) FROM mirror");
  const auto check = [&](Database& db) {
    for (int q = 0; q < 10; ++q) {
      const Database::Parameter query = any_query(random);
      CHECK(wrong(db, query, 10, nearest(db, query, 10)) == "");
    }
  };
  on_both(writer, "DELETE FROM @ WHERE # % 20 = 3");
  insert(writer, kRows + 1, kRows + 500);
  optimize(writer);
  check(reader);
  check(writer);
  CHECK(reader.one("SELECT count(*) FROM knn('items', '[1,2,3,4,5,6,7,8]')") == "11000");
  optimize(writer);
  check(reader);
  reader.run("COMMIT");
  CHECK_FALSE(effort(reader, any_query(random)).second);
  check(reader);
}

TEST_CASE("optimize that is rolled back or interrupted leaves right answers", "[sql][graph]") {
  const Graphed graphed;
  Database db(graphed.path);
  Random random(7);
  const auto check = [&] {
    for (int q = 0; q < 8; ++q) {
      const Database::Parameter query = any_query(random);
      CHECK(wrong(db, query, 10, nearest(db, query, 10)) == "");
    }
  };
  SECTION("rolled back") {
    on_both(db, "DELETE FROM @ WHERE # % 20 = 3");
    db.run("BEGIN");
    optimize(db);
    check();
    db.run("ROLLBACK");
    check();
  }
  SECTION("interrupted while a graph is built") {
    fs::remove(graphed.graph());
    std::atomic<bool> ended{false};
    std::thread other([&] {
      while (!ended) sqlite3_interrupt(db.handle());
    });
    const std::string error = db.error("INSERT INTO items(items) VALUES('optimize')");
    ended = true;
    other.join();
    CHECK(error.find("interrupt") != std::string::npos);
    CHECK(graphed.files(".graph").empty());
    CHECK(graphed.files(".graph-draft").empty());
    check();
  }
  optimize(db);
  CHECK_FALSE(effort(db, any_query(random)).second);
  check();
}

TEST_CASE("a graph file that is lost or damaged costs speed, no answer, and optimize mends it",
          "[sql][graph][damage]") {
  const Graphed graphed;
  const fs::path file = graphed.graph();
  const uint64_t bytes = fs::file_size(file);
  bool is_unusable = true;
  bool reopens = false;  // in between: nobody knows of the damage
  SECTION("lost") {
    fs::remove(file);
  }
  SECTION("empty") {
    fs::resize_file(file, 0);
  }
  SECTION("cut") {
    fs::resize_file(file, bytes / 2);
  }
  SECTION("with another header") {
    flip_bit(file, 17);
  }
  SECTION("of another segment") {
    const fs::path other = graphed.scratch.file("other.db");
    Graphed::make(other.string());
    for (const auto& entry : fs::directory_iterator(other.string() + "-kindred/segments"))
      if (entry.path().extension() == ".graph")
        fs::copy_file(entry.path(), file, fs::copy_options::overwrite_existing);
  }
  SECTION("with flipped bits where every search comes") {
    reopens = GENERATE(false, true);
    for (uint64_t at = 4096 + 100; at < bytes - 4096; at += 4096) flip_bit(file, at);
  }
  SECTION("with a few flipped bits somewhere") {
    is_unusable = false;
    reopens = true;
    for (uint64_t at = bytes / 3; at < bytes; at += bytes / 5) flip_bit(file, at);
  }
  Database db(graphed.path);
  Random random(8);
  for (int q = 0; q < 20; ++q) {
    const Database::Parameter query = any_query(random);
    const std::vector<std::string> got = nearest(db, query, 10);
    CHECK(wrong(db, query, 10, got) == "");
    if (!is_unusable) continue;
    CHECK(got == brute_force(db, query, 10));
    CHECK(effort(db, query).second);
  }
  if (reopens) {
    db = Database();
    db = Database(graphed.path);
  }
  optimize(db);
  CHECK(fs::file_size(file) == bytes);
  for (int q = 0; q < 20; ++q) {
    const Database::Parameter query = any_query(random);
    CHECK(wrong(db, query, 10, nearest(db, query, 10)) == "");
    CHECK_FALSE(effort(db, query).second);
  }
}

TEST_CASE("filters on columns get k rows from a collection with a graph", "[sql][graph][filter]") {
  const Graphed graphed;
  Database db(graphed.path);
  Random random(9);
  for (const int parts : {0, 1, 10, 50, 90, 99, 100})
    for (int q = 0; q < 6; ++q) {
      const Database::Parameter query = any_query(random);
      const std::string where = "part < " + std::to_string(parts);
      INFO(where);
      CHECK(wrong(db, query, 10,
                  db.rows(
                      "SELECT rowid, distance FROM items WHERE v MATCH ?1 AND k = 10 AND " + where,
                      {query}),
                  where) == "");
      CHECK(wrong(db, query, 10,
                  db.rows("SELECT rowid, distance FROM knn('items', ?1, 10) WHERE rowid IN (SELECT "
                          "id FROM mirror WHERE " +
                              where + ")",
                          {query}),
                  where) == "");
    }
  // The rows nearest to the query, and all but those.
  for (const std::string order : {"", "DESC"}) {
    const Database::Parameter query = any_query(random);
    db.rows("UPDATE mirror SET part = 0");
    db.rows(
        "UPDATE mirror SET part = 1 WHERE id IN (SELECT id FROM mirror ORDER BY "
        "vec_distance_l2(v, ?1) " +
            order + " LIMIT 10200)",
        {query});
    CHECK(wrong(db, query, 10,
                db.rows("SELECT rowid, distance FROM knn('items', ?1, 10) WHERE rowid IN (SELECT "
                        "id FROM mirror WHERE part = 1)",
                        {query}),
                "part = 1") == "");
  }
}

TEST_CASE("filters find their rows wherever these lie from the query", "[sql][graph][filter]") {
  const Graphed graphed;
  Database db(graphed.path);
  Random random(21);
  constexpr int kQueries = 3;
  const int rows = std::stoi(db.one("SELECT count(*) FROM mirror"));
  std::map<std::pair<double, double>, double> recall;
  for (int q = 0; q < kQueries; ++q) {
    const Database::Parameter query = any_query(random);
    db.rows(
        "UPDATE mirror SET part = r.place FROM (SELECT id, row_number() OVER (ORDER BY "
        "vec_distance_l2(v, ?1)) AS place FROM mirror) r WHERE r.id = mirror.id",
        {query});
    db.run("UPDATE items SET part = m.part FROM mirror m WHERE m.id = items.rowid");
    for (const double passing : {0.001, 0.01, 0.05, 0.1, 0.5, 0.9})
      for (const double nearer : {0.0, 0.03, 0.5, 1.0}) {  // of those that do not pass
        const int behind = static_cast<int>(nearer * (1 - passing) * rows);
        const std::string where = "part BETWEEN " + std::to_string(behind + 1) + " AND " +
                                  std::to_string(behind + static_cast<int>(passing * rows));
        INFO(where);
        const std::vector<std::string> got = db.rows(
            "SELECT rowid, distance FROM items WHERE v MATCH ?1 AND k = 10 AND " + where, {query});
        CHECK(wrong(db, query, 10, got, where) == "");
        recall[{passing, nearer}] += share(got, brute_force(db, query, 10, where)) / kQueries;
        const std::vector<std::string> streamed =
            db.rows("SELECT rowid, distance FROM items WHERE v MATCH ?1 AND " + where +
                        " ORDER BY distance LIMIT 10",
                    {query});
        CHECK(wrong(db, query, 10, streamed, where) == "");
      }
  }
  for (const auto& [cell, found] : recall) {
    INFO(cell.first << " pass, behind " << cell.second << " of the others");
    CHECK(found >= 0.9);
  }
}

TEST_CASE("a collection below the threshold has no graph and exact answers", "[sql][graph]") {
  const Graphed graphed;
  Database db(graphed.path);
  on_both(db, "DELETE FROM @ WHERE # > 9000");
  optimize(db);
  CHECK(graphed.files(".graph").empty());
  Random random(10);
  const Database::Parameter query = any_query(random);
  CHECK(nearest(db, query, 10) == brute_force(db, query, 10));
  CHECK(effort(db, query).second);
}

TEST_CASE("a large segment gets its graph by itself, a smaller one stays exact", "[sql][graph]") {
  const ScratchDirectory scratch;
  Database db(scratch.file("app.db"));
  db.run("CREATE VIRTUAL TABLE items USING kindred(v float[8] distance_metric=l2)");
  const auto fill = [&](int rows) {
    db.run("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < " +
           std::to_string(rows) +
           ") INSERT INTO items(v) SELECT vec_f32(printf('[%d,%d,%d,%d,1,1,1,1]', i % 97, i % 89, "
           "i % 83, i % 79)) FROM n");
  };
  const std::string is_exact = "SELECT min(is_exact) FROM knn('items', '[7,7,7,7,1,1,1,1]', 10)";
  fill(20000);
  db.run("DELETE FROM items WHERE rowid = 5");
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  CHECK(db.rows(is_exact) == std::vector<std::string>{"1"});
  db.run("DELETE FROM items");
  fill(50000);
  db.run("DELETE FROM items WHERE rowid = 5");
  bool graph = false;
  for (int i = 0; i < 300 && !graph; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    graph = db.rows(is_exact) == std::vector<std::string>{"0"};
  }
  CHECK(graph);
}

TEST_CASE("connections search by graph while another writes and optimizes",
          "[sql][graph][threads]") {
  const Graphed graphed;
  std::atomic<bool> writing{true};
  std::atomic<int> searches{0};
  std::mutex mutex;
  std::string first;
  const auto report = [&](const std::string& what) {
    const std::lock_guard lock(mutex);
    if (first.empty()) first = what;
  };
  std::vector<std::thread> threads;
  for (uint64_t seed = 1; seed <= 3; ++seed)
    threads.emplace_back([&, seed] {
      try {
        Database db(graphed.path);
        Random random(seed);
        for (int q = 0; q < 20 || writing; ++q, ++searches) {
          const Database::Parameter query = any_query(random);
          db.run("BEGIN");
          const std::vector<std::string> got = nearest(db, query, 10);
          const std::string is_wrong = wrong(db, query, 10, got);
          db.run("COMMIT");
          if (!is_wrong.empty()) report(is_wrong);
        }
      } catch (const std::exception& error) {
        report(error.what());
      }
    });
  try {
    Database db(graphed.path);
    for (int round = 0; round < 3; ++round) {
      db.run("BEGIN");
      on_both(db, "DELETE FROM @ WHERE # % 40 = " + std::to_string(round));
      db.run("COMMIT");
      insert(db, kRows + 1 + round * 300, kRows + 300 + round * 300);
      optimize(db);
    }
  } catch (const std::exception& error) {
    report(error.what());
  }
  writing = false;
  for (std::thread& thread : threads) thread.join();
  CHECK(first == "");
  CHECK(searches >= 60);
}
