// What tests of collections add to the language of database.h: SQL functions that make vectors and
// count calls, and checks of errors.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>

#include "tests/support/database.h"

namespace kindred::test {

// Registers on a connection:
//   random_vector(seed, dim)     packed float32, each near normal, the same wherever it runs
//   random_bytes(seed, n)        a BLOB of n bytes
//   tick(x)                      x; counts itself in ticks()
class SqlFunctions {
 public:
  explicit SqlFunctions(Database& db);
  SqlFunctions(const SqlFunctions&) = delete;
  SqlFunctions& operator=(const SqlFunctions&) = delete;

  // Calls of tick() since the last ticks().
  size_t ticks();

 private:
  size_t ticks_ = 0;
};

// A subquery with one column i: 1 to n.
std::string numbers(int n);

// Checks that `sql` fails and that the message has each part in it.
void check_error(Database& db, const std::string& sql,
                 std::initializer_list<std::string_view> parts);

}  // namespace kindred::test
