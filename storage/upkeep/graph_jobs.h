// When graphs are built: some time after their segments, in a thread of their own, or at once.
// Being derived from files that never change, they take part in no transaction.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "storage/building/graph_builder.h"
#include "storage/segments/segment.h"

namespace kindred::storage {

// Whether the segment should have a graph and has none.
bool lacks_graph(const Segment& segment, const VectorSpec& spec);

// Builds it in the background. What fails is tried again by whoever asks next. Does nothing if it
// has been asked for already. Thread-safe.
void build_graph_soon(std::shared_ptr<const Segment> segment, const VectorSpec& spec,
                      const GraphOptions& options);

// Has the graph not built in the background after all, if it is not yet: its segment has been
// merged into another. Thread-safe.
void give_up_graph(const std::string& path);

// While it lives, this process builds no graphs of these segments in the background, and gives up
// those under way: whoever merges all of them into another has no use for theirs. Thread-safe.
class HeldGraphs {
 public:
  explicit HeldGraphs(std::vector<std::string> paths);  // of the graphs
  ~HeldGraphs();
  HeldGraphs(const HeldGraphs&) = delete;
  HeldGraphs& operator=(const HeldGraphs&) = delete;

 private:
  std::vector<std::string> paths_;
};

// Has the pages of a graph that is searched often read in the background: a connection that lives
// on waits for none of them then, and one that asks once pays for none that it does not need.
void populate_when_due(std::shared_ptr<const Graph> graph);

// Builds it now, or waits for whoever is at it. One that is there is read through: if it is
// damaged, another takes its place. Throws what build_graph() throws.
void build_graph_now(const Segment& segment, const VectorSpec& spec, const GraphOptions& options,
                     const GraphProgress& progress);

}  // namespace kindred::storage
