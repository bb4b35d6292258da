// The rows of a collection in ascending distance from a query, one at a time.
//
// Where a layer has a graph it answers first: approximately, as far as it was asked for and a
// search of it costs less than a scan. A row that it has missed is not given once a farther one has
// been: the order holds. All else is exact, by the optimal multi-step search of Seidl & Kriegel
// 1998 ("Optimal Multi-Step k-Nearest Neighbor Search"): rows get a lower bound of their distance
// from one scan of the int8 codes, or of the 4-bit ones that segments have, which tell for which
// rows the int8 codes are worth reading; they are then looked at exactly in the order of their
// bounds, and the nearest one seen is given out as soon as no bound of the others is below it.
// Where that would take too many of them, all that are left are looked at in the order in which
// they lie.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <queue>
#include <span>
#include <vector>

#include "storage/graphs/graph.h"
#include "storage/log/row_layer.h"
#include "storage/nearest/key_errors.h"
#include "storage/nearest/layer_bounds.h"

namespace kindred::storage {

struct Neighbor {
  int64_t id = 0;
  double distance = 0;
};

// The order in which rows are given.
inline bool is_nearer(const Neighbor& a, const Neighbor& b) noexcept {
  return a.distance != b.distance ? a.distance < b.distance : a.id < b.id;
}

// How a search is to be done.
struct Effort {
  // How many rows the caller thinks it will take: a guess that only costs time when it is wrong.
  size_t expected = 10;
  // Rows that a graph keeps in view (Malkov & Yashunin 2018), no fewer than are expected: the more,
  // the fewer are missed. 0: what each graph needs for its data.
  size_t ef = 0;
  // The caller keeps some of the rows and takes as many as it needs for that. A graph is searched
  // little by little, and a row that it finds late is given late, nearer than others before it.
  bool chosen_from = false;
  // No row is missed: graphs are not used.
  bool exact = false;
};

class NearestStream {
 public:
  // Searches all layers; at most one of them holds an id.
  NearestStream(const VectorSpec& spec, const void* query, std::vector<RowLayer> layers,
                const Effort& effort);
  NearestStream(const NearestStream&) = delete;
  NearestStream& operator=(const NearestStream&) = delete;

  // The next nearest row: ascending distance, then ascending id; nullopt when all have been given.
  // Who takes more than was expected of a graph may get rows of the last distance late.
  std::optional<Neighbor> next();

  // From now on only rows with these ids are given, from the same rows and where the stream stands.
  // REQUIRES: `ids` sorted.
  void keep_only(std::span<const int64_t> ids);

  // The ids of about the `count` nearest rows, without giving them; of graphs alone, and none where
  // the rows are scanned anyway.
  std::vector<int64_t> peek(size_t count);
  // What next() will cost before it gives the first row, what giving so many rows in all will have
  // cost, and what has been done so far, in us of CPU: as much as constants can say.
  double first_cost() const { return cost_of(wanted_); }
  double cost_of(size_t rows) const;
  // What the next call of next() does at once of it: the first search, or a scan.
  double step_cost() const;
  double cost() const noexcept { return counted_.cost; }

  // Distances computed so far, by codes and exactly; without those of sharpened() rows.
  size_t visited() const noexcept { return counted_.visited; }
  // Rows whose coarse codes did not say enough: their int8 codes have been compared as well.
  size_t sharpened() const noexcept { return counted_.sharpened; }
  // Whether what has been given so far is certain to be the nearest: no graph has found it.
  bool is_exact() const noexcept { return exact_ && !given_by_graph_; }

 private:
  static constexpr size_t kAhead = 3;  // rows that are on their way from memory

  // A row, by its place in a layer's bounds, and the lower bound of its distance.
  struct BoundedRow {
    float bound;
    uint32_t layer;
    uint32_t place;
    friend auto operator<=>(const BoundedRow&, const BoundedRow&) = default;
  };
  // A layer, and how far it has been searched.
  struct Searched {
    Searched(RowLayer of, CountedScorer& counted, const KeyErrors& none)
        : bounds(std::move(of), counted), errors(none) {}
    const RowLayer& rows() const noexcept { return bounds.rows(); }

