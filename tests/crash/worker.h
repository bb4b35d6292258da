// The process that is killed: random transactions that write an ordinary table and a collection
// together, each reported to the driver once SQLite has acknowledged it.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "tests/support/mirror.h"

namespace kindred::test {

// How a worker is started; the driver turns it into arguments of this program and back.
struct WorkerOptions {
  std::string path;
  std::string synchronous;  // "NORMAL" or "FULL"
  uint64_t seed = 0;
  int64_t number = 0;  // its name in the table `commits`
  // For the driver's own test: now and then changes the ordinary table only ("forget"), or reports
  // a transaction that it rolls back ("lie"). "" for none.
  std::string fault;
};

// Changes in a savepoint that is rolled back or released.
void savepoint(Database& db, const Mirrored& both, Random& random);

// Where a worker writes the numbers of acknowledged transactions, 8 bytes each.
inline constexpr int kReportDescriptor = 3;

// Works until it is killed.
[[noreturn]] void run_worker(const WorkerOptions& options);

// Compares the collection and the ordinary table in one snapshot after another until it is killed,
// and reports how many it has compared.
[[noreturn]] void run_reader(const std::string& path, uint64_t seed);

// Answers lines of SQL on standard input with a line of the rows' text each, until the input ends.
void run_server(const std::string& path);

}  // namespace kindred::test
