// The calls are made by number, past the C library's functions of the same names, which these here
// hide. Nothing is allocated once the counting has begun: a call may come from anywhere.
// SPDX-License-Identifier: Apache-2.0
#include "tests/support/failing_calls.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string_view>

namespace kindred::test {
namespace {

// A loaded file's instructions.
struct Code {
  const char* name;
  char path[PATH_MAX] = "";
  uintptr_t begin = 0;
  size_t bytes = 0;
};

// Constant while calls are counted.
struct Watch {
  char folder[PATH_MAX];  // with a slash at its end
  char database[PATH_MAX];
  char wal[PATH_MAX];
  char note[PATH_MAX];
  char copies[PATH_MAX];
  int database_file = -1;  // never closed: closing it would drop SQLite's locks
  Failure failure = Failure::kNone;
  int64_t at = 0;
  Code extension{"/kindred.so"};
  Code rocksdb_half{"/kindred_rocksdb.so"};
};
Watch watch;
std::atomic<bool> active{false};
std::atomic<bool> failed{false};
std::atomic<bool> lifted{false};
std::atomic<int64_t> seen{0};
std::atomic<int> copied{0};

enum class Kind { kWrite, kCreate, kSync, kOther };

struct Call {
  const char* name;
  const char* path;
  Kind kind = Kind::kOther;
  size_t bytes = 0;  // of a write
};

void put(char (&into)[PATH_MAX], const std::string& path) {
  std::snprintf(into, sizeof into, "%s", path.c_str());
}

[[noreturn]] void die() {
  for (;;) ::kill(::getpid(), SIGKILL);
}

int open_raw(const char* path, int flags) {
  return static_cast<int>(syscall(SYS_openat, AT_FDCWD, path, flags | O_CLOEXEC, 0644));
}

void note(const Call& call) {
  char line[PATH_MAX + 64];
  const int bytes =
      std::snprintf(line, sizeof line, "%s %s", call.name, call.path + std::strlen(watch.folder));
  const int file = open_raw(watch.note, O_WRONLY | O_CREAT | O_TRUNC);
  syscall(SYS_write, file, line, static_cast<size_t>(bytes));
  ::close(file);
}

void copy(int from, const char* suffix) {
  char path[PATH_MAX + 32];
  std::snprintf(path, sizeof path, "%s/%d.db%s", watch.copies, copied.load(), suffix);
  const int to = open_raw(path, O_WRONLY | O_CREAT | O_TRUNC);
  static char buffer[1 << 16];
  off_t at = 0;
  for (ssize_t got; (got = ::pread(from, buffer, sizeof buffer, at)) > 0; at += got)
    syscall(SYS_write, to, buffer, static_cast<size_t>(got));
  ::close(to);
}

// SQLite's files are written by one thread, which is the one that is here. Another may end the
// process meanwhile: the copy gets its name once it is whole.
void copy_database() {
  if (const int wal = open_raw(watch.wal, O_RDONLY); wal >= 0) {
    copy(wal, "-wal");
    ::close(wal);
  }
  copy(watch.database_file, ".part");
  char part[PATH_MAX + 32];
  char whole[PATH_MAX + 32];
  std::snprintf(part, sizeof part, "%s/%d.db.part", watch.copies, copied.load());
  std::snprintf(whole, sizeof whole, "%s/%d.db", watch.copies, copied.load());
  syscall(SYS_renameat2, AT_FDCWD, part, AT_FDCWD, whole, 0);
  ++copied;
}

bool is_below(const char* path) {
  const size_t length = std::strlen(watch.folder);
  return std::strncmp(path, watch.folder, length) == 0 && path[length] != '\0';
}

// `real` makes the call, of a write that many bytes; its result and errno are a system call's.
template <class Real>
long call(const Call& what, const Real& real) {
  if (!active.load(std::memory_order_acquire) || watch.failure == Failure::kNoMemory ||
      !is_below(what.path))
    return real(what.bytes);
  const int64_t number = ++seen;
  const bool now = number == watch.at && watch.failure != Failure::kNone && !lifted;
  if (now) {
    note(what);
    failed = true;
  }
  const bool takes_room = what.kind == Kind::kWrite || what.kind == Kind::kCreate;
  if (watch.failure == Failure::kFull && number >= watch.at && takes_room && !lifted) {
    errno = ENOSPC;
    return -1;
  }
  if (now && watch.failure == Failure::kError) {
    errno = EIO;
    return -1;
  }
  if (now && watch.failure == Failure::kShort && what.bytes > 1) return real(what.bytes / 2);
  if (now && watch.failure == Failure::kDieHalfway && what.bytes > 1) real(what.bytes / 2);
  if (now && (watch.failure == Failure::kDieBefore || watch.failure == Failure::kDieHalfway)) die();
  const long result = real(what.bytes);
  if (now && watch.failure == Failure::kDieAfter) die();
  const bool database =
      what.kind == Kind::kSync && result == 0 && watch.copies[0] != '\0' &&
      (std::strcmp(what.path, watch.database) == 0 || std::strcmp(what.path, watch.wal) == 0);
  if (database) copy_database();
  return result;
}

// The path of an open file.
struct PathOf {
  char path[PATH_MAX];
  explicit PathOf(int file) {
    path[0] = '\0';
    if (!active.load(std::memory_order_acquire)) return;
    char link[64];
    std::snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    const ssize_t length = ::readlink(link, path, sizeof path - 1);
    path[length < 0 ? 0 : length] = '\0';
  }
};

long open_counted(const char* path, int flags, mode_t mode) {
  const auto real = [&](size_t) { return syscall(SYS_openat, AT_FDCWD, path, flags, mode); };
  if ((flags & O_CREAT) == 0) return real(0);
  return call({"create", path, Kind::kCreate}, real);
}

long pwrite_counted(int file, const void* data, size_t bytes, off_t offset) {
  return call({"pwrite", PathOf(file).path, Kind::kWrite, bytes},
              [&](size_t part) { return syscall(SYS_pwrite64, file, data, part, offset); });
}

long mmap_counted(void* at, size_t bytes, int protection, int flags, int file, off_t offset) {
  const auto real = [&](size_t) {
    return syscall(SYS_mmap, at, bytes, protection, flags, file, offset);
  };
  return file < 0 ? real(0) : call({"mmap", PathOf(file).path}, real);
}

long ftruncate_counted(int file, off_t bytes) {
  return call({"ftruncate", PathOf(file).path},
              [&](size_t) { return syscall(SYS_ftruncate, file, bytes); });
}

int find_loaded(dl_phdr_info* object, size_t, void* data) {
  Code& code = *static_cast<Code*>(data);
  if (std::strstr(object->dlpi_name, code.name) == nullptr) return 0;
  put(code.path, object->dlpi_name);
  for (int i = 0; i < object->dlpi_phnum; ++i) {
    const auto& part = object->dlpi_phdr[i];
    if (part.p_type != PT_LOAD || (part.p_flags & PF_X) == 0) continue;
    code.begin = object->dlpi_addr + part.p_vaddr;
    code.bytes = part.p_memsz;
  }
  return 1;
}

// Finds both halves of the extension; the one that is loaded when it is needed, is loaded now.
void find_extension() {
  if (dl_iterate_phdr(&find_loaded, &watch.extension) == 0) return;
  const std::string path = watch.extension.path;
  const std::string half = path.substr(0, path.rfind('/')) + watch.rocksdb_half.name;
  if (::dlopen(half.c_str(), RTLD_NOW | RTLD_LOCAL) == nullptr) std::abort();
  dl_iterate_phdr(&find_loaded, &watch.rocksdb_half);
}

bool is_in(const Code& code, const void* address) {
  return reinterpret_cast<uintptr_t>(address) - code.begin < code.bytes;
}

// Whether this allocation, asked for from `caller`, is the one that fails.
bool allocation_fails(const void* caller) {
  if (!active.load(std::memory_order_acquire) || watch.failure != Failure::kNoMemory) return false;
  if (!is_in(watch.extension, caller) && !is_in(watch.rocksdb_half, caller)) return false;
  if (++seen != watch.at || lifted) return false;
  note({"allocation", watch.database});
  failed = true;
  return true;
}

// A process that dies loses nothing it has written, so that no test here waits for a disk.
long no_sync(size_t) {
  return 0;
}

}  // namespace

void watch_calls(const CallPlan& plan) {
  active = false;
  seen = 0;
  failed = lifted = false;
  put(watch.database, plan.database);
  put(watch.wal, plan.database + "-wal");
  put(watch.note, failure_note(plan.database));
  put(watch.folder, plan.database.substr(0, plan.database.rfind('/') + 1));
  put(watch.copies, plan.copies);
  watch.failure = plan.failure;
  watch.at = plan.at;
  if (plan.failure == Failure::kNoMemory) find_extension();
  watch.database_file = open_raw(watch.database, O_RDONLY);
  active.store(true, std::memory_order_release);
  if (!plan.copies.empty()) copy_database();
}

int64_t calls_seen() noexcept {
  return seen;
}

bool has_failed() noexcept {
  return failed;
}

void lift_failure() noexcept {
  lifted = true;
}

std::string failure_note(const std::string& database) {
  return database + ".failure";
}

}  // namespace kindred::test

