// One piece of work whose parts several threads take in turn.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>

namespace kindred::storage {

// Calls task(part) once for each part below `parts`, in ascending order, on so many threads (0: one
// a processor), this one among them; on fewer where the system gives no more. Returns when all have
// ended. Once a task has thrown no other is begun, and this throws the same. Before some of its
// own parts this thread calls report(parts taken so far), if that is set; it may throw as well.
void in_parallel(size_t parts, size_t threads, const std::function<void(size_t part)>& task,
                 const std::function<void(size_t taken)>& report = {});

}  // namespace kindred::storage
