// SPDX-License-Identifier: Apache-2.0
#include "sql/function_arguments.h"

#include <algorithm>
#include <string>

namespace kindred::sql {
namespace {

bool is_equality(const sqlite3_index_info& info, int constraint, int column) {
  return info.aConstraint[constraint].iColumn == column &&
         info.aConstraint[constraint].op == SQLITE_INDEX_CONSTRAINT_EQ;
}

bool is_usable(const sqlite3_index_info& info, int constraint, int column) {
  return is_equality(info, constraint, column) && info.aConstraint[constraint].usable != 0;
}

int find_argument(const sqlite3_index_info& info, int column) {
  for (int i = 0; i < info.nConstraint; ++i)
    if (is_usable(info, i, column)) return i;
  return -1;
}

bool compares_bytes(sqlite3_index_info& info, int constraint) {
  return sqlite3_stricmp(sqlite3_vtab_collation(&info, constraint), "BINARY") == 0;
}

}  // namespace

bool is_given(const sqlite3_index_info& info, int column) {
  for (int i = 0; i < info.nConstraint; ++i)
    if (is_equality(info, i, column)) return true;
  return false;
}

int find_equality(sqlite3_index_info& info, int column) {
  for (int i = 0; i < info.nConstraint; ++i)
    if (is_usable(info, i, column) && compares_bytes(info, i)) return i;
  return -1;
}

void take_constraint(sqlite3_index_info& info, int constraint, TakenArguments& taken) {
  info.aConstraintUsage[constraint].argvIndex = ++taken.values;
}

bool take_arguments(sqlite3_index_info& info, const Signature& signature, TakenArguments& taken) {
  for (int i = 0; i < signature.count; ++i) {
    const int column = signature.first_column + i;
    if (!is_given(info, column)) continue;
    const int constraint = find_argument(info, column);
    if (constraint < 0) return false;
    take_constraint(info, constraint, taken);
    info.aConstraintUsage[constraint].omit = 1;
    taken.plan |= 1 << i;
  }
  return true;
}

bool plan_arguments(sqlite3_index_info& info, const Signature& signature, const Size& size) {
  for (int i = 0; i < signature.required; ++i) {
    if (is_given(info, signature.first_column + i)) continue;
    refuse_plan(info, std::string(signature.usage) + ": argument " + std::to_string(i + 1) +
                          " is wanted, got none");
    return true;
  }
  TakenArguments taken;
  if (!take_arguments(info, signature, taken)) return false;
  info.idxNum = taken.plan;
  info.estimatedRows = size.rows;
  info.estimatedCost = size.cost;
  return true;
}

FunctionArguments::FunctionArguments(int plan, Values values) {
  size_t next = 0;
  for (size_t i = 0; i < kept_.size(); ++i)
    if ((plan >> i & 1) != 0) kept_[i] = keep(values[next++]);
}

bool FunctionArguments::has_null() const noexcept {
  return std::any_of(kept_.begin(), kept_.end(),
                     [](const KeptValue& value) { return value && is_null(value.get()); });
}

size_t FunctionArguments::count() const noexcept {
  return static_cast<size_t>(std::count_if(kept_.begin(), kept_.end(),
                                           [](const KeptValue& value) { return bool(value); }));
}

}  // namespace kindred::sql
