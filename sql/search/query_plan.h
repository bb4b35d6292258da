// What xBestIndex chose, carried to xFilter in idxNum (the kind of plan) and idxStr (one term for
// each argument, in order; of a scan its Listing first), and the choices that collections and
// knn() share.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <charconv>
#include <string>
#include <string_view>
#include <vector>

#include "sql/sqlite.h"

namespace kindred::sql {

inline constexpr int kMostOmitted = 16;
// Of a MATCH that comes behind those.
inline constexpr int kCheckedAgain = 1;

// What an argument of xFilter is for.
enum class Role : char {
  kQuery = 'Q',       // the vector or text searched for
  kCollection = 'C',  // the collection's name
  kK = 'K',           // the k of k nearest
  kLimit = 'L',       // LIMIT: a hint
  kOffset = 'O',      // OFFSET: a hint
  kIgnored = '-',     // either, where SQLite sorts the rows and so reads all
  kDistance = 'D',    // a bound on the distance
  kFilter = 'F',      // a condition on a stored column or the rowid
  kIn = 'I',          // a list of values for one of these
  kEf = 'E',          // how many rows a graph keeps in view
  kExact = 'X',       // whether no row may be missed
  kDiversity = 'V',   // how much answers are to differ
};

// What SQLite makes of values in a column of a declared type.
enum class Affinity : char { kNumeric = 'N', kText = 'T', kBlob = 'B' };
// REQUIRES: one of the types that a collection's columns may have.
Affinity affinity_of(std::string_view type) noexcept;

struct PlanTerm {
  Role role = Role::kFilter;
  int column = -1;  // kFilter, kIn: of the virtual table; -1 is the rowid
  // kFilter, kDistance: SQLITE_INDEX_CONSTRAINT_*. kQuery: kCheckedAgain or 0.
  int op = 0;
  Affinity affinity = Affinity::kNumeric;  // kFilter, kIn: the column's
  bool literal = false;        // kFilter: compares with a value that stands in the SQL text
  bool fixed_only = false;     // kFilter: left to SQLite unless is_fixed()
  bool by_rowid = false;       // kQuery: rows of one distance are to come by rowid
  bool with_others = false;    // kQuery: SQLite leaves out rows by conditions that no term has
  std::string collation = {};  // kFilter, kIn: "BINARY", "NOCASE", ...
};

// Whether a term compares with what stands in the SQL text or is bound to it, and not with what is
// computed or read from a row: xBestIndex cannot tell a parameter from another table's column.
bool is_fixed(const PlanTerm& term, sqlite3_value* value) noexcept;
// Whether `column op value` is the comparison that SQLite makes. It would first convert a column of
// text by the affinity of a numeric expression on the other side, which the value does not show.
bool is_certain(const PlanTerm& term, sqlite3_value* value) noexcept;

// Collects the constraints a plan uses and writes them into SQLite's structure.
class PlanBuilder {
 public:
  explicit PlanBuilder(sqlite3_index_info& info) : info_(info) {}

  // Takes constraint i as the next argument. `omit`: SQLite need not check it again, which it heeds
  // for the first kMostOmitted constraints.
  void use(int i, PlanTerm term, bool omit);
  // Takes constraint i as a whole list if it is an IN that SQLite hands over so. `term` names the
  // column and its affinity, here and below.
  bool use_list(int i, PlanTerm term, bool omit);
  // Takes constraint i as a condition on a column, if its operator is one that filters know. SQLite
  // checks it again unless it is certain to be applied.
  bool use_filter(int i, PlanTerm term);
  // Takes `=` as the value of an input of the search; leaves other operators to SQLite.
  // With diversity rows do not come by distance.
  void use_value(int i, Role role);
  // Takes a bound on the distance; false for other operators.
  bool use_distance(int i);
  // Takes LIMIT or OFFSET as a hint; false for other constraints.
  bool use_limit(int i);
  // ORDER BY distance [, rowid], ascending, is what a search yields. To be called behind the
  // others.
  void consume_order(int distance_column, int rowid_column);

  const std::vector<PlanTerm>& terms() const noexcept { return terms_; }
  // `front`: what idxStr has in front of the terms.
  void finish(int kind, double cost, sqlite3_int64 rows, const std::string& front = "");

 private:
  const sqlite3_index_info::sqlite3_index_constraint& constraint(int i) const {
    return info_.aConstraint[i];
  }
  // By which constraint i compares.
  std::string collation(int i) const;
  // The value that constraint i compares with, if it stands in the SQL text; else nullptr.
  sqlite3_value* literal(int i) const;
  // Whether some constraint has not been taken.
  bool has_others() const;

  sqlite3_index_info& info_;
  std::vector<PlanTerm> terms_;
  bool by_distance_ = true;
};

// Takes a number and a comma behind it off an encoded text.
template <class Number>
Number take_number(std::string_view& text) {
  Number value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  if (!text.empty() && text.front() == ',') text.remove_prefix(1);
  return error == std::errc() ? value : 0;
}

// "QN-1,0,0,0,FT3,2,1,6,BINARY": of each term role and affinity, then column, op, flags and the
// collation's length, then the collation, whose name may have any characters.
std::string encode(const std::vector<PlanTerm>& terms);
// Throws std::logic_error unless the text has one term for each of xFilter's arguments.
std::vector<PlanTerm> decode(std::string_view text, size_t arguments);

// Throws Error, opening with `who`, unless constraint i is `k =` one value.
void require_one_k(sqlite3_index_info& info, int i, const std::string& who);

// The SQL operator of a filter's constraint: "=", "LIKE", "IS NOT NULL", ...; nullptr for those
// that are left to SQLite.
const char* filter_operator(int op) noexcept;
// IS NULL and IS NOT NULL compare with nothing.
bool has_operand(int op) noexcept;
// =, <, IS NOT and their kin, to which affinities apply: not LIKE, GLOB, IS NULL, IS NOT NULL.
bool is_comparison(int op) noexcept;

}  // namespace kindred::sql
