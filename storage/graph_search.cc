// The search loop. It differs from hnswlib's in what the processor sees: the links of several
// candidates are followed at once, what they lead to is fetched while the rest is gathered, and
// distances are computed four at a time.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>
#include <limits>

#include "storage/graph.h"

namespace kindred::storage {
namespace {

// Candidates whose links are followed at once: more distances are computed than one at a time would
// need, but waiting is shared (+20 to 40 % queries a second, and a little more recall).
constexpr size_t kExpanded = 3;
constexpr size_t kExpandedOfMany = 4;  // from this ef on:
constexpr size_t kMany = 64;

// Rows of a node that a filter keeps out, in the time of one distance.
constexpr size_t kRowsPerDistance = 16;

constexpr size_t kLine = 64;
constexpr size_t kMostFetched = 1024;  // bytes of a node; the rest comes by itself

// A node that has been met. Ordered by key, then number, so that a search has one outcome.
struct Candidate {
  float key;
  uint32_t node;
  bool operator<(const Candidate& other) const noexcept {
    return key != other.key ? key < other.key : node < other.node;
  }
};

// The nearest candidates, sorted, of which some have been expanded. A binary search and a memmove
// for each entry: faster than two heaps up to several hundred.
class Pool {
 public:
  void reset(size_t capacity) {
    capacity_ = capacity;
    size_ = 0;
    next_ = 0;
    if (entries_.size() < capacity + 1) {
      entries_.resize(capacity + 1);
      expanded_.resize(capacity + 1);
    }
  }
  size_t size() const noexcept { return size_; }
  size_t capacity() const noexcept { return capacity_; }
  const Candidate& operator[](size_t i) const noexcept { return entries_[i]; }
  bool is_full() const noexcept { return size_ == capacity_; }
  // Keys from here on are not taken.
  float limit() const noexcept {
    return is_full() ? entries_[size_ - 1].key : std::numeric_limits<float>::infinity();
  }
  bool is_last_expanded() const noexcept { return expanded_[size_ - 1] != 0; }

  // Room for more, behind what is there. REQUIRES: all have been expanded.
  void grow(size_t capacity) {
    capacity_ = capacity;
    entries_.resize(capacity + 1);
    expanded_.resize(capacity + 1);
  }
  // REQUIRES: it is not full and the candidate is no nearer than any in it.
  void append(const Candidate& candidate, bool expanded) noexcept {
    entries_[size_] = candidate;
    expanded_[size_++] = expanded ? 1 : 0;
  }

  void insert(const Candidate& candidate) noexcept {
    const auto end = entries_.begin() + static_cast<ptrdiff_t>(size_);
    const auto at =
        static_cast<size_t>(std::lower_bound(entries_.begin(), end, candidate) - entries_.begin());
    if (at == capacity_) return;
    const size_t moved = std::min(size_, capacity_ - 1) - at;
    std::memmove(&entries_[at + 1], &entries_[at], moved * sizeof(Candidate));
    std::memmove(&expanded_[at + 1], &expanded_[at], moved);
    entries_[at] = candidate;
    expanded_[at] = 0;
    size_ = std::min(size_ + 1, capacity_);
    next_ = std::min(next_, at);
  }

  // The next few that have not been expanded, which they are from now on.
  size_t take(uint32_t* nodes, size_t most) noexcept {
    size_t taken = 0;
    for (; next_ < size_ && taken < most; ++next_) {
      if (expanded_[next_] != 0) continue;
      expanded_[next_] = 1;
      nodes[taken++] = entries_[next_].node;
    }
    return taken;
  }

 private:
  std::vector<Candidate> entries_;
  std::vector<uint8_t> expanded_;
  size_t capacity_ = 0;
  size_t size_ = 0;
  size_t next_ = 0;  // all before have been expanded
};

// A candidate that a pool had no room for.
struct Spare {
  Candidate candidate;
  bool expanded;
  bool operator<(const Spare& other) const noexcept { return candidate < other.candidate; }
};

}  // namespace

// What a search needs room for: each thread keeps one, and each GraphSearch its own.
struct GraphScratch {
  std::vector<uint64_t> visited;  // a bit a node
  std::vector<uint32_t> met;      // nodes whose distance is to be computed
  std::vector<float> keys;
  Pool pool;
  std::vector<Spare> spare;      // met, and not in the pool: only of searches that may go on
  std::vector<Candidate> open;   // heap of a filtered search: nearest first
  std::vector<Candidate> found;  // heap of those that pass: farthest first
  std::vector<GraphHit> hits;
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
  GraphWalk(const Graph& graph, const CodedQuery& query, GraphScratch& room)
      : graph_(graph), query_(query), room_(room) {
    room_.visited.assign((graph.size() + 63) / 64, 0);
    room_.met.resize(kExpandedOfMany * 2 * graph.m() + 4);
    room_.keys.resize(room_.met.size());
  }

