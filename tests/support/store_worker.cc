// A process that uses a store, for the tests: `kindred_store_worker COMMAND FOLDER ...`. It says on
// standard output what it has done, a line each, and ends with 0, or 1 after an error.
// SPDX-License-Identifier: Apache-2.0
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>

#include "storage/error.h"
#include "storage/rocksdb/shared_store.h"
#include "tests/support/store_process.h"

namespace kindred::test {
namespace {

void say(const std::string& line) {
  std::cout << line << std::endl;
}

// Has the store open until standard input ends.
void hold(const std::string& folder) {
  const storage::Store store(folder);
  say("open");
  std::cin.get();
}

// Writes segments 1, 2, ... of `rows` rows until it is killed.
void write_segments(const std::string& folder, int64_t rows) {
  storage::Store store(folder);
  for (int64_t segment = 1;; ++segment) {
    const std::string name = std::to_string(segment);
    storage::SegmentIngest ingest = store.ingest(segment);
    for (int64_t id = 0; id < rows; ++id) {
      if (id == rows / 2) say("half " + name);
      ingest.add(id, vector_of(segment, id));
    }
    say("written " + name);
    ingest.finish();
    say("kept " + name);
  }
}

// This process's greatest resident size, in KiB. Not getrusage's: that counts what ran before exec.
long peak_kib() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;)
    if (word == "VmHWM:") {
      long kib = 0;
      status >> kib;
      return kib;
    }
  return 0;
}

// One large segment: says rows a second and KiB of memory that it took.
void bulk(const std::string& folder, int64_t rows, size_t bytes) {
  storage::Store store(folder);
  const std::string vector = vector_of(1, 1, bytes);
  const long before = peak_kib();
  const auto start = std::chrono::steady_clock::now();
  storage::SegmentIngest ingest = store.ingest(1);
  for (int64_t id = 0; id < rows; ++id) ingest.add(id, vector);
  ingest.finish();
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  say(std::to_string(static_cast<int64_t>(static_cast<double>(rows) / seconds.count())));
  say(std::to_string(peak_kib() - before));
}

// Writes a segment that no file may be large enough for; says the fault, then writes a small one.
void run_full(const std::string& folder) {
  storage::Store store(folder);
  std::signal(SIGXFSZ, SIG_IGN);
  const rlimit limit{1 << 20, 1 << 20};
  setrlimit(RLIMIT_FSIZE, &limit);
  try {
    ingest(store, 1, ids_up_to(10000), 1536);
  } catch (const storage::StorageError& error) {
    say("fault " + std::to_string(static_cast<int>(error.fault())));
  }
  ingest(store, 2, ids_up_to(10));
  say("kept 2");
}

// Mounts a file system of 4 MiB on the folder, for this process only; false if it may not.
bool mount_small_disk(const std::string& folder) {
  std::filesystem::create_directories(folder);
  if (unshare(CLONE_NEWNS) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return false;
  return mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
         mount("tmpfs", folder.c_str(), "tmpfs", 0, "size=4m") == 0;
}

// Takes all of the disk but `spare` bytes, in steps of a page.
void fill(const std::string& disk, uintmax_t spare) {
  std::ofstream file(disk + "/filler", std::ios::binary);
  const std::string page(4096, 'x');
  while (file.good() && std::filesystem::space(disk).available > spare) file << page << std::flush;
}

// Whether all `kept` segments are there, at most one besides, and all whole.
bool are_whole(const storage::Store& store, const std::vector<int64_t>& kept) {
  const std::vector<int64_t> found = store.segments();
  bool whole = std::includes(found.begin(), found.end(), kept.begin(), kept.end());
  for (const int64_t segment : found) whole &= scanned_ids(store, segment) == ids_up_to(20);
  return whole;
}

// Writes segments onto a disk that has 0, 4096, 8192, ... bytes left: says how many failed for it,
// what an opening then says, and how the segments fared.
void run_out_of_space(const std::string& folder) {
  const std::string disk = std::filesystem::path(folder).parent_path();
  if (!mount_small_disk(disk)) return say("skip");
  auto store = std::make_unique<storage::Store>(folder);
  std::vector<int64_t> kept;
  int refused = 0;
  bool whole = true;
  for (int64_t segment = 1; segment <= 20; ++segment) {
    fill(disk, 4096 * static_cast<uintmax_t>(segment - 1));
    try {
      ingest(*store, segment, ids_up_to(20), 1536);
      kept.push_back(segment);
    } catch (const storage::StorageError& error) {
      refused += error.fault() == storage::Fault::kFull;
    }
    std::filesystem::remove(disk + "/filler");
    if (store->needs_reopening()) {
      store.reset();
      store = std::make_unique<storage::Store>(folder);
    }
    whole &= are_whole(*store, kept);
  }
  say(std::to_string(refused));
  store.reset();
  fill(disk, 0);
  try {
    store = std::make_unique<storage::Store>(folder);
  } catch (const storage::StorageError& error) {
    say("opening: fault " + std::to_string(static_cast<int>(error.fault())));
  }
  std::filesystem::remove(disk + "/filler");
  store = std::make_unique<storage::Store>(folder);
  whole &= !kept.empty() && are_whole(*store, kept);
  say(whole ? "all whole" : "not whole");
}

// In a forked child: "busy" if it cannot open a store that the parent has open; what it inherited
// is closed by exit, which also writes what stdio holds back.
[[noreturn]] void be_child(std::shared_ptr<storage::Store> inherited, const std::string& folder) {
  try {
    storage::shared_store(folder);
  } catch (const storage::StorageError& error) {
    if (error.fault() == storage::Fault::kBusy) say("busy");
  }
  inherited.reset();
  storage::close_idle_stores(std::chrono::seconds(0));
  std::printf("flushed\n");
  std::exit(3);
}

void fork_child(const std::string& folder) {
  std::shared_ptr<storage::Store> store = storage::shared_store(folder);
  ingest(*store, 1, ids_up_to(100));
  const pid_t child = fork();
  if (child == 0) be_child(std::move(store), folder);
  int status = 0;
  waitpid(child, &status, 0);
  say("child " + std::to_string(WEXITSTATUS(status)));
  ingest(*store, 2, ids_up_to(100));
  say("kept 2");
}

int run(const std::string& command, const std::string& folder) {
  if (command == "hold") hold(folder);
  if (command == "write") write_segments(folder, 2000);
  if (command == "bulk") bulk(folder, 100000, 1536);
  if (command == "full") run_full(folder);
  if (command == "no-space") run_out_of_space(folder);
  if (command == "fork") fork_child(folder);
  return 0;
}

}  // namespace
}  // namespace kindred::test

int main(int count, char** arguments) {
  try {
    return count < 3 ? 2 : kindred::test::run(arguments[1], arguments[2]);
  } catch (const std::exception& error) {
    std::cout << error.what() << std::endl;
    return 1;
  }
}
