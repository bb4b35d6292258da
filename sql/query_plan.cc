// SPDX-License-Identifier: Apache-2.0
#include "sql/query_plan.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <new>
#include <stdexcept>
#include <string_view>

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

int take_integer(std::string_view& text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  if (!text.empty() && text.front() == ',') text.remove_prefix(1);
  return error == std::errc() ? value : 0;
}

}  // namespace

const char* filter_operator(int op) noexcept {
  const auto* found = std::find_if(kOperators.begin(), kOperators.end(),
                                   [op](const Operator& known) { return known.op == op; });
  return found == kOperators.end() ? nullptr : found->sql;
}

bool has_operand(int op) noexcept {
  return op != SQLITE_INDEX_CONSTRAINT_ISNULL && op != SQLITE_INDEX_CONSTRAINT_ISNOTNULL;
}

void PlanBuilder::use(int i, PlanTerm term, bool omit) {
  terms_.push_back(std::move(term));
  info_.aConstraintUsage[i].argvIndex = static_cast<int>(terms_.size());
  info_.aConstraintUsage[i].omit = omit ? 1 : 0;
}

bool PlanBuilder::use_list(int i, int column) {
  if (sqlite3_vtab_in(&info_, i, -1) == 0) return false;
  sqlite3_vtab_in(&info_, i, 1);
  use(i, {Role::kIn, column, SQLITE_INDEX_CONSTRAINT_EQ, sqlite3_vtab_collation(&info_, i)}, true);
  return true;
}

bool PlanBuilder::use_filter(int i, int column) {
  if (use_list(i, column)) return true;
  const int op = constraint(i).op;
  if (filter_operator(op) == nullptr) return false;
  const char* collation = sqlite3_vtab_collation(&info_, i);
  use(i, {Role::kFilter, column, op, collation != nullptr ? collation : "BINARY"}, true);
  return true;
}

bool PlanBuilder::use_distance(int i) {
  const int op = constraint(i).op;
  if (op != SQLITE_INDEX_CONSTRAINT_LT && op != SQLITE_INDEX_CONSTRAINT_LE &&
      op != SQLITE_INDEX_CONSTRAINT_GT && op != SQLITE_INDEX_CONSTRAINT_GE)
    return false;
  use(i, {Role::kDistance, -1, op, ""}, false);
  return true;
}

bool PlanBuilder::use_limit(int i) {
  const int op = constraint(i).op;
  if (op != SQLITE_INDEX_CONSTRAINT_LIMIT && op != SQLITE_INDEX_CONSTRAINT_OFFSET) return false;
  const Role role = op == SQLITE_INDEX_CONSTRAINT_LIMIT ? Role::kLimit : Role::kOffset;
  use(i, {role, -1, op, ""}, false);
  return true;
}

void PlanBuilder::consume_order(int distance_column, int rowid_column) {
  const int n = info_.nOrderBy;
  if (n < 1 || n > 2) return;
  const auto& first = info_.aOrderBy[0];
  if (first.iColumn != distance_column || first.desc != 0) return;
  if (n == 2) {
    const auto& second = info_.aOrderBy[1];
    if ((second.iColumn != rowid_column && second.iColumn != -1) || second.desc != 0) return;
  }
  info_.orderByConsumed = 1;
}

void PlanBuilder::finish(int kind, double cost, sqlite3_int64 rows) {
  info_.idxNum = kind;
  info_.idxStr = sqlite3_mprintf("%s", encode(terms_).c_str());
  if (info_.idxStr == nullptr) throw std::bad_alloc();
  info_.needToFreeIdxStr = 1;
  info_.estimatedCost = cost;
  info_.estimatedRows = rows;
}

std::string encode(const std::vector<PlanTerm>& terms) {
  std::string text;
  for (const PlanTerm& term : terms) {
    text += static_cast<char>(term.role);
    text += std::to_string(term.column) + ',' + std::to_string(term.op) + ',' +
            std::to_string(term.collation.size()) + ',' + term.collation;
  }
  return text;
}

std::vector<PlanTerm> decode(const char* text, size_t arguments) {
  std::vector<PlanTerm> terms;
  std::string_view rest = text != nullptr ? text : "";
  while (!rest.empty()) {
    PlanTerm term;
    term.role = static_cast<Role>(rest.front());
    rest.remove_prefix(1);
    term.column = take_integer(rest);
    term.op = take_integer(rest);
    const auto length = static_cast<size_t>(take_integer(rest));
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