#define KINDRED_CALL extern "C" __attribute__((visibility("default")))

using kindred::test::call;
using kindred::test::Kind;
using kindred::test::no_sync;
using kindred::test::PathOf;

KINDRED_CALL ssize_t write(int file, const void* data, size_t bytes) {
  return call({"write", PathOf(file).path, Kind::kWrite, bytes},
              [&](size_t part) { return syscall(SYS_write, file, data, part); });
}

KINDRED_CALL ssize_t pwrite(int file, const void* data, size_t bytes, off_t offset) {
  return kindred::test::pwrite_counted(file, data, bytes, offset);
}

KINDRED_CALL ssize_t pwrite64(int file, const void* data, size_t bytes, off64_t offset) {
  return kindred::test::pwrite_counted(file, data, bytes, offset);
}

KINDRED_CALL int fsync(int file) {
  return static_cast<int>(call({"fsync", PathOf(file).path, Kind::kSync}, no_sync));
}

KINDRED_CALL int fdatasync(int file) {
  return static_cast<int>(call({"fdatasync", PathOf(file).path, Kind::kSync}, no_sync));
}

KINDRED_CALL int open(const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  return static_cast<int>(kindred::test::open_counted(path, flags, mode));
}

KINDRED_CALL int open64(const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  return static_cast<int>(kindred::test::open_counted(path, flags, mode));
}

