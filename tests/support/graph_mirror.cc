// SPDX-License-Identifier: Apache-2.0
#include "tests/support/graph_mirror.h"

#include <limits>
#include <stdexcept>
#include <utility>

namespace kindred::test {

std::string number_with_twins(const std::string& number) {
  return "iif(" + number + " % 5, " + number + ", " + number + " % 300)";
}

GraphMirror::GraphMirror(const std::string& path, GraphMirrorKind kind)
    : kind_(std::move(kind)), db_(path), functions_(db_) {
  db_.run(
      "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;"
      "CREATE TABLE mirror(id INTEGER PRIMARY KEY, v BLOB, year INTEGER, owner INTEGER);"
      "CREATE VIRTUAL TABLE marks USING kindred(v " +
      kind_.column + ", year INTEGER, owner INTEGER PARTITION KEY, m=8, ef_construction=64" +
      kind_.options +
      ");"
      "BEGIN; INSERT INTO mirror SELECT i, " +
      kind_.vector("i") + ", i % 100, i % 4 FROM " + numbers(kind_.rows) +
      "; INSERT INTO marks(rowid, v, year, owner) SELECT id, " + kind_.type +
      "(v), year, owner FROM mirror; COMMIT");
  optimize();
}

void GraphMirror::on_both(const std::string& sql) {
  for (const auto& [table, rowid] : {std::pair("marks", "rowid"), std::pair("mirror", "id")}) {
    std::string text;
    for (const char c : sql)
      text += c == '@' ? std::string(table) : c == '#' ? std::string(rowid) : std::string(1, c);
    db_.run(text);
  }
}

std::string GraphMirror::any_query(Random& random) const {
  return kind_.type + "(" + kind_.vector(std::to_string(random.below(1000000))) + ")";
}

void GraphMirror::change(Random& random) {
  const std::string id = std::to_string(random.below(kind_.rows) + 1);
  const std::string vector = any_query(random);
  switch (random.below(7)) {
    case 0:
      return on_both("DELETE FROM @ WHERE # BETWEEN " + id + " AND " + id + " + 300");
    case 1:
      return on_both("UPDATE @ SET v = " + vector + " WHERE # BETWEEN " + id + " AND " + id +
                     " + 40");
    case 2:
      return on_both("UPDATE @ SET v = " + vector + " WHERE # = " + id);
    case 3:
      return on_both("UPDATE @ SET owner = 3 - owner, year = 99 - year WHERE # % 97 = " +
                     std::to_string(random.below(97)));
    case 4:
      return on_both("DELETE FROM @ WHERE # % 1500 = " + std::to_string(random.below(1500)));
    default:
      return on_both("INSERT OR REPLACE INTO @(#, v, year, owner) VALUES(" + id + ", " + vector +
                     ", " + std::to_string(random.below(100)) + ", " +
                     std::to_string(random.below(4)) + ")");
  }
}

std::string GraphMirror::distance_to(const std::string& query) const {
  return kind_.distance + "(" + kind_.type + "(v), " + query + ")";
}

std::vector<std::string> GraphMirror::brute_force(const std::string& query,
                                                  const std::string& where, int k) {
  return db_.rows("SELECT id, " + distance_to(query) + " AS distance FROM mirror WHERE " + where +
                  " ORDER BY distance, id LIMIT " + std::to_string(k));
}

std::string GraphMirror::differs(const std::string& query, const std::string& where, int k) {
  const std::string search = "SELECT rowid, distance, is_exact FROM marks WHERE v MATCH " + query +
                             " AND k = " + std::to_string(k) + " AND " + where;
  const std::vector<std::string> wanted = brute_force(query, where, k);
  std::vector<std::string> exact;
  for (const std::string& row : wanted) exact.push_back(row + "|1");
  if (db_.rows(search + " AND exact = 1") != exact) return "exact: " + search;
  const std::vector<std::string> got = db_.rows(search);
  if (got.size() != wanted.size()) return std::to_string(got.size()) + " rows: " + search;
  double last = -std::numeric_limits<double>::infinity();
  for (const std::string& row : got) {
    const std::string of_row = row.substr(0, row.rfind('|'));
    const std::string id = row.substr(0, row.find('|'));
    if (brute_force(query, "(" + where + ") AND id = " + id, 2) != std::vector<std::string>{of_row})
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

std::string GraphMirror::stream_differs(const std::string& query) {
  const std::string knn = "SELECT rowid, distance FROM knn('marks', " + query + ")";
  const std::string all = "SELECT id, " + distance_to(query) + " AS distance FROM mirror";
  if (db_.rows(knn + " WHERE " + kind_.range) !=
      db_.rows("SELECT * FROM (" + all + ") WHERE " + kind_.range + " ORDER BY distance, id"))
    return kind_.range;
  if (db_.rows(knn) != db_.rows(all + " ORDER BY distance, id")) return knn;
  if (db_.rows("SELECT m.id, n.distance FROM knn('marks', " + query +
               ") AS n JOIN mirror AS m ON m.id = n.rowid WHERE m.year % 10 = 7 ORDER BY "
               "n.distance, n.rowid LIMIT 12") != brute_force(query, "year % 10 = 7", 12))
    return "join";
  return "";
}

void follow_history(GraphMirror& marks, Random& random, int64_t length) {
  const auto require = [](int64_t step, const std::string& difference) {
    if (!difference.empty())
      throw std::runtime_error("step " + std::to_string(step) + ": " + difference);
  };
  for (int64_t step = 0; step < length; ++step) {
    const int64_t frame = random.below(6);
    if (frame < 2) marks.db().run("SAVEPOINT s");
    for (int64_t n = random.below(4); n >= 0; --n) marks.change(random);
    if (step % 20 == 19) marks.optimize();
    const std::string query = marks.any_query(random);
    const auto k = static_cast<int>(random.below(20) + 1);
    require(step, marks.differs(query, "1", k));
    require(step, marks.differs(query, "year < " + std::to_string(random.below(100)), k));
    require(step, marks.differs(query, "owner = " + std::to_string(random.below(4)), k));
    require(step, marks.differs(query, "owner = 1 AND year BETWEEN 10 AND 12", k));
    if (step % 5 == 0) require(step, marks.stream_differs(query));
    if (frame == 0) marks.db().run("ROLLBACK TO s");
    if (frame < 2) marks.db().run("RELEASE s");
    require(step, marks.differs(marks.any_query(random), "1", k));
  }
}

}  // namespace kindred::test
