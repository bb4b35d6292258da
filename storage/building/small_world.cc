// SPDX-License-Identifier: Apache-2.0
#include "storage/building/small_world.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <mutex>
#include <new>
#include <span>
#include <utility>

#include "storage/building/sequence_lock.h"
#include "storage/chunk_memory.h"
#include "storage/graphs/best_first.h"
#include "storage/graphs/candidate_pool.h"
#include "storage/graphs/node_group.h"
#include "storage/graphs/node_queue.h"
#include "storage/graphs/visited_nodes.h"
#include "storage/prefetch.h"

// hnswlib's, which not all of its versions include.
#include <cmath>
#include <fstream>
#include <iostream>
#include <queue>
#include <unordered_map>
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
// label of 8: the padding makes elements a multiple of 64 bytes and puts codes on such a multiple.
struct Payload {
  NodeNumbers numbers;
  int32_t sum;  // CodeKernels::sum() of the codes
};
constexpr size_t kLine = 64;

// Where codes begin within a payload, and how long it is, for M links.
struct PayloadPlan {
  size_t code_at;
  size_t bytes;
  PayloadPlan(size_t m, size_t stride) {
    const size_t links = (2 * m + 1) * sizeof(hnswlib::tableint);
    code_at = sizeof(Payload);
    while ((links + code_at) % kLine != 0) ++code_at;
    bytes = code_at + stride;
    while ((links + bytes + sizeof(hnswlib::labeltype)) % kLine != 0) ++bytes;
  }
};

// Of ef_construction, in eighths, what is searched with for a node's neighbours when it is added,
// and once more when all are there. More in the first pass finds hardly more (recall at equal ef
// differs by 0.001 at most), but for the least: of clusters far apart, ef_construction 64, twice as
// many queries are lost with 48.
constexpr size_t kAddedBy = 4;
constexpr size_t kLeastAddedBy = 64;
constexpr size_t kRelinkedBy = 3;

// Nodes by which a search for neighbours enters a level, found on the one above. By one (algorithm
// 1) a point of a cluster may be linked to another cluster: of data with clusters far apart and of
// very different sizes one query in a hundred found nothing of its own then. It costs 3 %.
constexpr size_t kEntries = 8;

// How hnswlib compares two rows: as keys_of() does.
class CodeSpace final : public hnswlib::SpaceInterface<float> {
 public:
  CodeSpace(const CodedRows& rows, const PayloadPlan& plan)
      : bytes_(plan.bytes), parameters_{rows.kernels, rows.key_kind(), plan.code_at, rows.stride} {}
  size_t get_data_size() override { return bytes_; }
  hnswlib::DISTFUNC<float> get_dist_func() override { return distance; }
  void* get_dist_func_param() override { return &parameters_; }

 private:
  struct Parameters {
    CodeKernels kernels;
    KeyKind kind;
    size_t code_at;
    size_t stride;
  };

  static float distance(const void* a, const void* b, const void* parameters) {
    const auto& p = *static_cast<const Parameters*>(parameters);
    Payload of_a, of_b;
    std::memcpy(&of_a, a, sizeof of_a);
    std::memcpy(&of_b, b, sizeof of_b);
    const auto* const codes_a = static_cast<const int8_t*>(a) + p.code_at;
    const auto* const codes_b = static_cast<const int8_t*>(b) + p.code_at;
    const float compared = p.kernels.one(codes_a, of_a.sum, codes_b, p.stride);
    return key_of(p.kind, of_a.numbers, of_b.numbers, compared);
  }

  size_t bytes_;
  Parameters parameters_;
};

constexpr size_t kFour = CodeKernels::kFour;

// key_of() of a row and four others. Made one by one, keys are a fifth of building.
FourFloats keys_of(KeyKind kind, const NodeNumbers& own, const NodeNumbers* const* others,
                   FourFloats compared) noexcept {
  const FourFloats scale{others[0]->scale, others[1]->scale, others[2]->scale, others[3]->scale};
  FourFloats key = own.scale * scale * compared;
  if (kind == KeyKind::kMinusProduct) key = -key;
  if (kind == KeyKind::kBiasedProduct || kind == KeyKind::kL2Squared) {
    const FourFloats bias{others[0]->bias, others[1]->bias, others[2]->bias, others[3]->bias};
    key = own.bias + bias - (kind == KeyKind::kL2Squared ? 2.0F : 1.0F) * key;
  }
  const FourFloats farthest = FourFloats{} + std::numeric_limits<float>::infinity();
  return key == key ? key : farthest;
}

