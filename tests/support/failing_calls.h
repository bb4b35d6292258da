// System calls that fail or end the process at a place of the test's choosing: write, pwrite, sync,
// create, rename, link, unlink, truncate, mkdir and mmap of files below one folder, counted from 1
// whichever thread makes them. The definitions stand in the test program itself, where the dynamic
// linker finds them before the C library's, for SQLite, RocksDB and the extension alike; so the
// extension under test is the one that is shipped. Reading is not counted; syncing does nothing.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace kindred::test {

enum class Failure : int {
  kNone,        // the calls are only counted
  kDieBefore,   // SIGKILL instead of the call
  kDieAfter,    // SIGKILL once it is done
  kDieHalfway,  // SIGKILL once half of a write is done; before any other call
  kError,       // EIO, once
  kFull,        // ENOSPC for this call and all later ones that take room, until it is lifted
  kShort,       // half of a write is done and said to be done, once
  kNoMemory,    // std::bad_alloc, once; the extension's allocations are counted, no calls
};

struct CallPlan {
  std::string database;  // SQLite's file, if there is one; what is below its folder is watched
  Failure failure = Failure::kNone;
  int64_t at = 0;  // the call that fails; for kFull the first
  // "" or where SQLite's files are copied to as <i>.db and <i>.db-wal, i = 0, 1, ..: after each
  // sync of one of them, which is as far back as a power loss can take them from then on.
  std::string copies;
};

// Begins counting, from 1 again. REQUIRES: no other thread makes such calls meanwhile.
void watch_calls(const CallPlan& plan);
int64_t calls_seen() noexcept;
bool has_failed() noexcept;
// From now on nothing fails.
void lift_failure() noexcept;

// The file beside the database that names the call that failed: "fdatasync app.db-wal".
std::string failure_note(const std::string& database);

}  // namespace kindred::test
