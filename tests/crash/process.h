// Child processes of the crash tests: this program once more, with other arguments.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "tests/crash/worker.h"

namespace kindred::test {

// A running worker and what it has reported. Killed at the end of the scope.
class WorkerProcess {
 public:
  explicit WorkerProcess(const WorkerOptions& options);
  // This program with other arguments, if it reports as a worker does.
  explicit WorkerProcess(const std::vector<std::string>& arguments);
  ~WorkerProcess();
  WorkerProcess(const WorkerProcess&) = delete;
  WorkerProcess& operator=(const WorkerProcess&) = delete;

  // Takes reports for this long, or until there is one if `first`.
  void listen(int milliseconds, bool first = false);
  // SIGKILL; takes what it had reported before. false if it had ended on its own.
  bool kill();
  // Takes reports until it ends on its own. Its status as of waitpid().
  int wait();

  // The newest acknowledged transaction; 0 if there is none.
  int64_t acknowledged() const { return acknowledged_; }
  // The calls that a workload counted; 0 if it did not get to its end.
  int64_t calls() const { return calls_; }

 private:
  bool take_report();

  pid_t pid_ = -1;
  int reports_ = -1;
  int64_t acknowledged_ = 0;
  int64_t calls_ = 0;
};

// A process that answers SQL, one statement at a time.
class ServerProcess {
 public:
  explicit ServerProcess(const std::string& path);
  ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  // The rows as "a|b;c|d;", or "error: ...".
  std::string ask(const std::string& sql);

 private:
  pid_t pid_ = -1;
  int questions_ = -1;
  int answers_ = -1;
};

}  // namespace kindred::test
