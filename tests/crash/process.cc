// SPDX-License-Identifier: Apache-2.0
#include "tests/crash/process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <stdexcept>

namespace kindred::test {
namespace {

struct Pipe {
  Pipe() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
    read_end = ends[0];
    write_end = ends[1];
  }
  int read_end;
  int write_end;
};

// Starts this program with `arguments`; `to` replaces the descriptor `at` of the child, twice.
pid_t start(std::vector<std::string> arguments, const std::vector<std::pair<int, int>>& moves) {
  arguments.insert(arguments.begin(), "kindred_crash");
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  const pid_t pid = fork();
  if (pid < 0) throw std::runtime_error("fork");
  if (pid > 0) return pid;
  for (const auto& [from, at] : moves)
    if (from == at)
      fcntl(at, F_SETFD, 0);
    else if (dup2(from, at) < 0)
      _exit(126);
  execv("/proc/self/exe", argv.data());
  _exit(127);
}

}  // namespace

WorkerProcess::WorkerProcess(const WorkerOptions& options)
    : WorkerProcess({"worker", options.path, options.synchronous, std::to_string(options.seed),
                     std::to_string(options.number), options.fault}) {}

WorkerProcess::WorkerProcess(const std::vector<std::string>& arguments) {
  const Pipe reports;
  pid_ = start(arguments, {{reports.write_end, kReportDescriptor}});
  close(reports.write_end);
  reports_ = reports.read_end;
}

WorkerProcess::~WorkerProcess() {
  kill();
  close(reports_);
}

bool WorkerProcess::take_report() {
  int64_t number = 0;
  if (read(reports_, &number, sizeof number) != sizeof number) return false;
  (number < 0 ? calls_ : acknowledged_) = std::abs(number);
  return true;
}

void WorkerProcess::listen(int milliseconds, bool first) {
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + std::chrono::milliseconds(milliseconds);
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now());
    if (left.count() <= 0) return;
    pollfd wait{reports_, POLLIN, 0};
    if (poll(&wait, 1, static_cast<int>(left.count())) <= 0 || !take_report() || first) return;
  }
}

bool WorkerProcess::kill() {
  if (pid_ < 0) return true;
  ::kill(pid_, SIGKILL);
  int status = 0;
  waitpid(pid_, &status, 0);
  pid_ = -1;
  while (take_report()) {
  }
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

int WorkerProcess::wait() {
  while (take_report()) {
  }
  int status = 0;
  waitpid(pid_, &status, 0);
  pid_ = -1;
  return status;
}

ServerProcess::ServerProcess(const std::string& path) {
  const Pipe questions;
  const Pipe answers;
  pid_ = start({"server", path}, {{questions.read_end, 0}, {answers.write_end, 1}});
  close(questions.read_end);
  close(answers.write_end);
  questions_ = questions.write_end;
  answers_ = answers.read_end;
}

ServerProcess::~ServerProcess() {
  close(questions_);  // the end of its input
  waitpid(pid_, nullptr, 0);
  close(answers_);
}

std::string ServerProcess::ask(const std::string& sql) {
  const std::string line = sql + "\n";
  if (write(questions_, line.data(), line.size()) != static_cast<ssize_t>(line.size()))
    throw std::runtime_error("the server process does not listen");
  std::string answer;
  for (char c = 0; read(answers_, &c, 1) == 1 && c != '\n';) answer += c;
  return answer;
}

}  // namespace kindred::test
