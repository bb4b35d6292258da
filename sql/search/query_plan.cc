// SPDX-License-Identifier: Apache-2.0
#include "sql/search/query_plan.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <new>
#include <stdexcept>
#include <string_view>

#include "sql/boundary.h"

namespace kindred::sql {
namespace {

struct Operator {
  int op;
  const char* sql;
};

constexpr std::array kOperators = {
    Operator{SQLITE_INDEX_CONSTRAINT_EQ, "="},
    Operator{SQLITE_INDEX_CONSTRAINT_GT, ">"},
    Operator{SQLITE_INDEX_CONSTRAINT_LE, "<="},
    Operator{SQLITE_INDEX_CONSTRAINT_LT, "<"},
    Operator{SQLITE_INDEX_CONSTRAINT_GE, ">="},
    Operator{SQLITE_INDEX_CONSTRAINT_NE, "<>"},
    Operator{SQLITE_INDEX_CONSTRAINT_IS, "IS"},
    Operator{SQLITE_INDEX_CONSTRAINT_ISNOT, "IS NOT"},
    Operator{SQLITE_INDEX_CONSTRAINT_ISNULL, "IS NULL"},
    Operator{SQLITE_INDEX_CONSTRAINT_ISNOTNULL, "IS NOT NULL"},
    Operator{SQLITE_INDEX_CONSTRAINT_LIKE, "LIKE"},
    Operator{SQLITE_INDEX_CONSTRAINT_GLOB, "GLOB"},
};

// Flags of an encoded term.
constexpr int kLiteral = 1;
constexpr int kFixedOnly = 2;
constexpr int kByRowid = 4;
constexpr int kWithOthers = 8;

bool is_equality(int op) noexcept {
  return op == SQLITE_INDEX_CONSTRAINT_EQ || op == SQLITE_INDEX_CONSTRAINT_NE ||
         op == SQLITE_INDEX_CONSTRAINT_IS || op == SQLITE_INDEX_CONSTRAINT_ISNOT;
}

}  // namespace

Affinity affinity_of(std::string_view type) noexcept {
  return type == "TEXT"                   ? Affinity::kText
         : type == "BLOB" || type.empty() ? Affinity::kBlob
                                          : Affinity::kNumeric;
}

bool is_fixed(const PlanTerm& term, sqlite3_value* value) noexcept {
  return term.literal || sqlite3_value_frombind(value) != 0;
}

// A numeric affinity makes numbers of a column's texts. That changes nothing beside a blob, and no
// text of the column is equal to one on the other side that a numeric affinity has left text.
bool is_certain(const PlanTerm& term, sqlite3_value* value) noexcept {
  if (term.affinity == Affinity::kNumeric || !is_comparison(term.op)) return true;
  switch (sqlite3_value_type(value)) {
    case SQLITE_INTEGER:
    case SQLITE_FLOAT:
      return false;
    case SQLITE_TEXT:
      return is_equality(term.op) || is_fixed(term, value);
    default:
      return true;
  }
}

const char* filter_operator(int op) noexcept {
  const auto* found = std::find_if(kOperators.begin(), kOperators.end(),
                                   [op](const Operator& known) { return known.op == op; });
  return found == kOperators.end() ? nullptr : found->sql;
}

bool has_operand(int op) noexcept {
  return op != SQLITE_INDEX_CONSTRAINT_ISNULL && op != SQLITE_INDEX_CONSTRAINT_ISNOTNULL;
}

bool is_comparison(int op) noexcept {
  return filter_operator(op) != nullptr && has_operand(op) && op != SQLITE_INDEX_CONSTRAINT_LIKE &&
         op != SQLITE_INDEX_CONSTRAINT_GLOB;
}

void PlanBuilder::use(int i, PlanTerm term, bool omit) {
  terms_.push_back(std::move(term));
  info_.aConstraintUsage[i].argvIndex = static_cast<int>(terms_.size());
  info_.aConstraintUsage[i].omit = omit ? 1 : 0;
}

sqlite3_value* PlanBuilder::literal(int i) const {
  sqlite3_value* value = nullptr;
  return sqlite3_vtab_rhs_value(&info_, i, &value) == SQLITE_OK ? value : nullptr;
}

std::string PlanBuilder::collation(int i) const {
  const char* name = sqlite3_vtab_collation(&info_, i);
  return name != nullptr ? name : "BINARY";
}

bool PlanBuilder::use_list(int i, PlanTerm term, bool omit) {
  if (sqlite3_vtab_in(&info_, i, 1) == 0) return false;
  term.role = Role::kIn;
  term.op = SQLITE_INDEX_CONSTRAINT_EQ;
  term.collation = collation(i);
  use(i, std::move(term), omit);
  return true;
}

bool PlanBuilder::use_filter(int i, PlanTerm term) {
  term.op = constraint(i).op;
  if (filter_operator(term.op) == nullptr) return false;
  term.collation = collation(i);
  sqlite3_value* value = literal(i);
  term.literal = value != nullptr;
  const bool certain = term.affinity == Affinity::kNumeric || !is_comparison(term.op) ||
                       (term.literal && is_certain(term, value));
  const bool applied = certain && (!term.fixed_only || term.literal);
  use(i, std::move(term), applied);
  return true;
}

void PlanBuilder::use_value(int i, Role role) {
  if (constraint(i).op != SQLITE_INDEX_CONSTRAINT_EQ) return;
  use(i, {.role = role, .column = constraint(i).iColumn}, true);
  by_distance_ = by_distance_ && role != Role::kDiversity;
}

bool PlanBuilder::use_distance(int i) {
  const int op = constraint(i).op;
  if (op != SQLITE_INDEX_CONSTRAINT_LT && op != SQLITE_INDEX_CONSTRAINT_LE &&
      op != SQLITE_INDEX_CONSTRAINT_GT && op != SQLITE_INDEX_CONSTRAINT_GE)
    return false;
  use(i, {.role = Role::kDistance, .op = op}, false);
  return true;
}

bool PlanBuilder::use_limit(int i) {
  const int op = constraint(i).op;
  if (op != SQLITE_INDEX_CONSTRAINT_LIMIT && op != SQLITE_INDEX_CONSTRAINT_OFFSET) return false;
  const Role role = op == SQLITE_INDEX_CONSTRAINT_LIMIT ? Role::kLimit : Role::kOffset;
  use(i, {.role = role}, false);
  return true;
}

void PlanBuilder::consume_order(int distance_column, int rowid_column) {
  if (!by_distance_) return;
  const int n = info_.nOrderBy;
  if (n < 1 || n > 2) return;
  const auto& first = info_.aOrderBy[0];
  if (first.iColumn != distance_column || first.desc != 0) return;
  if (n == 2) {
    const auto& second = info_.aOrderBy[1];
    if ((second.iColumn != rowid_column && second.iColumn != -1) || second.desc != 0) return;
  }
  info_.orderByConsumed = 1;
  for (PlanTerm& term : terms_) term.by_rowid = n == 2 && term.role == Role::kQuery;
}

bool PlanBuilder::has_others() const {
  for (int i = 0; i < info_.nConstraint; ++i)
    if (info_.aConstraintUsage[i].argvIndex == 0) return true;
  return false;
}

void PlanBuilder::finish(int kind, double cost, sqlite3_int64 rows, const std::string& front) {
  const bool is_sorted_by_sqlite = info_.nOrderBy > 0 && info_.orderByConsumed == 0;
  for (PlanTerm& term : terms_) {
    if (is_sorted_by_sqlite && (term.role == Role::kLimit || term.role == Role::kOffset))
      term.role = Role::kIgnored;
    term.with_others = term.role == Role::kQuery && has_others();
  }
  info_.idxNum = kind;
  info_.idxStr = sqlite3_mprintf("%s", (front + encode(terms_)).c_str());
  if (info_.idxStr == nullptr) throw std::bad_alloc();
  info_.needToFreeIdxStr = 1;
  info_.estimatedCost = cost;
  info_.estimatedRows = rows;
}

void require_one_k(sqlite3_index_info& info, int i, const std::string& who) {
  if (info.aConstraint[i].op != SQLITE_INDEX_CONSTRAINT_EQ || sqlite3_vtab_in(&info, i, -1) != 0)
    throw Error(SQLITE_ERROR, who + ": k = one number is wanted, got another condition on k");
}

std::string encode(const std::vector<PlanTerm>& terms) {
  std::string text;
  for (const PlanTerm& term : terms) {
    text += static_cast<char>(term.role);
    text += static_cast<char>(term.affinity);
    const int flags = (term.literal ? kLiteral : 0) + (term.fixed_only ? kFixedOnly : 0) +
                      (term.by_rowid ? kByRowid : 0) + (term.with_others ? kWithOthers : 0);
    for (const int number : {term.column, term.op, flags, static_cast<int>(term.collation.size())})
      text += std::to_string(number) + ',';
    text += term.collation;
  }
  return text;
}

std::vector<PlanTerm> decode(std::string_view rest, size_t arguments) {
  std::vector<PlanTerm> terms;
  while (!rest.empty()) {
    PlanTerm term;
    term.role = static_cast<Role>(rest.front());
    rest.remove_prefix(1);
    term.affinity = static_cast<Affinity>(rest.empty() ? 'B' : rest.front());
    rest.remove_prefix(std::min<size_t>(1, rest.size()));
    term.column = take_number<int>(rest);
    term.op = take_number<int>(rest);
    const int flags = take_number<int>(rest);
    term.literal = (flags & kLiteral) != 0;
    term.fixed_only = (flags & kFixedOnly) != 0;
    term.by_rowid = (flags & kByRowid) != 0;
    term.with_others = (flags & kWithOthers) != 0;
    const auto length = static_cast<size_t>(take_number<int>(rest));
    term.collation = std::string(rest.substr(0, length));
    rest.remove_prefix(std::min(length, rest.size()));
    terms.push_back(std::move(term));
  }
  if (terms.size() != arguments)
    throw std::logic_error("a plan of " + std::to_string(terms.size()) + " terms for " +
                           std::to_string(arguments) + " arguments");
  return terms;
}

}  // namespace kindred::sql
