// Builds the graph file of a segment, with hnswlib on its rows' codes.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "storage/format.h"
#include "storage/graphs/graph_format.h"
#include "storage/segments/segment.h"

namespace kindred::storage {

// Called in the calling thread now and then; may throw to give up.
using GraphProgress = std::function<void(size_t done, size_t total)>;

// Writes `path`, durably, under another name first. Returns false, having done nothing, if another
// thread or process is at it; true without having built if `is_wanted`, which is asked once nobody
// else can be at it, says that it is not. Throws StorageError, std::exception of hnswlib's, and
// what `progress` throws. REQUIRES: segment.rows() > 0.
bool build_graph(const Segment& segment, const VectorSpec& spec, const GraphOptions& options,
                 const std::string& path, const GraphProgress& progress,
                 const std::function<bool()>& is_wanted = {});

}  // namespace kindred::storage
