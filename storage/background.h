// One thread a process for work that nobody waits for: sealing and merging. It starts with the
// first job, ends its job at exit() and closes idle stores (shared_store.h) after each.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>

namespace kindred::storage {

// Runs the job some time later, after those that came before. Jobs throw nothing. Does nothing in a
// process that was forked from one with this thread: it has none. Thread-safe.
void in_background(std::function<void()> job);

// Whether the process is about to exit: long jobs give up.
bool is_exiting() noexcept;

}  // namespace kindred::storage