KINDRED_CALL int rename(const char* from, const char* to) noexcept {
  return static_cast<int>(call({"rename", to}, [&](size_t) {
    return syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
  }));
}

KINDRED_CALL int renameat2(int from_folder, const char* from, int to_folder, const char* to,
                           unsigned flags) noexcept {
  return static_cast<int>(call({"renameat2", to}, [&](size_t) {
    return syscall(SYS_renameat2, from_folder, from, to_folder, to, flags);
  }));
}

KINDRED_CALL int link(const char* from, const char* to) noexcept {
  return static_cast<int>(call({"link", to, Kind::kCreate}, [&](size_t) {
    return syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0);
  }));
}

KINDRED_CALL int unlink(const char* path) noexcept {
  return static_cast<int>(
      call({"unlink", path}, [&](size_t) { return syscall(SYS_unlinkat, AT_FDCWD, path, 0); }));
}

KINDRED_CALL int mkdir(const char* path, mode_t mode) noexcept {
  return static_cast<int>(call({"mkdir", path, Kind::kCreate},
                               [&](size_t) { return syscall(SYS_mkdirat, AT_FDCWD, path, mode); }));
}

KINDRED_CALL int ftruncate(int file, off_t bytes) noexcept {
  return static_cast<int>(kindred::test::ftruncate_counted(file, bytes));
}

KINDRED_CALL int ftruncate64(int file, off64_t bytes) noexcept {
  return static_cast<int>(kindred::test::ftruncate_counted(file, bytes));
}

KINDRED_CALL void* mmap(void* at, size_t bytes, int protection, int flags, int file,
                        off_t offset) noexcept {
  return reinterpret_cast<void*>(
      kindred::test::mmap_counted(at, bytes, protection, flags, file, offset));
}

KINDRED_CALL void* mmap64(void* at, size_t bytes, int protection, int flags, int file,
                          off64_t offset) noexcept {
  return reinterpret_cast<void*>(
      kindred::test::mmap_counted(at, bytes, protection, flags, file, offset));
}

__attribute__((visibility("default"))) void* operator new(size_t bytes) {
  if (kindred::test::allocation_fails(__builtin_return_address(0))) throw std::bad_alloc();
  if (void* memory = std::malloc(bytes > 0 ? bytes : 1)) return memory;
  throw std::bad_alloc();
}

// As the C++ library has it; a sanitizer's would not go through the one above.
__attribute__((visibility("default"))) void* operator new(size_t bytes,
                                                          const std::nothrow_t&) noexcept {
  try {
    return ::operator new(bytes);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

__attribute__((visibility("default"))) void operator delete(void* memory) noexcept {
  std::free(memory);
}

__attribute__((visibility("default"))) void operator delete(void* memory, size_t) noexcept {
  std::free(memory);
}
