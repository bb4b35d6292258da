// SPDX-License-Identifier: Apache-2.0
#include "storage/upkeep/graph_jobs.h"

#include <chrono>
#include <exception>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>

#include "storage/error.h"
#include "storage/upkeep/background.h"

namespace kindred::storage {
namespace {

struct Asked {
  std::mutex mutex;
  std::map<std::string, bool> wanted;  // by path, still or no longer; guarded by mutex
  std::multiset<std::string> held;     // the same: HeldGraphs
};

// Never destroyed: the thread may be in it.
Asked& asked() {
  static Asked* const all = new Asked;
  return *all;
}

void forget(const std::string& path) {
  const std::lock_guard lock(asked().mutex);
  asked().wanted.erase(path);
}

bool is_wanted(const std::string& path) {
  const std::lock_guard lock(asked().mutex);
  const auto asked_for = asked().wanted.find(path);
  const bool given_up = asked_for != asked().wanted.end() && !asked_for->second;
  return !given_up && !asked().held.contains(path);
}

// A segment that has been merged into another, or is about to be, needs no graph any more.
void give_up_when_needless(const Segment& segment) {
  if (is_exiting()) throw StorageError(Fault::kBusy, "the process exits");
  if (!is_wanted(segment.graph_path())) throw StorageError(Fault::kBusy, "it is being merged");
  if (segment.is_removed()) throw StorageError(Fault::kMissing, "the segment is gone");
}

// Built by whoever comes first, in this process or another.
bool build(const Segment& segment, const VectorSpec& spec, const GraphOptions& options,
           const GraphProgress& progress) {
  return build_graph(segment, spec, options, segment.graph_path(), progress, [&] {
    segment.expect_graph();
    return lacks_graph(segment, spec);
  });
}

}  // namespace

bool lacks_graph(const Segment& segment, const VectorSpec& spec) {
  return segment.rows() >= least_graph_rows(spec) && segment.graph() == nullptr;
}

void build_graph_soon(std::shared_ptr<const Segment> segment, const VectorSpec& spec,
                      const GraphOptions& options) {
  const std::string path = segment->graph_path();
  {
    const std::lock_guard lock(asked().mutex);
    if (!asked().wanted.emplace(path, true).second) return;
  }
  try {
    in_background(Lane::kGraphs, [segment = std::move(segment), spec, options, path]() mutable {
      try {
        give_up_when_needless(*segment);
        if (lacks_graph(*segment, spec))
          build(*segment, spec, options, [&](size_t, size_t) { give_up_when_needless(*segment); });
        segment->expect_graph();
      } catch (const std::exception&) {
        // The segment is scanned as before.
      }
      segment.reset();
      forget(path);
    });
  } catch (...) {
    forget(path);  // nobody will build it
    throw;
  }
}

void give_up_graph(const std::string& path) {
  const std::lock_guard lock(asked().mutex);
  const auto asked_for = asked().wanted.find(path);
  if (asked_for != asked().wanted.end()) asked_for->second = false;
}

HeldGraphs::HeldGraphs(std::vector<std::string> paths) : paths_(std::move(paths)) {
  const std::lock_guard lock(asked().mutex);
  asked().held.insert(paths_.begin(), paths_.end());
}

HeldGraphs::~HeldGraphs() {
  const std::lock_guard lock(asked().mutex);
  for (const std::string& path : paths_) asked().held.erase(asked().held.find(path));
}

void populate_when_due(std::shared_ptr<const Graph> graph) {
  if (graph == nullptr || !graph->is_due_for_population()) return;
  try {
    in_background(Lane::kGraphs, [graph = std::move(graph)] { graph->populate(); });
  } catch (const std::exception&) {
    // No thread is to be had: pages come when they are asked for.
  }
}

void build_graph_now(const Segment& segment, const VectorSpec& spec, const GraphOptions& options,
                     const GraphProgress& progress) {
  constexpr std::chrono::milliseconds kPause{5};
  if (const std::shared_ptr<const Graph> graph = segment.graph()) graph->verify();
  while (lacks_graph(segment, spec) && !build(segment, spec, options, progress)) {
    if (progress) progress(0, segment.rows());
    std::this_thread::sleep_for(kPause);
  }
  segment.expect_graph();
}

}  // namespace kindred::storage
