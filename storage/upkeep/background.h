// A thread or two a process for work that nobody waits for. Each starts with its first job, ends
// its job at exit() and closes idle stores (shared_store.h) after each.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>

namespace kindred::storage {

enum class Lane {
  kSegments,  // sealing and merging
  kGraphs,    // building graphs, which takes longer
};

// Runs the job some time later, after those of its lane that came before. Jobs throw nothing. Does
// nothing in a process that was forked from one with this thread: it has none. Thread-safe.
void in_background(Lane lane, std::function<void()> job);

// Whether the process is about to exit: long jobs give up.
bool is_exiting() noexcept;

}  // namespace kindred::storage
