// A collection and an ordinary table that ought to hold the same rows: what every random test
// compares. Brute force over the ordinary table says what knn() must answer.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "tests/support/database.h"
#include "tests/support/random.h"

namespace kindred::test {

struct Mirrored {
  std::string collection;
  std::string mirror;        // has `id INTEGER PRIMARY KEY`, the collection's rowid
  std::string columns;       // of both, what is compared: "key, hex(v), genre"
  std::string vector;        // an expression on the mirror: "v", "embed(question)"
  std::string distance;      // "vec_distance_l2"
  std::string match;         // the collection's column that MATCH asks: "v"
  std::string query = "?1";  // what the query's parameter is made: "vec_bit(?1)"
};

// What a search is restricted to beside its query.
struct Wanted {
  std::optional<int64_t> k;
  std::string where;  // on columns of both and `distance`: "genre = 'a' AND distance < 0.5"
};

// Makes the collection `name`, of form (c) with a TEXT key and vectors of 4 numbers under l2, and
// its mirror `name`_mirror; both are empty.
Mirrored make_mirrored(Database& db, const std::string& name);
// What that gives, on a connection where they are there already.
Mirrored mirrored(const std::string& name);
// Runs a statement, in which @ stands for the table, on both. Throws as Database::run() does.
void run_on_both(Database& db, const Mirrored& both, const std::string& sql);
// An SQL expression of a random vector: "vec_f32('[0.25,...]')".
std::string random_vector(Random& random, size_t dim = 4);
// `count` random statements of one row: inserts, updates, deletes of ids up to `ids`.
void change_both(Database& db, const Mirrored& both, Random& random, int64_t count,
                 int64_t ids = 60);

// Each returns "" where collection and mirror agree, otherwise what differs.
std::string rows_differ(Database& db, const Mirrored& both);
// knn(), which takes conditions on distance and rowid only.
std::string knn_differs(Database& db, const Mirrored& both, const Database::Parameter& query,
                        const Wanted& wanted = {});
// The collection's own MATCH, which takes conditions on columns too.
std::string match_differs(Database& db, const Mirrored& both, const Database::Parameter& query,
                          const Wanted& wanted);
// knn() without k, joined with the mirror: the `limit` nearest with `where` on the mirror m.
std::string join_differs(Database& db, const Mirrored& both, const Database::Parameter& query,
                         const std::string& where, int64_t limit);
// Rows, all of knn(), and the command integrity-check.
std::string all_differ(Database& db, const Mirrored& both, const Database::Parameter& query);

// Rows and knn() only: for a connection that must not write.
std::string seen_differ(Database& db, const Mirrored& both, const Database::Parameter& query);

// The collection's command integrity-check: "" or its error.
std::string integrity_error(Database& db, const std::string& collection);

}  // namespace kindred::test
