// A graph's searches, from the highest level to the lowest.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "storage/graphs/best_first.h"
#include "storage/graphs/candidate_pool.h"
#include "storage/graphs/graph.h"
#include "storage/graphs/node_group.h"
#include "storage/graphs/node_queue.h"
#include "storage/graphs/visited_nodes.h"
#include "storage/prefetch.h"

namespace kindred::storage {
namespace {

// Rows of a node that a filter keeps out, in the time of one distance.
constexpr size_t kRowsPerDistance = 16;

// A filter that refuses what is near to the query: so many times as many nodes as there would be of
// any, and some, are nearer than the nearest that passes. Where these begin a search comes by the
// way its links go, so that it has to look around more widely: of clusters of which the query's own
// was refused it found 0.95 of the ten nearest, with four times the ef 0.99.
constexpr double kMostRefused = 4;
constexpr double kSomeRefused = 16;
constexpr size_t kEfOfRefused = 4;

constexpr size_t kGroup = NodeQueue::kGroup;
constexpr size_t kFour = CodeKernels::kFour;
constexpr size_t kLine = 64;
constexpr size_t kMostFetched = 1024;  // bytes of a node's code; the rest comes by itself

// Of four nodes (NodeNumbers::key), but NaN where that is farthest.
FourFloats keys_of(const std::byte* const* nodes, float factor, FourFloats compared) noexcept {
  const auto numbers = [nodes](size_t i) { return reinterpret_cast<const NodeNumbers*>(nodes[i]); };
  const FourFloats scale{numbers(0)->scale, numbers(1)->scale, numbers(2)->scale,
                         numbers(3)->scale};
  const FourFloats bias{numbers(0)->bias, numbers(1)->bias, numbers(2)->bias, numbers(3)->bias};
  return bias - scale * factor * compared;
}

}  // namespace

// What a search needs room for: each thread keeps one, and each GraphSearch its own.
struct GraphScratch {
  VisitedNodes visited;
  NodeQueue met;
  CandidatePool pool;
  std::vector<Candidate> entries;  // where a search of a level begins, nearest first
  // Entries the pool had no room for: only of searches that may go on.
  std::vector<CandidatePool::Entry> spare;
  std::vector<Candidate> open;   // heap of a filtered search: nearest first
  std::vector<Candidate> found;  // heap of those that pass: farthest first
  std::vector<float> refused;    // keys of the others
  std::vector<GraphHit> hits;
  PrincipalQuery principal;
};

namespace {

GraphScratch& scratch() {
  thread_local GraphScratch of_thread;
  return of_thread;
}

bool is_farther(const Candidate& a, const Candidate& b) noexcept {
  return b < a;
}

}  // namespace

// One search.
class GraphWalk {
 public:
  GraphWalk(const Graph& graph, const CodedQuery& query, SearchEffort effort, GraphScratch& room)
      : graph_(graph),
        query_(query),
        entries_(effort.entries > 0 ? effort.entries : graph.entries()),
        left_out_(effort.left_out),
        nearest_(effort.nearest),
        room_(room),
        layout_(graph.layout_),
        fetched_from_(std::max(layout_.code_at, kLine)),
        fetched_(layout_.code_at + std::min(graph.code_bytes_, kMostFetched)),
        is_verified_(graph.all_verified_.load(std::memory_order_relaxed)) {
    room_.met.reset(room_.visited);
    room_.visited.make_room(graph.size());
    if (graph.has_vectors())
      query_ = {.codes = query.vector, .times = graph.kernels_.is_distance() ? -1.0F : query.times};
    const PrincipalAxes& axes = graph.axes_;
    if (axes.empty() || !is_whole(axes.section(), axes.section_bytes())) return;
    query_ = room.principal.along(axes, query);
  }

  std::optional<std::span<const GraphHit>> run(size_t ef, const GraphFilter* filter) {
    if (!is_sound_) return std::nullopt;
    if (!descend()) return std::nullopt;
    if (filter == nullptr) {
      const Reach reach = reach_of(ef);
      const size_t most = reach.nearest > 0 ? kMostOfEf * ef : ef;
      begin(most, reach);
      return walk<false>() ? hits_of_pool(most) : std::nullopt;
    }
    if (!walk_filtered(ef, *filter) || !is_sound_) return std::nullopt;
    room_.hits.clear();
    std::sort(room_.found.begin(), room_.found.end());
    for (const Candidate& c : room_.found) add_hits(c, ef, filter);
    return hits();
  }

