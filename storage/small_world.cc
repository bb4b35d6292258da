// SPDX-License-Identifier: Apache-2.0
#include "storage/small_world.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <limits>
#include <mutex>
#include <new>
#include <queue>
#include <span>
#include <unordered_map>
#include <utility>

#include "storage/candidate_pool.h"
#include "storage/node_queue.h"
#include "storage/prefetch.h"
#include "storage/visited_nodes.h"

// Without it 0.6.2 defines functions and variables that are neither inline nor static.
#define NO_MANUAL_VECTORIZATION
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wall"
#pragma GCC diagnostic ignored "-Wextra"
#pragma GCC diagnostic ignored "-Wunused-parameter"
#include <hnswlib/hnswlib.h>
#pragma GCC diagnostic pop

namespace kindred::storage {
namespace {

// What hnswlib keeps of a row. Its elements begin with 4 (2M + 1) bytes of links and end with a
// label of 8: the padding makes elements a multiple of 64 bytes and puts codes on such a multiple,
// as its memory begins 16 behind one (that of large blocks of malloc).
struct Payload {
  NodeNumbers numbers;
  int32_t sum;  // CodeKernels::sum() of the codes
};
constexpr size_t kLine = 64;
constexpr size_t kMallocOffset = 16;

// Where codes begin within a payload, and how long it is, for M links.
struct PayloadPlan {
  size_t code_at;
  size_t bytes;
  PayloadPlan(size_t m, size_t stride) {
    const size_t links = (2 * m + 1) * sizeof(hnswlib::tableint);
    code_at = sizeof(Payload);
    while ((kMallocOffset + links + code_at) % kLine != 0) ++code_at;
    bytes = code_at + stride;
    while ((links + bytes + sizeof(hnswlib::labeltype)) % kLine != 0) ++bytes;
  }
};

// Of how many times fewer nodes those are chosen that a node is linked to once more: the search
// begins at the node itself, amid its neighbours, and more of them gain little.
constexpr size_t kRelinkedOf = 4;

struct DistanceParameters {
  CodeKernels kernels;
  size_t code_at;
  size_t stride;
};

template <KeyKind kind>
float distance(const void* a, const void* b, const void* parameters) {
  const auto& p = *static_cast<const DistanceParameters*>(parameters);
  Payload of_a, of_b;
  std::memcpy(&of_a, a, sizeof of_a);
  std::memcpy(&of_b, b, sizeof of_b);
  const auto* codes_a = static_cast<const int8_t*>(a) + p.code_at;
  const auto* codes_b = static_cast<const int8_t*>(b) + p.code_at;
  return key_of(kind, of_a.numbers, of_b.numbers,
                p.kernels.one(codes_a, of_a.sum, codes_b, p.stride));
}

class CodeSpace final : public hnswlib::SpaceInterface<float> {
 public:
  CodeSpace(const CodedRows& rows, const PayloadPlan& plan)
      : kind_(rows.key_kind()),
        bytes_(plan.bytes),
        parameters_{rows.kernels, plan.code_at, rows.stride} {}
  size_t get_data_size() override { return bytes_; }
  hnswlib::DISTFUNC<float> get_dist_func() override {
    if (kind_ == KeyKind::kCompared) return distance<KeyKind::kCompared>;
    return kind_ == KeyKind::kL2Squared ? distance<KeyKind::kL2Squared>
                                        : distance<KeyKind::kMinusProduct>;
  }
  void* get_dist_func_param() override { return &parameters_; }

 private:
  KeyKind kind_;
  size_t bytes_;
  DistanceParameters parameters_;
};

// hnswlib's graph, in which a search of our own finds the points to link to: that of graph_search,
// instead of searchBaseLayer(), which waits for memory at each distance. Which of them are linked,
// and how, is hnswlib's. Thread-safe as addPoint() is, and by the same locks.
class World final : public hnswlib::HierarchicalNSW<float> {
 public:
  using Node = hnswlib::tableint;