// hnswlib's graph. What a point is linked to is found by a search of our own, best_first.h,
// instead of searchBaseLayer(), and chosen four comparisons at a time, instead of by
// mutuallyConnectNewElement(): these wait for memory at each distance. Thread-safe as addPoint()
// is, by sequence locks instead of mutexes, which take a fifth of the time of two threads.
class World final : public hnswlib::HierarchicalNSW<float> {
 public:
  using Node = hnswlib::tableint;

  World(const CodedRows& rows, size_t most, const GraphOptions& options)
      : World(std::make_unique<Plans>(rows, options.m), rows, most, options) {}

  // Takes up a row, linked to nothing yet.
  Node place(uint32_t row, size_t level);
  // Finds the neighbours of a node that has been placed and links it (Malkov & Yashunin 2018,
  // algorithm 1).
  void link(Node node);
  // Links it on the lowest level to what a search finds now, too, and fills its links.
  void relink(Node node);

 private:
  friend class WorldSearch;

  struct Plans {
    PayloadPlan payload;
    CodeSpace space;
    Plans(const CodedRows& rows, size_t m) : payload(m, rows.stride), space(rows, payload) {}
  };
  World(std::unique_ptr<Plans> plans, const CodedRows& rows, size_t most,
        const GraphOptions& options)
      : HierarchicalNSW(&plans->space, most, options.m, options.ef_construction),
        plans_(std::move(plans)),
        rows_(rows),
        kind_(rows.key_kind()),
        is_shared_(options.threads != 1) {
    ChunkMemory huge = make_chunk_memory(most * size_data_per_element_, Pages::kHuge);
    std::free(data_level0_memory_);  // untouched so far
    data_level0_memory_ = reinterpret_cast<char*>(huge.release());
    fillers_.resize(most);
  }

  // Of a node's links on all levels, behind their number on the lowest: hnswlib has a mark there
  // that is not used here. nullptr where one thread needs none.
  uint16_t* sequence_of(Node node) const {
    return is_shared_ ? reinterpret_cast<uint16_t*>(get_linklist0(node)) + 1 : nullptr;
  }
  size_t ef(size_t eighths) const noexcept { return std::max(ef_construction_ * eighths / 8, M_); }
  size_t ef_of_adding() const noexcept {
    return std::max(ef(kAddedBy), std::min(ef_construction_, kLeastAddedBy));
  }
  size_t most_links(int level) const noexcept { return level == 0 ? maxM0_ : maxM_; }
  std::span<const Node> links_of(Node node, int level) const {
    auto* const list = get_linklist_at_level(node, level);
    return {list + 1, getListCount(list)};
  }
  // As they are at one moment; in `room` where others may change them. Waits for who holds them.
  std::span<const Node> read_links(Node node, int level, std::vector<Node>& room) const;
  // How many of a node's links are fillers: the last, the nearest first, more or less.
  size_t fillers_of(Node node, int level) const { return level == 0 ? fillers_[node] : 0; }
  // REQUIRES: they are held.
  void set_links(Node node, int level, std::span<const Node> links, size_t fillers);
  void add_links(Node node, int level, std::span<const Node> others);
  std::vector<Node> add_fillers(Node node, std::span<const Candidate> candidates);
  static size_t fill(std::vector<Node>& links, std::span<const Candidate> candidates, size_t most);
  bool is_superfluous(Node node, std::span<const Node> links, size_t fillers, Node other) const;
  std::vector<Candidate> sorted(Node node, std::span<const Node> others) const;
  // The keys of a node and so many others, in fours.
  void compare(Node node, const Node* others, size_t count, FourFloats* keys) const;
  std::vector<Node> choose(std::span<const Candidate> candidates, size_t most) const;
  bool is_apart(const Candidate& candidate, std::span<const Node> chosen) const;

