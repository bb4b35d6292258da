// One row of the table of SQL functions, and the call that a function's body sees.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <stdexcept>
#include <string>

#include "sql/boundary.h"
#include "sql/sqlite.h"
#include "sql/where.h"

namespace kindred::sql {

// One invocation of a scalar function: arguments and where the result goes.
struct Call {
  sqlite3_context* context;
  std::span<sqlite3_value*> arguments;
  const char* name;  // the function's SQL name, for messages

  sqlite3_value* operator[](size_t i) const { return arguments[i]; }
  size_t size() const { return arguments.size(); }
  // "vec_add(): argument 2" for i = 1.
  Where argument(size_t i) const { return {name, i}; }
  // Throws std::invalid_argument: "cosine(): dimensions differ: 384 and 768".
  [[noreturn]] void reject(const std::string& reason) const {
    throw std::invalid_argument(std::string(name) + "(): " + reason);
  }
};

using Scalar = void (*)(sqlite3_context*, int, sqlite3_value**);
using Finish = void (*)(sqlite3_context*);

// A function as SQLite is told of it. Scalars set `call`; aggregates `step`, `final`, `value` and
// `inverse` (the last two make them window functions).
struct Function {
  const char* name;
  int argument_count;
  int flags;  // beside SQLITE_UTF8
  Scalar call = nullptr;
  Scalar step = nullptr;
  Finish final = nullptr;
  Finish value = nullptr;
  Scalar inverse = nullptr;
};

// Flags of a function whose result depends on its arguments alone and that touches nothing else.
inline constexpr int kPure = SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS;

// SQLITE_RESULT_SUBTYPE: the function sets subtypes. Headers before 3.45 lack it, libraries before
// 3.45 ignore it.
inline constexpr int kResultSubtype = 0x001000000;

// Makes SQLite's callback of `void body(const Call&)`: a scalar's call, an aggregate's step or its
// inverse. The function's own row of the table is its user data, which is where the name comes
// from.
template <auto body>
void scalar(sqlite3_context* context, int count, sqlite3_value** values) noexcept {
  const auto* function = static_cast<const Function*>(sqlite3_user_data(context));
  guard(
      [&] {
        body(Call{context, {values, static_cast<size_t>(count)}, function->name});
      },
      ContextReport{context});
}

// The same for an aggregate's final and value, which have no arguments.
template <auto body>
void finish(sqlite3_context* context) noexcept {
  scalar<body>(context, 0, nullptr);
}

}  // namespace kindred::sql