  World(const CodedRows& rows, size_t most, size_t m, size_t ef_construction)
      : World(std::make_unique<Plans>(rows, m), rows, most, m, ef_construction) {}

  // Takes up a row, linked to nothing yet.
  Node place(uint32_t row, size_t level);
  // Finds the neighbours of a node that has been placed and links it (Malkov & Yashunin 2018,
  // algorithm 1).
  void link(Node node);
  // Links it on the lowest level to what a search finds now, too.
  void relink(Node node);

 private:
  friend class WorldSearch;

  struct Plans {
    PayloadPlan payload;
    CodeSpace space;
    Plans(const CodedRows& rows, size_t m) : payload(m, rows.stride), space(rows, payload) {}
  };
  World(std::unique_ptr<Plans> plans, const CodedRows& rows, size_t most, size_t m,
        size_t ef_construction)
      : HierarchicalNSW(&plans->space, most, m, ef_construction),
        plans_(std::move(plans)),
        rows_(rows),
        kind_(rows.key_kind()) {}

  // On the lowest level; the best where there is no room for all of them (algorithm 4).
  void add_links(Node node, std::span<const Node> others);

  std::unique_ptr<Plans> plans_;
  const CodedRows& rows_;
  const KeyKind kind_;
  std::mutex placing_;
};

// The search for neighbours of a node. One at a time in each thread.
class WorldSearch {
 public:
  using Node = World::Node;
  using Nearest = std::priority_queue<std::pair<float, Node>, std::vector<std::pair<float, Node>>,
                                      World::CompareByFirst>;

  WorldSearch(World& world, Node node) : world_(world), data_(world.getDataByInternalId(node)) {
    room_.met.reset(world.maxM0_, world.rows_.stride);
    std::memcpy(&payload_, data_, sizeof payload_);
  }

  // The nearest that greedy steps on a level lead to.
  Node descend(Node from, int level) {
    Candidate best{key(from), from};
    for (bool moves = true; moves;) {
      moves = false;
      follow(best.node, level, [this](std::span<const Node> links) {
        for (const Node link : links) room_.met.push(link);
      });
      while (room_.met.size() > 0)
        for (const Candidate& candidate : compare()) {
          if (!(candidate < best)) continue;
          best = candidate;
          moves = true;
        }
    }
    return best.node;
  }

  // The nearest that are met on a level (algorithm 2), `ef` at most.
  Nearest nearest(Node from, int level, size_t ef) {
    CandidatePool& pool = room_.pool;
    room_.visited.reset(world_.max_elements_);
    pool.reset(ef);
    room_.visited.add(from);
    pool.insert({key(from), from});
    for (;;) {
      while (room_.met.is_low()) {
        const std::optional<uint32_t> next = pool.take();
        if (!next) break;
        follow(*next, level, [this](std::span<const Node> links) {
          room_.met.push_unvisited(links, world_.max_elements_, room_.visited);
        });
      }
      if (room_.met.size() == 0) break;
      for (const Candidate& candidate : compare()) {
        if (!(candidate.key < pool.limit())) continue;
        pool.insert(candidate);
        fetch_links(candidate.node);
      }
    }
    Nearest found;
    for (size_t i = 0; i < pool.size(); ++i) {
      const Candidate candidate = pool[i];
      found.emplace(candidate.key, candidate.node);
    }
    return found;
  }

 private:
  struct Room {
    VisitedNodes visited;
    NodeQueue met;
    CandidatePool pool;
    Candidate group[NodeQueue::kGroup];
  };
  static Room& room_of_thread() {
    thread_local Room room;
    return room;
  }

  template <class Push>
  void follow(Node node, int level, const Push& push) {
    room_.met.compact();
    const std::lock_guard lock(world_.link_list_locks_[node]);
    const auto* const list = world_.get_linklist_at_level(node, level);
    const size_t count = world_.getListCount(const_cast<hnswlib::linklistsizeint*>(list));
    push(std::span<const Node>(list + 1, count));
  }