  // The same without a filter, again and again: what has been met is not met anew.
  std::optional<std::span<const GraphHit>> widen(size_t ef) {
    if (!is_sound_) return std::nullopt;
    if (ef_ == 0) {
      if (!descend()) return std::nullopt;
      begin(ef);
    } else if (ef > ef_) {
      take_spare(ef);
    }
    ef_ = std::max(ef_, ef);
    return walk<true>() ? hits_of_pool(ef_) : std::nullopt;
  }

  size_t distances() const noexcept { return distances_; }

 private:
  // So far that most queries have `ef` nodes within it, if it is known how their number grows.
  Reach reach_of(size_t ef) const {
    if (nearest_ == 0 || nearest_ >= ef || kMostOfEf * ef > graph_.size()) return {};
    if (!(graph_.growth() > 0) || !query_.offset) return {};
    const float ratio = static_cast<float>(ef) / static_cast<float>(nearest_);
    return {.nearest = nearest_,
            .least = std::max(nearest_, ef / 2),
            .offset = *query_.offset,
            .factor = std::pow(ratio, 1 / graph_.growth())};
  }

  // A search of the level, from what the one above has found on: it need not be compared again.
  void begin(size_t ef, const Reach& reach = {}) {
    room_.met.reset(room_.visited);
    room_.pool.reset(std::min(ef, graph_.size()), reach);
    room_.spare.clear();
    if (left_out_) room_.met.pass(*left_out_, room_.visited);
    for (const Candidate& entry : room_.entries) {
      room_.met.pass(entry.node, room_.visited);
      if (level_ == 0)
        insert_or_spare(entry);
      else
        room_.pool.insert(entry);
    }
  }

  // The pool grows by the nearest of what it had no room for.
  void take_spare(size_t ef) {
    CandidatePool& pool = room_.pool;
    std::vector<CandidatePool::Entry>& spare = room_.spare;
    pool.grow(std::min(ef, graph_.size()));
    const size_t taken = std::min(pool.capacity() - pool.size(), spare.size());
    const auto end = spare.begin() + static_cast<ptrdiff_t>(taken);
    std::nth_element(spare.begin(), end, spare.end());
    std::sort(spare.begin(), end);
    pool.append({spare.data(), taken});
    spare.erase(spare.begin(), end);
  }

  // `most` rows of those in the pool.
  std::optional<std::span<const GraphHit>> hits_of_pool(size_t most) {
    room_.hits.clear();
    const uint32_t* const of_node = graph_.ends_ != nullptr ? graph_.ends_ : graph_.rows_;
    for (size_t i = 0; i < room_.pool.size(); ++i)
      prefetch(of_node + room_.pool[i].node, sizeof(uint32_t));
    for (size_t i = 0; i < room_.pool.size(); ++i) add_hits(room_.pool[i], most, nullptr);
    return hits();
  }

  std::optional<std::span<const GraphHit>> hits() const {
    if (!is_sound_) return std::nullopt;
    return std::span<const GraphHit>(room_.hits);
  }

  // The rows of a node that pass, until there are `most` hits.
  void add_hits(const Candidate& c, size_t most, const GraphFilter* filter) {
    const RowPlaces places = places_of(c.node);
    for (size_t place = places.begin; place < places.end && room_.hits.size() < most; ++place) {
      const uint32_t row = row_at(place);
      if (filter == nullptr || passes(*filter, row)) room_.hits.push_back({c.key, row});
    }
  }

  static bool passes(const GraphFilter& filter, uint32_t row) noexcept {
    return (filter.rows[row / 64] >> (row % 64) & 1) != 0;
  }

  // Whether one of a node's rows passes.
  bool any_passes(const GraphFilter& filter, uint32_t node) noexcept {
    const RowPlaces places = places_of(node);
    size_t place = places.begin;
    while (place < places.end && !passes(filter, row_at(place))) ++place;
    rows_passed_over_ += place - places.begin;
    return place < places.end;
  }

  // Places and rows, none once a block is found damaged.
  RowPlaces places_of(uint32_t node) noexcept {
    if (graph_.ends_ != nullptr) {
      const uint32_t* const first = graph_.ends_ + (node > 0 ? node - 1 : 0);
      const size_t bytes = (node > 0 ? 2 : 1) * sizeof(uint32_t);
      if (!is_whole(reinterpret_cast<const std::byte*>(first), bytes)) return {0, 0};
    }
    return graph_.places_of(node);
  }
  uint32_t row_at(size_t place) noexcept {
    is_whole(reinterpret_cast<const std::byte*>(graph_.rows_ + place), sizeof(uint32_t));
    return graph_.row_at(place);
  }

