// A mapped graph file: finds rows of its segment that are near a query without looking at all of
// them. What it finds is to be ranked by exact distance. Immutable and thread-safe.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "storage/checked_blocks.h"
#include "storage/codes/code_kernels.h"
#include "storage/file.h"
#include "storage/format.h"
#include "storage/graphs/graph_format.h"
#include "storage/graphs/principal_codes.h"

namespace kindred::storage {

// Bounds of the ef that a graph is searched with unless the caller says otherwise.
inline constexpr size_t kLeastEf = 64;
inline constexpr size_t kMostEf = 1024;
// The same where codes are of a prefix: what it finds are candidates for whole vectors.
inline constexpr size_t kMostEfOfPrefix = 4096;
// The same that finds as many of the hundred nearest.
inline constexpr size_t kMostEfOfHundred = 2048;
// The numbers of nearest rows for which a graph's ef is measured.
inline constexpr size_t kFewNearest = 10;
inline constexpr size_t kManyNearest = 100;

// What a search keeps in view, and by how many nodes it enters a level: what it has kept in view on
// the level above (Malkov & Yashunin 2018, algorithm 5, enters by one).
struct SearchEffort {
  size_t ef;
  size_t entries = 0;  // 0: as many as the graph says
  // How many of the nearest are wanted. A search keeps in view what is not much farther than these,
  // so much that it is `ef` nodes for most queries, but fewer where few are as near, and up to
  // kMostOfEf times as many where a lot are. 0: `ef` nodes for each.
  size_t nearest = 0;
  // A node that is passed over as though it were not there: what a row's vector would find if the
  // row were none.
  std::optional<uint32_t> left_out = std::nullopt;
};
inline constexpr size_t kMostEntries = 64;
inline constexpr size_t kMostOfEf = 3;

// Rows that a graph has found which are looked at exactly, at least, unless key_errors.h rules them
// out.
inline constexpr size_t kLeastLookedAt = 60;

// Segments with fewer rows are scanned as fast.
size_t least_graph_rows(const VectorSpec& spec) noexcept;

// Those with fewer rows than this are scanned fast enough (0.5 ms at 384 dimensions) to stay exact
// until `optimize` asks for a graph.
inline constexpr size_t kLeastUnaskedRows = 50000;

// The segment file that a graph must be of.
struct GraphOf {
  SegmentIdentity identity;
  uint64_t rows = 0;
  uint64_t sum = 0;  // of its checksums
};

struct GraphHit {
  float key;  // orders as the distance by codes does
  uint32_t row;
};

// Which rows may be found, and how many distances that may cost.
struct GraphFilter {
  std::span<const uint64_t> rows;  // a bit for each row of the segment
  size_t passing = 0;              // how many are set
  size_t budget = 0;               // distances
};

// Places `begin` to `end` - 1.
struct RowPlaces {
  size_t begin;
  size_t end;
};

// Where the graph of a segment file lies.
std::string graph_beside(const std::string& segment_path);

class Graph {
 public:
  // Maps the file; what can be read afterwards lies inside it whatever its bytes are. nullptr if
  // there is none that can be read, or it is damaged or another segment's: to be built anew.
  static std::shared_ptr<const Graph> open(const std::string& path, const VectorSpec& spec,
                                           const GraphOf& segment);

  // The nearest nodes that a best-first search meets, by ascending key (Malkov & Yashunin 2018,
  // algorithms 2 and 5), with their rows: `ef` rows, or as many as the effort says (Al-Jazzazi et
  // al. 2025, "Distance Adaptive Beam Search for Provably Accurate Graph-Based Nearest Neighbor
  // Search"). With a filter `ef` rows, and only such as pass it; one that refuses what is near to
  // the query is searched more widely. nullopt if the filter's budget did not last, or a block was
  // found damaged: is_damaged() then. `distances` is increased by those computed. The result is
  // valid until this thread's next search.
  std::optional<std::span<const GraphHit>> search(const CodedQuery& query, SearchEffort effort,
                                                  const GraphFilter* filter,
                                                  size_t& distances) const;