  void fetch(Node node) const noexcept {
    const char* const data = world_.getDataByInternalId(node);
    prefetch(data, sizeof(Payload));
    prefetch(data + world_.plans_->payload.code_at, world_.rows_.stride);
  }

  void fetch_links(Node node) const noexcept {
    prefetch(&world_.link_list_locks_[node], sizeof(std::mutex));
    prefetch(world_.get_linklist0(node), world_.size_links_level0_);
  }

  // Those that have waited longest.
  std::span<const Candidate> compare() {
    size_t count;
    const Node* const nodes = room_.met.take(count, [this](Node node) { fetch(node); });
    const size_t code_at = world_.plans_->payload.code_at;
    const int8_t* codes[NodeQueue::kGroup];
    for (size_t i = 0; i < NodeQueue::kGroup; ++i)
      codes[i] = reinterpret_cast<const int8_t*>(world_.getDataByInternalId(nodes[i]) + code_at);
    float compared[NodeQueue::kGroup]{};
    constexpr size_t kFour = CodeKernels::kFour;
    for (size_t i = 0; i < count; i += kFour)
      world_.rows_.kernels.four(reinterpret_cast<const int8_t*>(data_ + code_at), payload_.sum,
                                codes + i, world_.rows_.stride, compared + i);
    for (size_t i = 0; i < count; ++i) {
      Payload other;
      std::memcpy(&other, world_.getDataByInternalId(nodes[i]), sizeof other);
      room_.group[i] = {key_of(world_.kind_, payload_.numbers, other.numbers, compared[i]),
                        nodes[i]};
    }
    return {room_.group, count};
  }

  float key(Node node) {
    return world_.fstdistfunc_(data_, world_.getDataByInternalId(node), world_.dist_func_param_);
  }

  World& world_;
  const char* data_;
  Payload payload_;
  Room& room_ = room_of_thread();
};

World::Node World::place(uint32_t row, size_t level) {
  Node node;
  {
    const std::lock_guard lock(placing_);
    node = static_cast<Node>(cur_element_count);
    cur_element_count = size_t{node} + 1;
  }
  if (level > 0) {  // hnswlib frees it
    linkLists_[node] = static_cast<char*>(std::calloc(size_links_per_element_ * level + 1, 1));
    if (linkLists_[node] == nullptr) throw std::bad_alloc();
  }
  element_levels_[node] = static_cast<int>(level);
  std::memset(get_linklist0(node), 0, size_data_per_element_);
  char* const data = getDataByInternalId(node);
  const Payload payload{rows_.numbers[row], rows_.kernels.sum(rows_.code(row), rows_.stride)};
  std::memcpy(data, &payload, sizeof payload);
  std::memcpy(data + plans_->payload.code_at, rows_.code(row), rows_.stride);
  setExternalLabel(node, row);
  return node;
}

// A node on a new highest level keeps others from becoming that until it is linked. Whoever has
// come to a node by a level on which it is linked already waits until it is on those below: only
// nodes that are further on are waited for, so that nobody waits in a circle.
void World::link(Node node) {
  std::unique_lock top(global);
  const std::lock_guard own(link_list_locks_[node]);
  const int level = element_levels_[node];
  const int highest = maxlevel_;
  const Node entry = enterpoint_node_;
  if (level <= highest) top.unlock();
  if (highest >= 0) {
    WorldSearch search(*this, node);
    Node at = entry;
    for (int l = highest; l > level; --l) at = search.descend(at, l);
    for (int l = std::min(level, highest); l >= 0; --l) {
      auto nearest = search.nearest(at, l, ef_construction_);
      at = mutuallyConnectNewElement(getDataByInternalId(node), node, nearest, l, false);
    }
  }
  if (level <= highest) return;
  enterpoint_node_ = node;
  maxlevel_ = level;
}

void World::relink(Node node) {
  WorldSearch search(*this, node);
  const size_t ef = std::max(ef_construction_ / kRelinkedOf, M_);
  WorldSearch::Nearest found = search.nearest(node, 0, ef + 1);  // one of them is the node
  WorldSearch::Nearest others;
  for (; !found.empty(); found.pop())
    if (found.top().second != node) others.push(found.top());
  getNeighborsByHeuristic2(others, M_);
  std::vector<Node> chosen;
  for (; !others.empty(); others.pop()) chosen.push_back(others.top().second);
  add_links(node, chosen);
  for (const Node other : chosen) add_links(other, {&node, 1});
}

void World::add_links(Node node, std::span<const Node> others) {
  const std::lock_guard lock(link_list_locks_[node]);
  auto* const list = get_linklist0(node);
  std::vector<Node> links(list + 1, list + 1 + getListCount(list));
  for (const Node other : others)
    if (std::find(links.begin(), links.end(), other) == links.end()) links.push_back(other);
  if (links.size() > maxM0_) {
    WorldSearch::Nearest best;
    for (const Node link : links)
      best.emplace(
          fstdistfunc_(getDataByInternalId(node), getDataByInternalId(link), dist_func_param_),
          link);
    getNeighborsByHeuristic2(best, maxM0_);
    links.clear();
    for (; !best.empty(); best.pop()) links.push_back(best.top().second);
  }
  std::copy(links.begin(), links.end(), list + 1);
  setListCount(list, static_cast<unsigned short>(links.size()));
}

}  // namespace

struct SmallWorld::Impl {
  World graph;
  std::vector<uint32_t> nodes;  // hnswlib's number of each row