  std::unique_ptr<Plans> plans_;
  const CodedRows& rows_;
  const KeyKind kind_;
  const bool is_shared_;  // between threads
  // Fillers: near links of the lowest level that algorithm 4 has not chosen, where there is room.
  // Without them few links lead to a row in the shadow of others: such rows are 1 in 15 of those
  // near to a query, and two thirds of what a search misses (words at ef 40: recall@10 0.989, with
  // them 0.995). Their number by node; its sequence protects it as it does its links.
  std::vector<uint16_t> fillers_;
  std::mutex placing_;
};

// The search for neighbours of a node. One at a time in each thread.
class WorldSearch {
 public:
  using Node = World::Node;

  WorldSearch(World& world, Node node) : world_(world), node_(node) {
    room_.visited.make_room(world.max_elements_);
  }

  Candidate compared(Node other) const {
    return {world_.fstdistfunc_(world_.getDataByInternalId(node_),
                                world_.getDataByInternalId(other), world_.dist_func_param_),
            other};
  }

  // The nearest that are met on a level from these on (algorithm 2), `ef` at most, ascending; not
  // the node itself. Valid until the next search of the thread.
  std::span<const Candidate> nearest(std::span<const Candidate> from, int level, size_t ef) {
    CandidatePool& pool = room_.pool;
    room_.met.reset(room_.visited);
    pool.reset(ef);
    for (const Candidate& entry : from) {
      room_.met.pass(entry.node, room_.visited);
      pool.insert(entry);
    }
    const auto meet = [&](const NodeGroup& group) {
      add_nearer(group, pool, [&](Node met) {
        if (level == 0) fetch_links(met);
      });
    };
    search_best_first(
        pool, room_.met, level == 0, [&](Node next) { follow(next, level); },
        [this](NodeGroup& group) { return compare(group); }, meet);
    room_.nearest.clear();
    for (size_t i = 0; i < pool.size(); ++i)
      if (pool[i].node != node_) room_.nearest.push_back(pool[i]);
    return room_.nearest;
  }

 private:
  struct Room {
    VisitedNodes visited;
    NodeQueue met;
    CandidatePool pool;
    std::vector<Candidate> nearest;
    std::vector<Node> links;
  };
  // Not inline: its address would be asked for anew at each use, in a library by a call.
  [[gnu::noinline]] static Room& room_of_thread() {
    thread_local Room room;
    return room;
  }

  void follow(Node node, int level) {
    room_.met.push_unvisited(world_.read_links(node, level, room_.links), world_.max_elements_,
                             room_.visited, [this](Node met) { fetch(met); });
  }

  void fetch(Node node) const noexcept {
    const char* const data = world_.getDataByInternalId(node);
    prefetch(data, sizeof(Payload));
    prefetch(data + world_.plans_->payload.code_at, world_.rows_.stride);
  }

  void fetch_links(Node node) const noexcept {
    prefetch(world_.get_linklist0(node), world_.size_links_level0_);
  }

  // Those that have waited longest; true.
  bool compare(NodeGroup& group) {
    group.nodes = room_.met.take(group.count);
    world_.compare(node_, group.nodes, group.count, group.keys);
    return true;
  }