  std::optional<std::span<const GraphHit>> run(size_t ef, const GraphFilter* filter) {
    const Candidate entry = descend();
    if (filter == nullptr) {
      begin(ef, entry);
      return walk<false>() ? hits_of_pool(ef) : std::nullopt;
    }
    if (!walk_filtered(ef, *filter, entry) || !is_sound_) return std::nullopt;
    room_.hits.clear();
    std::sort(room_.found.begin(), room_.found.end());
    for (const Candidate& c : room_.found) add_hits(c, ef, filter);
    return hits();
  }

  // The same without a filter, again and again: what has been met is not met anew.
  std::optional<std::span<const GraphHit>> widen(size_t ef) {
    if (ef_ == 0)
      begin(ef, descend());
    else if (ef > ef_)
      take_spare(ef);
    ef_ = std::max(ef_, ef);
    return is_sound_ && walk<true>() ? hits_of_pool(ef_) : std::nullopt;
  }

  size_t distances() const noexcept { return distances_; }

 private:
  void begin(size_t ef, const Candidate& entry) {
    room_.pool.reset(std::min(ef, graph_.size()));
    room_.spare.clear();
    visit(entry.node);
    room_.pool.insert(entry);
  }

  // The pool grows by the nearest of what it had no room for.
  void take_spare(size_t ef) {
    Pool& pool = room_.pool;
    std::vector<Spare>& spare = room_.spare;
    pool.grow(std::min(ef, graph_.size()));
    const size_t taken = std::min(pool.capacity() - pool.size(), spare.size());
    const auto end = spare.begin() + static_cast<ptrdiff_t>(taken);
    std::nth_element(spare.begin(), end, spare.end());
    std::sort(spare.begin(), end);
    for (auto it = spare.begin(); it != end; ++it) pool.append(it->candidate, it->expanded);
    spare.erase(spare.begin(), end);
  }