  Impl(const CodedRows& rows, size_t most, size_t m, size_t ef_construction)
      : graph(rows, most, m, ef_construction), nodes(rows.count) {}
};

SmallWorld::SmallWorld(const CodedRows& rows, size_t most, size_t m, size_t ef_construction)
    : impl_(std::make_unique<Impl>(rows, most, m, ef_construction)) {}

SmallWorld::~SmallWorld() = default;

// What adding them one by one would leave.
void SmallWorld::restore(
    std::span<const uint32_t> rows, std::span<const uint8_t> levels,
    const std::function<std::vector<uint32_t>(size_t i, size_t level)>& links) {
  auto& graph = impl_->graph;
  for (const uint32_t row : rows) impl_->nodes[row] = graph.place(row, levels[row]);
  graph.enterpoint_node_ = 0;
  graph.maxlevel_ = levels[rows[0]];
  for (hnswlib::tableint node = 0; node < rows.size(); ++node)
    for (size_t level = 0; level <= levels[rows[node]]; ++level) {
      auto* list = graph.get_linklist_at_level(node, static_cast<int>(level));
      const std::vector<uint32_t> linked = links(node, level);
      graph.setListCount(list, static_cast<unsigned short>(linked.size()));
      for (size_t i = 0; i < linked.size(); ++i) list[1 + i] = impl_->nodes[linked[i]];
    }
}

void SmallWorld::add(uint32_t row, size_t level) {
  const auto node = impl_->graph.place(row, level);
  impl_->nodes[row] = node;
  impl_->graph.link(node);
}

void SmallWorld::relink(uint32_t row) {
  impl_->graph.relink(impl_->nodes[row]);
}

std::vector<uint32_t> SmallWorld::links(uint32_t row, size_t level) const {
  auto& graph = impl_->graph;
  const hnswlib::tableint node = impl_->nodes[row];
  auto* list =
      level == 0 ? graph.get_linklist0(node) : graph.get_linklist(node, static_cast<int>(level));
  const size_t count = graph.getListCount(list);
  std::vector<uint32_t> rows(count);
  for (size_t i = 0; i < count; ++i)
    rows[i] = static_cast<uint32_t>(graph.getExternalLabel(list[1 + i]));
  return rows;
}

}  // namespace kindred::storage
