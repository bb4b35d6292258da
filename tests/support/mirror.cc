// SPDX-License-Identifier: Apache-2.0
#include "tests/support/mirror.h"

#include <algorithm>
#include <vector>

namespace kindred::test {
namespace {

using Rows = std::vector<std::string>;

std::string difference(const std::string& what, const Rows& got, const Rows& wanted) {
  if (got == wanted) return "";
  const size_t n = std::min(got.size(), wanted.size());
  const auto at = static_cast<size_t>(
      std::mismatch(got.begin(), got.begin() + static_cast<ptrdiff_t>(n), wanted.begin()).first -
      got.begin());
  const auto row = [at](const Rows& rows) { return at < rows.size() ? rows[at] : "no row"; };
  return what + ": " + std::to_string(got.size()) + " rows, wanted " +
         std::to_string(wanted.size()) + "; row " + std::to_string(at) + " is " + row(got) +
         ", wanted " + row(wanted);
}

// The mirror's rows with their distance from ?1.
std::string by_brute_force(const Mirrored& both) {
  return "(SELECT *, " + both.distance + "(" + both.vector + ", " + both.query +
         ") AS distance FROM " + both.mirror + ")";
}

std::string limit_of(const std::optional<int64_t>& k) {
  return k ? " LIMIT " + std::to_string(*k) : "";
}

std::string brute_force(const Mirrored& both, const Wanted& wanted) {
  return "SELECT id, distance FROM " + by_brute_force(both) + " WHERE distance IS NOT NULL" +
         (wanted.where.empty() ? "" : " AND " + wanted.where) + " ORDER BY distance, id" +
         limit_of(wanted.k);
}

// "rowid" means the mirror's id there.
Wanted on_mirror(Wanted wanted) {
  const std::string name = "rowid";
  for (size_t at = 0; (at = wanted.where.find(name, at)) != std::string::npos; ++at)
    wanted.where.replace(at, name.size(), "id");
  return wanted;
}

}  // namespace

Mirrored make_mirrored(Database& db, const std::string& name) {
  db.run("CREATE VIRTUAL TABLE " + name +
         " USING kindred(key TEXT PRIMARY KEY, v float[4] distance_metric=l2, year INTEGER);"
         "CREATE TABLE " +
         name + "_mirror(id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, v BLOB, year INTEGER)");
  return mirrored(name);
}

Mirrored mirrored(const std::string& name) {
  return {name, name + "_mirror", "key, hex(v), year", "v", "vec_distance_l2", "v"};
}

void run_on_both(Database& db, const Mirrored& both, const std::string& sql) {
  for (const std::string& table : {both.collection, both.mirror}) {
    std::string on_table = sql;
    for (size_t at; (at = on_table.find('@')) != std::string::npos;) on_table.replace(at, 1, table);
    db.run(on_table);
  }
}

std::string random_vector(Random& random, size_t dim) {
  std::string json;
  for (size_t i = 0; i < dim; ++i)
    json += (i > 0 ? "," : "") + std::to_string(random.below(2001) - 1000);
  return "vec_f32('[" + json + "]')";
}

void change_both(Database& db, const Mirrored& both, Random& random, int64_t count, int64_t ids) {
  for (int64_t i = 0; i < count; ++i) {
    const std::string id = std::to_string(random.below(ids) + 1);
    const std::string key = "'k" + std::to_string(random.below(ids)) + "'";
    switch (random.below(6)) {
      case 0:
        run_on_both(db, both, "UPDATE @ SET v = " + random_vector(random) + " WHERE rowid = " + id);
        break;
      case 1:
        run_on_both(db, both, "DELETE FROM @ WHERE rowid = " + id);
        break;
      case 2:
        run_on_both(db, both, "UPDATE OR IGNORE @ SET key = " + key + " WHERE rowid = " + id);
        break;
      default:
        run_on_both(db, both,
                    "INSERT OR REPLACE INTO @(rowid, key, v, year) VALUES(" + id + ", " + key +
                        ", " + random_vector(random) + ", " + id + " % 7)");
    }
  }
}

std::string rows_differ(Database& db, const Mirrored& both) {
  const auto select = [&](const std::string& table) {
    return db.rows("SELECT rowid, " + both.columns + " FROM " + table + " ORDER BY rowid");
  };
  return difference("rows of " + both.collection, select(both.collection), select(both.mirror));
}

std::string knn_differs(Database& db, const Mirrored& both, const Database::Parameter& query,
                        const Wanted& wanted) {
  const std::string sql = "SELECT rowid, distance FROM knn('" + both.collection + "', " +
                          both.query + (wanted.k ? ", " + std::to_string(*wanted.k) : "") + ")" +
                          (wanted.where.empty() ? "" : " WHERE " + wanted.where);
  return difference(sql, db.rows(sql, {query}),
                    db.rows(brute_force(both, on_mirror(wanted)), {query}));
}

std::string match_differs(Database& db, const Mirrored& both, const Database::Parameter& query,
                          const Wanted& wanted) {
  const std::string sql =
      "SELECT rowid, distance FROM " + both.collection + " WHERE " + both.match + " MATCH " +
      both.query + (wanted.k ? " AND k = " + std::to_string(*wanted.k) : "") +
      (wanted.where.empty() ? "" : " AND " + wanted.where) + " ORDER BY distance";
  return difference(sql, db.rows(sql, {query}),
                    db.rows(brute_force(both, on_mirror(wanted)), {query}));
}

std::string join_differs(Database& db, const Mirrored& both, const Database::Parameter& query,
                         const std::string& where, int64_t limit) {
  const std::string sql = "SELECT m.id, n.distance FROM knn('" + both.collection + "', " +
                          both.query + ") AS n JOIN " + both.mirror +
                          " AS m ON m.id = n.rowid WHERE " + where +
                          " ORDER BY n.distance, n.rowid LIMIT " + std::to_string(limit);
  return difference(sql, db.rows(sql, {query}),
                    db.rows("SELECT id, distance FROM " + by_brute_force(both) +
                                " AS m WHERE distance IS NOT NULL AND " + where +
                                " ORDER BY distance, id LIMIT " + std::to_string(limit),
                            {query}));
}

std::string seen_differ(Database& db, const Mirrored& both, const Database::Parameter& query) {
  const std::string rows = rows_differ(db, both);
  return rows.empty() ? knn_differs(db, both, query) : rows;
}

std::string all_differ(Database& db, const Mirrored& both, const Database::Parameter& query) {
  for (const std::string& difference :
       {rows_differ(db, both), knn_differs(db, both, query), integrity_error(db, both.collection)})
    if (!difference.empty()) return difference;
  return "";
}

std::string integrity_error(Database& db, const std::string& collection) {
  return db.error("INSERT INTO " + collection + "(" + collection + ") VALUES('integrity-check')");
}

}  // namespace kindred::test