  // Whether its pages are worth having in memory before they are asked for: true once, when it has
  // been searched a few times.
  bool is_due_for_population() const noexcept;
  // Reads all of it, as verify() does: no search has to look after its blocks then.
  void populate() const noexcept;

  // Compares every block with its checksum; false if one has changed.
  bool verify() const noexcept;
  bool is_damaged() const noexcept { return damaged_.load(std::memory_order_relaxed); }
  bool is_removed() const { return file_.is_removed(); }

  size_t rows() const noexcept { return header_.rows; }
  // Nodes, each of one row or of several that are equal.
  size_t size() const noexcept { return header_.nodes; }
  size_t m() const noexcept { return header_.m; }
  // The ef that finds nearly all of so many nearest (graph_effort.h).
  size_t ef(size_t nearest = kFewNearest) const noexcept;
  // The same of the nodes by which a search enters.
  size_t entries() const noexcept { return std::clamp<size_t>(header_.entries, 1, kMostEntries); }
  size_t levels() const noexcept { return header_.levels; }
  // With which power of a distance, under l2 of its square, the number of rows within it grows; 0:
  // not known.
  float growth() const noexcept { return static_cast<float>(header_.growth) / kGrowthUnit; }
  // Whether nodes have vectors though the segment has codes: those told too little.
  bool has_vectors() const noexcept { return storage::has_vectors(header_); }
  // REQUIRES: node < size(), level <= levels(), the node is on that level.
  std::span<const uint32_t> links(size_t level, uint32_t node) const noexcept;
  // Where a node's rows are, for row_at(): at least one.
  RowPlaces places_of(uint32_t node) const noexcept;
  uint32_t row_at(size_t place) const noexcept;
  size_t level_of(uint32_t node) const noexcept;

 private:
  friend class GraphWalk;

  explicit Graph(const std::string& path);
  bool read_header();
  bool fits(const VectorSpec& spec, const GraphOf& segment);

  const std::byte* node(uint32_t n) const noexcept { return nodes_ + size_t{n} * layout_.stride; }
  // Whether the bytes have the checksums they had; compares each block once.
  bool is_whole(const std::byte* at, size_t bytes) const noexcept {
    return all_verified_.load(std::memory_order_relaxed) || are_whole(at, bytes);
  }
  bool are_whole(const std::byte* at, size_t bytes) const noexcept;

  File file_;
  Mapping mapping_;
  GraphHeader header_{};
  CodeKernels kernels_;
  size_t code_bytes_ = 0;
  NodeLayout layout_;
  PrincipalAxes axes_;  // empty unless codes are along them
  const std::byte* nodes_ = nullptr;
  const uint32_t* rows_ = nullptr;
  const uint32_t* ends_ = nullptr;      // nullptr: node i has the row at place i
  std::vector<const uint32_t*> upper_;  // by level - 1
  CheckedBlocks blocks_;
  mutable std::atomic<bool> all_verified_{false};
  mutable std::atomic<bool> damaged_{false};
  mutable std::atomic<uint32_t> asked_{0};
};

class GraphWalk;
struct GraphScratch;

// A search that may go on: it keeps what it has met, so that a wider one costs what is new in it.
class GraphSearch {
 public:
  // REQUIRES: graph and codes outlive it.
  GraphSearch(const Graph& graph, const CodedQuery& query);
  GraphSearch(GraphSearch&&) noexcept;
  GraphSearch& operator=(GraphSearch&&) noexcept;
  ~GraphSearch();

  // What Graph::search() finds with the greatest ef so far, give or take the order in which rows
  // are met. Valid until the next call.
  std::optional<std::span<const GraphHit>> widen(size_t ef, size_t& distances);

 private:
  const Graph* graph_;
  std::unique_ptr<GraphScratch> room_;
  std::unique_ptr<GraphWalk> walk_;  // in room_
};

}  // namespace kindred::storage
