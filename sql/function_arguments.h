// The arguments of a table function: its last columns, hidden, each taken from a constraint
// `column = value`. Arguments may be left out from the end, or in any order where they are written
// as conditions.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>

#include "sql/module.h"
#include "sql/value.h"

namespace kindred::sql {

struct Signature {
  const char* usage;  // "tokenize(text [, model])", for the message that an argument is missing
  int first_column;   // of the arguments
  int count;          // of them, at most FunctionArguments::kMost
  int required;       // the first so many cannot be left out
};

// What best_index() does with arguments: they become the first values of filter(), and the plan's
// number says in its lowest FunctionArguments::kMost bits which are given. `values` counts all
// values handed over so far.
struct TakenArguments {
  int plan = 0;
  int values = 0;
};
// false: one is given by a table that comes later, so there is no such plan. That the required ones
// are given at all is not checked.
bool take_arguments(sqlite3_index_info& info, const Signature& signature, TakenArguments& taken);

struct Size {
  int64_t rows;
  double cost;
};
// The whole plan of a function that is given nothing but its arguments, and is usually of this
// size: refused if a required one is not given at all. As take_arguments() otherwise.
bool plan_arguments(sqlite3_index_info& info, const Signature& signature, const Size& size);

// Whether there is a constraint `column = value`, usable or not.
bool is_given(const sqlite3_index_info& info, int column);

// Hands the constraint over as filter()'s next value; SQLite checks it all the same.
void take_constraint(sqlite3_index_info& info, int constraint, TakenArguments& taken);

// The index of the first usable constraint `column = value` that compares byte by byte; -1 if there
// is none.
int find_equality(sqlite3_index_info& info, int column);

// Copies, for the length of a scan.
class FunctionArguments {
 public:
  static constexpr int kMost = 4;

  FunctionArguments() = default;
  // `plan` and `values` are filter()'s.
  FunctionArguments(int plan, Values values);

  // nullptr: not given.
  sqlite3_value* operator[](int i) const noexcept { return kept_[static_cast<size_t>(i)].get(); }
  bool has_null() const noexcept;
  // How many of filter()'s values are arguments.
  size_t count() const noexcept;

 private:
  std::array<KeptValue, kMost> kept_;
};

}  // namespace kindred::sql
