// What xBestIndex chose, carried to xFilter in idxNum (the kind of plan) and idxStr (one term for
// each argument, in order), and the choices that collections and knn() share.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "sql/sqlite.h"

namespace kindred::sql {

// What an argument of xFilter is for.
enum class Role : char {
  kQuery = 'Q',       // the vector or text searched for
  kCollection = 'C',  // the collection's name
  kK = 'K',           // the k of k nearest
  kLimit = 'L',       // LIMIT: a hint
  kOffset = 'O',      // OFFSET: a hint
  kDistance = 'D',    // a bound on the distance
  kFilter = 'F',      // a condition on a stored column or the rowid
  kIn = 'I',          // a list of values for one of these
};

struct PlanTerm {
  Role role = Role::kFilter;
  int column = -1;        // kFilter, kIn: of the virtual table; -1 is the rowid
  int op = 0;             // kFilter, kDistance: SQLITE_INDEX_CONSTRAINT_*
  std::string collation;  // kFilter, kIn: "BINARY", "NOCASE", ...
};

// Collects the constraints a plan uses and writes them into SQLite's structure.
class PlanBuilder {
 public:
  explicit PlanBuilder(sqlite3_index_info& info) : info_(info) {}

  // Takes constraint i as the next argument. `omit`: SQLite need not check it again.
  void use(int i, PlanTerm term, bool omit);
  // Takes constraint i as a whole list if it is an IN that SQLite hands over so.
  bool use_list(int i, int column);
  // Takes constraint i as a condition on a column, if its operator is one that filters know.
  bool use_filter(int i, int column);
  // Takes a bound on the distance; false for other operators.
  bool use_distance(int i);
  // Takes LIMIT or OFFSET as a hint; false for other constraints.
  bool use_limit(int i);
  // ORDER BY distance [, rowid], ascending, is what a search yields.
  void consume_order(int distance_column, int rowid_column);

  void finish(int kind, double cost, sqlite3_int64 rows);

 private:
  const sqlite3_index_info::sqlite3_index_constraint& constraint(int i) const {
    return info_.aConstraint[i];
  }

  sqlite3_index_info& info_;
  std::vector<PlanTerm> terms_;
};

// "Q-1,0,0,F3,2,6,BINARY": of each term the role, then column, op and the collation's length, then
// the collation, whose name may have any characters.
std::string encode(const std::vector<PlanTerm>& terms);
// Throws std::logic_error unless the text has one term for each of xFilter's arguments.
std::vector<PlanTerm> decode(const char* text, size_t arguments);

// The SQL operator of a filter's constraint: "=", "LIKE", "IS NOT NULL", ...; nullptr for those
// that are left to SQLite.
const char* filter_operator(int op) noexcept;
// IS NULL and IS NOT NULL compare with nothing.
bool has_operand(int op) noexcept;

}  // namespace kindred::sql
