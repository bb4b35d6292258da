// SPDX-License-Identifier: Apache-2.0
#include "tests/support/store_process.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <stdexcept>

namespace kindred::test {
namespace {

std::filesystem::path new_scratch() {
  static std::atomic<int> count{0};
  return std::filesystem::temp_directory_path() /
         ("kindred-store-" + std::to_string(getpid()) + "-" + std::to_string(count++));
}

}  // namespace

std::string vector_of(int64_t segment, int64_t id, size_t bytes) {
  uint64_t state = static_cast<uint64_t>(segment) * 0x9e3779b97f4a7c15u + static_cast<uint64_t>(id);
  std::string vector(bytes, '\0');
  for (char& byte : vector) {  // an LCG (Knuth, MMIX)
    state = state * 6364136223846793005u + 1442695040888963407u;
    byte = static_cast<char>(state >> 56);
  }
  return vector;
}

void ingest(storage::Store& store, int64_t segment, const std::vector<int64_t>& ids, size_t bytes) {
  storage::SegmentIngest rows = store.ingest(segment);
  for (const int64_t id : ids) rows.add(id, vector_of(segment, id, bytes));
  rows.finish();
}

std::vector<int64_t> ids_up_to(int64_t n) {
  std::vector<int64_t> ids;
  for (int64_t id = 0; id < n; ++id) ids.push_back(id);
  return ids;
}

std::vector<int64_t> scanned_ids(const storage::Store& store, int64_t segment) {
  std::vector<int64_t> ids;
  store.scan_segment(segment, [&](int64_t id, std::string_view vector) {
    if (vector != vector_of(segment, id, vector.size())) throw std::runtime_error("wrong bytes");
    ids.push_back(id);
    return true;
  });
  return ids;
}

StoreFolder::StoreFolder() : scratch_(new_scratch()) {
  std::filesystem::create_directories(scratch_);
}

StoreFolder::~StoreFolder() {
  std::error_code ignored;  // a leftover in the temporary folder harms nobody
  std::filesystem::remove_all(scratch_, ignored);
}

std::vector<std::filesystem::path> StoreFolder::tables() const {
  std::vector<std::filesystem::path> found;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(path()))
    if (entry.path().extension() == ".sst") found.push_back(entry.path());
  return found;
}

uintmax_t StoreFolder::size() const {
  uintmax_t sum = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(path()))
    if (entry.is_regular_file()) sum += entry.file_size();
  return sum;
}

StoreProcess::StoreProcess(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), KINDRED_STORE_WORKER);
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  int to[2];
  int from[2];
  if (pipe2(to, O_CLOEXEC) != 0 || pipe2(from, O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
  pid_ = fork();
  if (pid_ < 0) throw std::runtime_error("fork");
  if (pid_ == 0) {
    if (dup2(to[0], STDIN_FILENO) < 0 || dup2(from[1], STDOUT_FILENO) < 0) _exit(126);
    execv(KINDRED_STORE_WORKER, argv.data());
    _exit(127);
  }
  close(to[0]);
  close(from[1]);
  input_ = to[1];
  output_ = from[0];
}

StoreProcess::~StoreProcess() {
  if (pid_ > 0) kill();
  close(output_);
}

std::string StoreProcess::line() {
  std::string line;
  char byte = 0;
  while (read(output_, &byte, 1) == 1 && byte != '\n') line += byte;
  return line;
}

int StoreProcess::finish() {
  return wait();
}

void StoreProcess::kill() {
  ::kill(pid_, SIGKILL);
  wait();
}

int StoreProcess::wait() {
  if (input_ >= 0) close(input_);
  input_ = -1;
  int status = 0;
  waitpid(pid_, &status, 0);
  pid_ = -1;
  return status;
}

}  // namespace kindred::test