  bool is_whole(const std::byte* at, size_t bytes) noexcept {
    if (graph_.is_whole(at, bytes)) return true;
    is_sound_ = false;
    return false;
  }

  bool are_whole(const std::byte* const (&nodes)[kGroup]) noexcept {
    if (is_verified_) return true;
    return std::all_of(nodes, nodes + kGroup,
                       [this](const std::byte* node) { return is_whole(node, layout_.stride); });
  }

  // What a distance is computed from. The links that are not beside the numbers come later.
  void fetch(uint32_t node) const noexcept {
    const std::byte* at = graph_.node(node);
    prefetch(at, 1);
    for (size_t i = fetched_from_; i < fetched_; i += kLine) prefetch(at + i, 1);
  }

  void fetch_links(uint32_t node) const noexcept {
    const size_t begin = std::max(layout_.links_at, kLine);
    const size_t end = layout_.links_at + layout_.links * sizeof(uint32_t);
    prefetch(graph_.node(node) + begin, end - std::min(begin, end));
  }

  // Appends what a node links to on the level and has not been visited. An id beyond the level,
  // which damage could leave as well, ends them.
  void gather(uint32_t node) {
    const auto fetch_met = [this](uint32_t met) { fetch(met); };
    const uint32_t* links;
    if (level_ == 0) {
      links = reinterpret_cast<const uint32_t*>(graph_.node(node) + layout_.links_at);
      room_.met.push_unvisited({links, layout_.links}, graph_.size(), room_.visited, fetch_met);
      return;
    }
    links = graph_.upper_[level_ - 1] + size_t{node} * graph_.m();
    if (!is_whole(reinterpret_cast<const std::byte*>(links), graph_.m() * sizeof(uint32_t))) return;
    room_.met.push_unvisited({links, graph_.m()}, graph_.header_.level_nodes[level_ - 1],
                             room_.visited, fetch_met);
  }

  // Compares the next nodes of those met; false if a block is damaged.
  bool compare(NodeGroup& group) noexcept {
    group.nodes = room_.met.take(group.count);
    const int8_t* rows[kGroup];
    const std::byte* nodes[kGroup];
    for (size_t i = 0; i < kGroup; ++i) {
      nodes[i] = graph_.node(group.nodes[i]);
      asm("" : "+r"(nodes[i]));  // g++ 12 would multiply in vectors, of which SSE2 makes a lot
      rows[i] = reinterpret_cast<const int8_t*>(nodes[i] + layout_.code_at);
    }
    if (!are_whole(nodes)) return false;
    graph_.kernels_.sixteen(query_.codes, query_.sum, rows, graph_.code_bytes_, group.keys);
    for (size_t i = 0; i < kGroup; i += kFour)
      group.keys[i / kFour] = keys_of(nodes + i, query_.factor(), group.keys[i / kFour]);
    distances_ += group.count;
    return true;
  }

  // Searches the upper levels for where to enter the lowest; false if a block is damaged.
  bool descend() {
    NodeGroup group;
    room_.met.push(0);
    if (!compare(group)) return false;
    room_.entries.assign(1, group[0]);
    for (level_ = graph_.levels(); level_ > 0; --level_) {
      begin(entries_);
      if (!walk<false>() || !is_sound_) return false;
      room_.entries.clear();
      for (size_t i = 0; i < room_.pool.size(); ++i) room_.entries.push_back(room_.pool[i]);
    }
    return true;
  }

  // Expands until all in the pool are; false if a block is damaged.
  template <bool keeps_spare>
  bool walk() {
    const auto meet = [this](const NodeGroup& group) {
      if (keeps_spare) {
        for (size_t i = 0; i < group.count; ++i) insert_or_spare(group[i]);
      } else {
        add_nearer(group, room_.pool, [this](uint32_t node) {
          if (level_ == 0) fetch_links(node);
        });
      }
    };
    return search_best_first(
        room_.pool, room_.met, level_ == 0, [this](uint32_t node) { gather(node); },
        [this](NodeGroup& group) { return compare(group); }, meet);
  }

  void insert_or_spare(const Candidate& candidate) {
    CandidatePool& pool = room_.pool;
    if (!(candidate.key < pool.limit()))
      return room_.spare.push_back(CandidatePool::entry_of(candidate));
    if (pool.is_full()) room_.spare.push_back(pool.last_entry());
    pool.insert(candidate);
    fetch_links(candidate.node);
  }

