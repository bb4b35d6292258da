// The process whose calls fail: a fixed sequence of transactions, which takes vectors all the ways
// there are from the log to segments: seals, merges, bulk, optimize, sweeps, commits that are busy.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/support/failing_calls.h"

namespace kindred::test {

struct WorkloadOptions {
  CallPlan plan;
  std::string synchronous;  // "NORMAL" or "FULL"
  uint64_t seed = 0;

  std::vector<std::string> arguments() const;
  static WorkloadOptions from(const std::vector<std::string>& arguments);
};

// Reports acknowledged commits as a worker does (worker.h), and at the end minus the number of
// calls that could fail. Where calls fail with an error, statements may fail too; once the failure
// is lifted nothing may fail, and everything is compared. Exits with 0, or 2 and on standard error
// what is wrong.
[[noreturn]] void run_workload(const WorkloadOptions& options);

}  // namespace kindred::test
