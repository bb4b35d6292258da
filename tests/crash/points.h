// A workload that is interrupted at its nth system call, for n over all that it makes. Each check
// prints what it did and returns 0, or 1 if anything was wrong.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace kindred::test {

// One point alone: what the others print of one that went wrong, e.g. "no memory", "WAL NORMAL".
int check_point(const std::string& failure, const std::string& mode, int64_t at, uint64_t seed);

// Killed before, after or in the middle of the call.
int check_points(int64_t number, uint64_t seed);

// EIO, a full disk, a short write: the process goes on, and so does a fresh one after it.
int check_faults(int64_t number, uint64_t seed);

// The same with allocations of the extension.
int check_memory(int64_t number, uint64_t seed);

// Killed, and SQLite's files put back to what a power loss may leave of them in WAL mode with
// synchronous=NORMAL; RocksDB and the segment files stay as they are. Then the same with files from
// before the last sync, which has to be found.
int check_rewinds(int64_t number, uint64_t seed);

}  // namespace kindred::test