  // All rows lead on, those that pass are kept: until no open node is nearer than the ef-th found.
  bool walk_filtered(size_t ef, const GraphFilter& filter) {
    std::vector<Candidate>& open = room_.open;
    std::vector<Candidate>& found = room_.found;
    begin(1);
    open = room_.entries;
    std::make_heap(open.begin(), open.end(), is_farther);
    found.clear();
    room_.refused.clear();
    for (const Candidate& entry : room_.entries)
      if (found.size() < ef && any_passes(filter, entry.node)) found.push_back(entry);
    std::make_heap(found.begin(), found.end());
    bool is_full = false;
    const auto is_open = [&] {
      return !open.empty() && (found.size() < ef || !(found.front() < open.front()));
    };
    for (;;) {
      if (distances_ + rows_passed_over_ / kRowsPerDistance > filter.budget) return false;
      while (room_.met.is_low() && is_open()) {
        std::pop_heap(open.begin(), open.end(), is_farther);
        gather(open.back().node);
        open.pop_back();
      }
      if (room_.met.size() == 0) return true;
      NodeGroup group;
      if (!compare(group)) return false;
      for (size_t i = 0; i < group.count; ++i) {
        const Candidate candidate = group[i];
        if (found.size() == ef && !(candidate < found.front())) continue;
        open.push_back(candidate);
        std::push_heap(open.begin(), open.end(), is_farther);
        fetch_links(candidate.node);
        if (!any_passes(filter, candidate.node)) {
          if (!is_full) room_.refused.push_back(candidate.key);
          continue;
        }
        found.push_back(candidate);
        std::push_heap(found.begin(), found.end());
        if (found.size() <= ef) continue;
        std::pop_heap(found.begin(), found.end());
        found.pop_back();
        if (!std::exchange(is_full, true) && refuses_nearest(filter)) ef *= kEfOfRefused;
      }
    }
  }

  // Whether the filter refuses what is near to the query, as far as the search has come.
  bool refuses_nearest(const GraphFilter& filter) const {
    const float nearest = std::min_element(room_.found.begin(), room_.found.end())->key;
    const auto nearer = std::count_if(room_.refused.begin(), room_.refused.end(),
                                      [nearest](float key) { return key < nearest; });
    const auto passing = static_cast<double>(filter.passing);
    const double others = static_cast<double>(graph_.rows()) - passing;
    return static_cast<double>(nearer) > kMostRefused * others / passing + kSomeRefused;
  }

  const Graph& graph_;
  CodedQuery query_;
  const size_t entries_;
  const std::optional<uint32_t> left_out_;
  const size_t nearest_;
  GraphScratch& room_;
  const NodeLayout layout_;
  // Bytes of a node that are fetched beside its first line: to the end of its code, or most of it.
  const size_t fetched_from_;
  const size_t fetched_;
  const bool is_verified_;  // the whole graph
  size_t distances_ = 0;
  size_t rows_passed_over_ = 0;  // by a filter
  size_t ef_ = 0;                // of what can be widened; 0: not begun
  size_t level_ = 0;             // that is searched
  bool is_sound_ = true;
};

std::optional<std::span<const GraphHit>> Graph::search(const CodedQuery& query, SearchEffort effort,
                                                       const GraphFilter* filter,
                                                       size_t& distances) const {
  GraphWalk walk(*this, query, effort, scratch());
  const auto hits = walk.run(std::clamp<size_t>(effort.ef, 1, rows()), filter);
  distances += walk.distances();
  return hits;
}

GraphSearch::GraphSearch(const Graph& graph, const CodedQuery& query)
    : graph_(&graph),
      room_(std::make_unique<GraphScratch>()),
      walk_(std::make_unique<GraphWalk>(graph, query, SearchEffort{}, *room_)) {}

GraphSearch::GraphSearch(GraphSearch&&) noexcept = default;
GraphSearch& GraphSearch::operator=(GraphSearch&&) noexcept = default;
GraphSearch::~GraphSearch() = default;

std::optional<std::span<const GraphHit>> GraphSearch::widen(size_t ef, size_t& distances) {
  const size_t before = walk_->distances();
  const auto hits = walk_->widen(std::clamp<size_t>(ef, 1, graph_->rows()));
  distances += walk_->distances() - before;
  return hits;
}

}  // namespace kindred::storage