  World& world_;
  const Node node_;
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

// A node on a new highest level keeps others from being linked until it is itself. Whoever has
// come to a node by a level on which it is linked already waits until it is on those below: only
// nodes that are further on are waited for, so that nobody waits in a circle.
void World::link(Node node) {
  std::unique_lock top(global);
  const Held held(sequence_of(node));
  const int level = element_levels_[node];
  const int highest = maxlevel_;
  const Node entry = enterpoint_node_;
  if (level <= highest) top.unlock();
  if (highest >= 0) {
    WorldSearch search(*this, node);
    std::vector<Candidate> entries{search.compared(entry)};
    for (int l = highest; l >= 0; --l) {
      const auto nearest = search.nearest(entries, l, l > level ? kEntries : ef_of_adding());
      const auto first = nearest.first(std::min(nearest.size(), kEntries));
      entries.assign(first.begin(), first.end());
      if (l > level) continue;
      const std::vector<Node> chosen = choose(nearest, M_);
      set_links(node, l, chosen, 0);
      for (const Node other : chosen) add_links(other, l, {&node, 1});
    }
  }
  if (level <= highest) return;
  enterpoint_node_ = node;
  maxlevel_ = level;
}

void World::relink(Node node) {
  WorldSearch search(*this, node);
  const Candidate own = search.compared(node);
  const std::span<const Candidate> nearest = search.nearest({&own, 1}, 0, ef(kRelinkedBy) + 1);
  const std::vector<Node> chosen = choose(nearest, M_);
  add_links(node, 0, chosen);
  const std::vector<Node> fillers = add_fillers(node, nearest);
  for (const Node other : chosen) add_links(other, 0, {&node, 1});
  for (const Node other : fillers) add_links(other, 0, {&node, 1});
}

std::span<const World::Node> World::read_links(Node node, int level,
                                               std::vector<Node>& room) const {
  if (!is_shared_) return links_of(node, level);
  room.resize(most_links(level));
  auto* const list = get_linklist_at_level(node, level);
  const Sequence sequence(*sequence_of(node));
  for (;;) {
    const uint16_t before = await_free(sequence);
    const std::atomic_ref<uint16_t> number(*reinterpret_cast<uint16_t*>(list));
    const size_t count = std::min<size_t>(number.load(std::memory_order_acquire), room.size());
    for (size_t i = 0; i < count; ++i)
      room[i] = std::atomic_ref<Node>(list[1 + i]).load(std::memory_order_acquire);
    if (sequence.load(std::memory_order_relaxed) == before) return {room.data(), count};
  }
}

void World::set_links(Node node, int level, std::span<const Node> links, size_t fillers) {
  auto* const list = get_linklist_at_level(node, level);
  for (size_t i = 0; i < links.size(); ++i)
    std::atomic_ref<Node>(list[1 + i]).store(links[i], std::memory_order_release);
  std::atomic_ref<uint16_t>(*reinterpret_cast<uint16_t*>(list))
      .store(static_cast<uint16_t>(links.size()), std::memory_order_release);
  if (level == 0) fillers_[node] = static_cast<uint16_t>(fillers);
}

// Adds to the links that were chosen of candidates, in their order, others of these: half of the
// room that is left is for the farthest, which lead to other clusters, and half for the nearest,
// the fillers. Returns the number of these.
size_t World::fill(std::vector<Node>& links, std::span<const Candidate> candidates, size_t most) {
  std::vector<Node> others;
  size_t chosen = 0;
  for (const Candidate& candidate : candidates)
    if (chosen < links.size() && candidate.node == links[chosen])
      ++chosen;
    else
      others.push_back(candidate.node);
  const size_t room = std::min(most - chosen, others.size());
  const auto farthest = static_cast<ptrdiff_t>(room / 2);
  const auto nearest = static_cast<ptrdiff_t>(room) - farthest;
  links.insert(links.end(), others.end() - farthest, others.end());
  links.insert(links.end(), others.begin(), others.begin() + nearest);
  return static_cast<size_t>(nearest);
}

// Beside those it has. Where there is no room for all of them they are chosen anew, and on the
// lowest level what is left is filled.
void World::add_links(Node node, int level, std::span<const Node> others) {
  const Held held(sequence_of(node));
  const std::span<const Node> before = links_of(node, level);
  size_t fillers = fillers_of(node, level);
  std::vector<Node> links(before.begin(), before.end());
  for (const Node other : others)
    if (std::find(before.begin(), before.end(), other) == before.end())
      links.insert(links.end() - static_cast<ptrdiff_t>(fillers), other);
  const size_t most = most_links(level);
  if (links.size() > most) {
    if (others.size() == 1 && is_superfluous(node, before, fillers, others[0])) return;
    const std::vector<Candidate> candidates = sorted(node, links);
    links = choose(candidates, most);
    fillers = level == 0 ? fill(links, candidates, most) : 0;
  }
  set_links(node, level, links, fillers);
}

// Whether `other` would neither be chosen nor become a filler, if it is farther than the last
// filler and nearer to another link than to the node. So it is with most that come to full links.
bool World::is_superfluous(Node node, std::span<const Node> links, size_t fillers,
                           Node other) const {
  if (fillers == 0) return false;
  const Node two[] = {other, links.back()};
  FourFloats keys;
  compare(node, two, std::size(two), &keys);
  return keys[1] < keys[0] && !is_apart({keys[0], other}, links.first(links.size() - fillers));
}

// The nearest candidates as fillers, as far as there is room for them; returns these.
// REQUIRES: candidates ascend.
std::vector<World::Node> World::add_fillers(Node node, std::span<const Candidate> candidates) {
  const Held held(sequence_of(node));
  const std::span<const Node> before = links_of(node, 0);
  std::vector<Node> added;
  for (const Candidate& candidate : candidates) {
    if (before.size() + added.size() == maxM0_) break;
    if (std::find(before.begin(), before.end(), candidate.node) == before.end())
      added.push_back(candidate.node);
  }
  std::vector<Node> links(before.begin(), before.end());
  links.insert(links.end(), added.begin(), added.end());
  set_links(node, 0, links, fillers_[node] + added.size());
  return added;
}

// By ascending key.
std::vector<Candidate> World::sorted(Node node, std::span<const Node> others) const {
  std::vector<FourFloats> keys(others.size() / kFour + 1);
  compare(node, others.data(), others.size(), keys.data());
  std::vector<Candidate> candidates;
  candidates.reserve(others.size());
  for (size_t i = 0; i < others.size(); ++i)
    candidates.push_back({keys[i / kFour][i % kFour], others[i]});
  std::sort(candidates.begin(), candidates.end());
  return candidates;
}

void World::compare(Node node, const Node* others, size_t count, FourFloats* keys) const {
  const size_t code_at = plans_->payload.code_at;
  const char* const data = getDataByInternalId(node);
  Payload own;
  std::memcpy(&own, data, sizeof own);
  for (size_t first = 0; first < count; first += kFour) {
    const NodeNumbers* numbers[kFour];
    const int8_t* codes[kFour];
    for (size_t i = 0; i < kFour; ++i) {
      const char* const other = getDataByInternalId(others[std::min(first + i, count - 1)]);
      numbers[i] = reinterpret_cast<const NodeNumbers*>(other);
      codes[i] = reinterpret_cast<const int8_t*>(other + code_at);
    }
    const FourFloats compared = rows_.kernels.four(reinterpret_cast<const int8_t*>(data + code_at),
                                                   own.sum, codes, rows_.stride);
    keys[first / kFour] = keys_of(kind_, own.numbers, numbers, compared);
  }
}

// Of candidates, which ascend, those that are nearer to the node than to any chosen before, `most`
// at most; all where they are few (algorithm 4).
std::vector<World::Node> World::choose(std::span<const Candidate> candidates, size_t most) const {
  std::vector<Node> chosen;
  chosen.reserve(most);
  for (const Candidate& candidate : candidates) {
    if (chosen.size() == most) break;
    if (candidates.size() < most || is_apart(candidate, chosen)) chosen.push_back(candidate.node);
  }
  return chosen;
}

bool World::is_apart(const Candidate& candidate, std::span<const Node> chosen) const {
  for (size_t first = 0; first < chosen.size(); first += kFour) {
    FourFloats keys;  // the last ones may be of the same node
    compare(candidate.node, chosen.data() + first, std::min(kFour, chosen.size() - first), &keys);
    for (size_t i = 0; i < kFour; ++i)
      if (keys[i] < candidate.key) return false;
  }
  return true;
}

}  // namespace

struct SmallWorld::Impl {
  World graph;
  std::vector<uint32_t> nodes;  // hnswlib's number of each row

  Impl(const CodedRows& rows, size_t most, const GraphOptions& options)
      : graph(rows, most, options), nodes(rows.count) {}
};

SmallWorld::SmallWorld(const CodedRows& rows, size_t most, const GraphOptions& options)
    : impl_(std::make_unique<Impl>(rows, most, options)) {}

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