  // `most` rows of those in the pool.
  std::optional<std::span<const GraphHit>> hits_of_pool(size_t most) {
    room_.hits.clear();
    const uint32_t* const of_node = graph_.ends_ != nullptr ? graph_.ends_ : graph_.rows_;
    for (size_t i = 0; i < room_.pool.size(); ++i) __builtin_prefetch(of_node + room_.pool[i].node);
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

  bool visit(uint32_t node) noexcept {
    uint64_t& word = room_.visited[node / 64];
    const uint64_t bit = uint64_t{1} << (node % 64);
    if ((word & bit) != 0) return false;
    word |= bit;
    return true;
  }

  void fetch(uint32_t node) const noexcept {
    const std::byte* at = graph_.node(node);
    const size_t bytes = std::min(graph_.stride_, kMostFetched);
    for (size_t i = 0; i < bytes; i += kLine) __builtin_prefetch(at + i);
  }

  // The keys of the first `count` of room_.met, which has room for three more.
  void compute(size_t count) noexcept {
    const size_t code_at = 2 * graph_.m() * sizeof(uint32_t);
    for (size_t i = count; i % 4 != 0; ++i) room_.met[i] = room_.met[count - 1];
    for (size_t i = 0; i < count; i += 4) {
      const int8_t* rows[4];
      const std::byte* nodes[4];
      for (size_t j = 0; j < 4; ++j) {
        nodes[j] = graph_.node(room_.met[i + j]);
        rows[j] = reinterpret_cast<const int8_t*>(nodes[j] + code_at);
      }
      int32_t compared[4];
      graph_.kernels_.four(query_.codes, query_.sum, rows, graph_.code_bytes_, compared);
      for (size_t j = 0; j < 4; ++j) {
        const auto* numbers = reinterpret_cast<const NodeNumbers*>(nodes[j]);
        const float key =
            numbers->bias - numbers->scale * query_.factor * static_cast<float>(compared[j]);
        // NaN does not sort: what overflows is farthest.
        room_.keys[i + j] = key == key ? key : std::numeric_limits<float>::infinity();
      }
    }
    distances_ += count;
  }

  // Appends what a node links to and has not been visited. Ids beyond the graph, which damage could
  // leave, are passed over.
  size_t gather(uint32_t node, size_t count) noexcept {
    const std::byte* at = graph_.node(node);
    const auto* links = reinterpret_cast<const uint32_t*>(at + sizeof(NodeNumbers));
    const size_t size = graph_.size();
    for (size_t i = 0; i < graph_.bottom_links_; ++i) {
      const uint32_t link = links[i];
      if (link >= size) break;
      if (!visit(link)) continue;
      fetch(link);
      room_.met[count++] = link;
    }
    return count;
  }

  // Drops nodes of damaged blocks.
  size_t check(size_t count) noexcept {
    for (size_t i = 0; i < count; ++i)
      if (!is_whole(graph_.node(room_.met[i]), graph_.stride_)) return 0;
    return count;
  }

  // Greedy steps through the upper levels.
  Candidate descend() noexcept {
    Candidate best{0, 0};
    room_.met[0] = 0;
    if (check(1) == 0) return best;
    compute(1);
    best.key = room_.keys[0];
    for (size_t level = graph_.levels(); level > 0; --level)
      while (step(level, best)) {
      }
    return best;
  }

  bool step(size_t level, Candidate& best) noexcept {
    const uint32_t* first = graph_.upper_[level - 1] + size_t{best.node} * graph_.m();
    if (!is_whole(reinterpret_cast<const std::byte*>(first), graph_.m() * sizeof(uint32_t)))
      return false;
    const uint64_t size = graph_.header_.level_nodes[level - 1];
    size_t count = 0;
    for (size_t i = 0; i < graph_.m() && first[i] < size; ++i) {
      fetch(first[i]);
      room_.met[count++] = first[i];
    }
    count = check(count);
    if (count == 0) return false;
    compute(count);
    bool moved = false;
    for (size_t i = 0; i < count; ++i) {
      const Candidate candidate{room_.keys[i], room_.met[i]};
      if (!(candidate < best)) continue;
      best = candidate;
      moved = true;
    }
    return moved;
  }

  // Expands until all in the pool are.
  template <bool keeps_spare>
  bool walk() {
    Pool& pool = room_.pool;
    const size_t most = pool.capacity() >= kMany ? kExpandedOfMany : kExpanded;
    uint32_t expanding[kExpandedOfMany];
    while (const size_t taken = pool.take(expanding, most)) {
      size_t count = 0;
      for (size_t i = 0; i < taken; ++i) count = gather(expanding[i], count);
      if (check(count) != count) return false;
      compute(count);
      for (size_t i = 0; i < count; ++i) {
        const Candidate candidate{room_.keys[i], room_.met[i]};
        if (candidate.key < pool.limit()) {
          if (keeps_spare && pool.is_full())
            room_.spare.push_back({pool[pool.size() - 1], pool.is_last_expanded()});
          pool.insert(candidate);
        } else if (keeps_spare) {
          room_.spare.push_back({candidate, false});
        }
      }
    }
    return true;
  }

  // All rows lead on, those that pass are kept: until no open node is nearer than the ef-th found.
  bool walk_filtered(size_t ef, const GraphFilter& filter, const Candidate& entry) {
    std::vector<Candidate>& open = room_.open;
    std::vector<Candidate>& found = room_.found;
    open.assign(1, entry);
    found.clear();
    visit(entry.node);
    if (any_passes(filter, entry.node)) found.push_back(entry);
    const auto is_open = [&] {
      return !open.empty() && (found.size() < ef || !(found.front() < open.front()));
    };
    while (is_open()) {
      if (distances_ + rows_passed_over_ / kRowsPerDistance > filter.budget) return false;
      size_t count = 0;
      for (size_t i = 0; i < kExpandedOfMany && is_open(); ++i) {
        std::pop_heap(open.begin(), open.end(), is_farther);
        count = gather(open.back().node, count);
        open.pop_back();
      }
      if (check(count) != count) return false;
      compute(count);
      for (size_t i = 0; i < count; ++i) {
        const Candidate candidate{room_.keys[i], room_.met[i]};
        if (found.size() == ef && !(candidate < found.front())) continue;
        open.push_back(candidate);
        std::push_heap(open.begin(), open.end(), is_farther);
        if (!any_passes(filter, candidate.node)) continue;
        found.push_back(candidate);
        std::push_heap(found.begin(), found.end());
        if (found.size() <= ef) continue;
        std::pop_heap(found.begin(), found.end());
        found.pop_back();
      }
    }
    return true;
  }

  const Graph& graph_;
  CodedQuery query_;
  GraphScratch& room_;
  size_t distances_ = 0;
  size_t rows_passed_over_ = 0;  // by a filter
  size_t ef_ = 0;                // of what can be widened; 0: not begun
  bool is_sound_ = true;
};

std::optional<std::span<const GraphHit>> Graph::search(const CodedQuery& query, size_t ef,
                                                       const GraphFilter* filter,
                                                       size_t& distances) const {
  GraphWalk walk(*this, query, scratch());
  const auto hits = walk.run(std::clamp<size_t>(ef, 1, rows()), filter);
  distances += walk.distances();
  return hits;
}

GraphSearch::GraphSearch(const Graph& graph, const CodedQuery& query)
    : graph_(&graph),
      room_(std::make_unique<GraphScratch>()),
      walk_(std::make_unique<GraphWalk>(graph, query, *room_)) {}

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