    LayerBounds bounds;  // infinity for rows that have been pending already, too
    // While its graph answers:
    bool by_graph = false;
    std::optional<GraphSearch> search;  // if it may go on
    std::vector<uint32_t> looked_at;    // rows
    std::vector<bool> is_looked_at;     // the same by row, from the second look on
    size_t answering = 0;               // how many of them answer
    bool crowded_out = false;           // most that were found do not
    bool is_undecided = false;          // some that were not found may be as near
    KeyErrors errors;                   // of their keys
  };
  struct Place {
    const RowBlock& block;
    size_t i;
  };
  struct Farther {
    bool operator()(const Neighbor& a, const Neighbor& b) const noexcept { return is_nearer(b, a); }
  };

  int64_t id_of(const BoundedRow& bounded) const {
    const Place place = place_of(bounded);
    return place.block.id(place.i);
  }
  void score();
  void begin_anew();
  bool is_certain() const;
  bool is_rough() const;
  void sharpen();
  void refill();
  bool select(size_t most, float last);
  bool is_promising() const;
  float keep_smallest(size_t most);
  uint32_t row_of(const BoundedRow& bounded) const;
  Place place_of(const BoundedRow& bounded) const;
  const std::byte* vector_of(const RowLayer& layer, uint32_t row);
  std::optional<double> look_at(const BoundedRow& bounded);
  std::optional<double> look_at_row(const RowLayer& layer, uint32_t row);
  void prefetch(const BoundedRow& bounded) const;
  void prefetch_row(const RowLayer& layer, uint32_t row) const;

  // Of graphs: nearest_graph.cc.
  size_t ef_of(const RowLayer& layer) const { return ef_for(layer, wanted_); }
  size_t ef_for(const RowLayer& layer, size_t wanted) const;
  double search_cost(const RowLayer& layer, size_t wanted) const;
  bool prefers_graph(const RowLayer& layer) const;
  bool search_graph(Searched& layer);
  std::vector<GraphHit> new_hits(Searched& layer, std::span<const GraphHit> hits, size_t most,
                                 size_t& hidden) const;
  size_t look_at_hits(Searched& layer, std::span<const GraphHit> hits, size_t most);
  std::optional<std::span<const GraphHit>> graph_hits(Searched& layer, size_t ef);
  bool are_ordered(const RowLayer& layer, std::span<const GraphHit> hits);
  bool is_told_by_prefix(const RowLayer& layer);
  bool has_rough_keys(const RowLayer& layer) const;
  void leave_graph(Searched& layer);
  bool may_miss(Searched& layer, std::span<const GraphHit> hits, size_t ef, size_t in_doubt) const;
  bool is_short(size_t needed) const;
  bool deepen();
  void widen();

  VectorSpec spec_;
  CountedScorer counted_;
  std::vector<std::byte> room_;  // for a row that is read
  std::vector<Searched> layers_;
  float sharp_limit_ = -LayerBounds::kInfinity;  // up to here no bound is by coarse codes
  bool scored_ = false;
  size_t batch_;
  // While graphs answer for some layers: how far they are trusted, and what they have found.
  size_t wanted_;
  size_t ef_;            // as given
  bool chosen_from_;     // the same
  size_t grown_ = 1;     // by how much the effort has been multiplied for more rows
  size_t deepened_ = 1;  // and once more, for what keys may hide
  bool exact_;
  size_t given_ = 0;
  bool given_by_graph_ = false;      // some of them, while graphs answered
  std::optional<double> last_;       // distance given while graphs answered
  std::vector<BoundedRow> pending_;  // in order; those before cursor_ have been looked at
  size_t cursor_ = 0;
  // No bound that is left behind pending_ is less.
  float behind_ = -LayerBounds::kInfinity;
  bool exhausted_ = false;       // nothing is left there
  bool is_by_distance_ = false;  // bounds are the distances themselves
  std::priority_queue<Neighbor, std::vector<Neighbor>, Farther> seen_;
};

}  // namespace kindred::storage
