// What NearestStream does with graphs.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <limits>

#include "math/quantize.h"
#include "storage/nearest/nearest.h"

namespace kindred::storage {
namespace {

// Distances that a search of a graph needs for each of ef, and in the time of how many it finds
// each of the nodes by which it enters: upper levels are in the processor's cache (0.3 to 0.4 us a
// node).
constexpr double kDistancesPerEf = 14;
constexpr double kDistancesPerEntry = 7;

// What a distance costs in searches that go on: they keep more in view.
constexpr double kWidenedDistance = 1.4;

// Where codes are of a prefix the ef of a graph finds the candidates for so many rows; for more
// rows as many times more are needed.
constexpr size_t kWantedOfPrefix = 16;

// What lies behind the prefixes may add so much to a dot product of them, by squares and at most.
// Where it may add more, a query may have so many times as much there as rows have, for whose like
// the graph has its ef. At nine times as much it finds 0.6 to 0.9 of the ten nearest.
constexpr double kMostBehind = 0.15 * 0.15;
constexpr double kMostUnlike = 4;
constexpr size_t kComparedRows = 8;

// Rows in view beyond three times those wanted.
constexpr size_t kMoreInView = 32;

// Rows that a peek keeps in view, at least.
constexpr size_t kPeekEf = 20;

// How many of the rows that a search finds may be dead before it is widened: so many more than
// elsewhere, and twice as many as there.
constexpr double kMostDead = 0.25;
constexpr double kMostDeadOfShare = 2;

// Of rows that are looked at exactly these are on their way from memory: so many bytes of them, but
// no more rows than are looked at in any case.
constexpr size_t kBytesAhead = 4608;
constexpr size_t kMostAhead = 12;

// Filters that no more rows pass are scanned.
constexpr size_t kAlwaysScanned = 10000;

// The share of the nearest rows that keys may hide from a search before it goes deeper. Questions
// that are like the rows seldom have so many hidden.
constexpr double kMostHidden = 0.005;

// What a search with a filter computes, measured, of the distances of one without it divided by the
// share of the rows that pass.
constexpr double kFilteredOfExpected = 0.7;

}  // namespace

std::vector<int64_t> NearestStream::peek(size_t count) {
  std::vector<int64_t> ids;
  Searched* largest = nullptr;
  for (Searched& layer : layers_)
    if (!exact_ && !layer.rows().only && prefers_graph(layer.rows()) &&
        (largest == nullptr || layer.rows().count > largest->rows().count))
      largest = &layer;
  if (largest == nullptr) return ids;
  const RowLayer& layer = largest->rows();
  const auto hits = graph_hits(*largest, std::max(count, kPeekEf));
  if (!hits) return ids;
  for (const GraphHit& hit : *hits) {
    if (ids.size() == count) break;
    const int64_t id = layer.block_of(hit.row).id(hit.row % layer.block_rows);
    if (!layer.is_hidden(hit.row) && !layer.is_changed(id)) ids.push_back(id);
  }
  return ids;
}

// In ns, of a search of the layer's graph for so many rows.
double NearestStream::search_cost(const RowLayer& layer, size_t wanted) const {
  const SearchCosts& costs = counted_.costs;
  const auto ef = static_cast<double>(ef_for(layer, wanted));
  const auto entries = static_cast<double>(layer.graph->entries());
  return (kDistancesPerEf * ef + kDistancesPerEntry * entries) * costs.graph + costs.look * ef;
}

double NearestStream::cost_of(size_t rows) const {
  double cost = 0;
  for (const Searched& searched : layers_) {
    const RowLayer& layer = searched.rows();
    const auto scanned = static_cast<double>(layer.only ? layer.only->size() : layer.count);
    if (!exact_ && prefers_graph(layer)) {
      const double each = chosen_from_ ? kWidenedDistance : 1.0;
      cost += std::min(each * search_cost(layer, rows), counted_.costs.scan * scanned);
    } else {
      cost += counted_.costs.scan * scanned;
    }
  }
  return cost * 1e-3;
}

double NearestStream::step_cost() const {
  if (!scored_) return std::max(first_cost() - counted_.cost, 0.0);
  double cost = 0;
  if (exact_ || given_ < wanted_) return cost;
  for (const Searched& layer : layers_)
    if (layer.by_graph && !prefers_graph(layer.rows()))
      cost += counted_.costs.scan * 1e-3 * static_cast<double>(layer.rows().count);
  return cost;
}

// Whether a graph has found fewer rows that answer than may be needed of it, or so many dead
// ones that these may have kept nearer ones out of view.
bool NearestStream::is_short(size_t needed) const {
  return std::any_of(layers_.begin(), layers_.end(), [needed](const Searched& layer) {
    return layer.by_graph && (layer.answering < needed || layer.crowded_out);
  });
}

// Twice the rows wanted are in view, so that the last of them is found as surely as the first,
// unless the caller has said how many. Of those that the caller chooses from any may be the last:
// three times as many, and some more (a filter that lets a fifth of all rows pass finds 0.993 of
// them so, without the rest 0.989).
size_t NearestStream::ef_for(const RowLayer& layer, size_t wanted) const {
  size_t given = (ef_ > 0 ? ef_ : layer.graph->ef(wanted / grown_)) * grown_;
  if (ef_ == 0 && spec_.prefix > 0)
    given = std::max(given, layer.graph->ef() * wanted / kWantedOfPrefix);
  const size_t least = ef_ > 0 ? wanted : 2 * wanted;
  if (!chosen_from_) return std::max(given, least) * deepened_;
  return std::max(given * 3 / 2, wanted * 3 + kMoreInView);
}

// With a filter a search computes as many more distances as fewer rows pass.
bool NearestStream::prefers_graph(const RowLayer& layer) const {
  if (layer.graph == nullptr || layer.graph->is_damaged()) return false;
  if (!counted_.scorer.orders_codes() && has_codes(spec_)) return false;
  const double search = search_cost(layer, wanted_);
  const auto rows = static_cast<double>(layer.count);
  if (!layer.only) return search < counted_.costs.scan * rows;
  const auto passing = static_cast<double>(layer.only->size());
  return layer.only->size() > kAlwaysScanned &&
         kFilteredOfExpected * search * rows / passing < counted_.costs.scan * passing;
}

// What the graph finds, of `only` where that is set; nullopt if the layer is to be scanned.
std::optional<std::span<const GraphHit>> NearestStream::graph_hits(Searched& searched, size_t ef) {
  const RowLayer& layer = searched.rows();
  const size_t before = counted_.visited;
  const CodedQuery query = counted_.scorer.coded_query(layer.block_of(0));
  std::optional<std::span<const GraphHit>> hits;
  if (layer.only) {
    std::vector<uint64_t> passing((layer.count + 63) / 64);
    for (const uint32_t row : *layer.only) passing[row / 64] |= uint64_t{1} << (row % 64);
    const GraphFilter filter{passing, layer.only->size(),
                             static_cast<size_t>(static_cast<double>(layer.only->size()) *
                                                 counted_.costs.scan / counted_.costs.graph)};
    hits = layer.graph->search(query, {ef}, &filter, counted_.visited);
  } else if (chosen_from_) {
    if (!searched.search) searched.search.emplace(*layer.graph, query);
    hits = searched.search->widen(ef, counted_.visited);
  } else {
    const SearchEffort effort{.ef = ef, .nearest = deepened_ > 1 ? 0 : wanted_};
    hits = layer.graph->search(query, effort, nullptr, counted_.visited);
  }
  const double each = chosen_from_ ? kWidenedDistance * counted_.costs.graph : counted_.costs.graph;
  counted_.cost += each * 1e-3 * static_cast<double>(counted_.visited - before);
  return hits;
}

// false if the layer is to be scanned after all.
bool NearestStream::search_graph(Searched& layer) {
  const size_t ef = ef_of(layer.rows());
  const auto hits = graph_hits(layer, ef);
  if (!hits || !are_ordered(layer.rows(), *hits)) return false;
  const bool has_rough = has_rough_keys(layer.rows());
  size_t looked_at = hits->size();  // rough keys rule out most of them
  if (spec_.prefix == 0 && !has_rough)
    looked_at = std::min(ef, chosen_from_ ? wanted_ * 3 / 2 + kLeastLookedAt
                                          : std::max(3 * wanted_, kLeastLookedAt));
  const size_t in_doubt = look_at_hits(layer, *hits, looked_at);
  layer.is_undecided = has_rough && may_miss(layer, *hits, ef, in_doubt);
  return true;
}

// Whether keys tell which rows are near: not so beyond float32's range.
bool NearestStream::are_ordered(const RowLayer& layer, std::span<const GraphHit> hits) {
  if (hits.empty()) return true;
  if (!std::isfinite(hits.front().key) || !std::isfinite(hits.back().key)) return false;
  return spec_.prefix == 0 || is_told_by_prefix(layer);
}

// Nor if a query has much less of its length in the prefix that codes are of than the rows have.
bool NearestStream::is_told_by_prefix(const RowLayer& layer) {
  const auto squares = [this](const void* vector, double& prefix, double& suffix) {
    const auto* const v = static_cast<const float*>(vector);
    prefix += math::wide_dot(v, v, spec_.prefix);
    suffix += math::wide_dot(v + spec_.prefix, v + spec_.prefix, spec_.dim - spec_.prefix);
  };
  double prefixes = 0, suffixes = 0, prefix = 0, suffix = 0;
  for (size_t i = 0; i < kComparedRows; ++i)
    squares(vector_of(layer, static_cast<uint32_t>(i * layer.count / kComparedRows)), prefixes,
            suffixes);
  squares(counted_.scorer.query(), prefix, suffix);
  return suffix * suffixes <= kMostBehind * prefix * prefixes ||
         suffix * prefixes <= kMostUnlike * suffixes * prefix;
}

// The first `most` that a graph has found and that have not been looked at before; hidden ones are
// counted instead.
std::vector<GraphHit> NearestStream::new_hits(Searched& searched, std::span<const GraphHit> hits,
                                              size_t most, size_t& hidden) const {
  std::vector<bool>& is_looked_at = searched.is_looked_at;
  const std::vector<uint32_t>& looked_at = searched.looked_at;
  if (!looked_at.empty() && is_looked_at.empty()) {
    is_looked_at.resize(searched.rows().count);
    for (const uint32_t row : looked_at) is_looked_at[row] = true;
  }
  std::vector<GraphHit> found;
  found.reserve(std::min(most, hits.size()));
  for (size_t i = 0; i < hits.size() && most > 0; ++i) {
    if (searched.rows().is_hidden(hits[i].row)) {
      ++hidden;
      continue;
    }
    --most;
    if (is_looked_at.empty() || !is_looked_at[hits[i].row]) found.push_back(hits[i]);
  }
  return found;
}

// Whether keys are off by something that can be learnt: those of vectors are not off, and codes of
// prefixes say too little.
bool NearestStream::has_rough_keys(const RowLayer& layer) const {
  return spec_.prefix == 0 && has_codes(spec_) && !layer.graph->has_vectors();
}

// At those of them that may be among the nearest. Returns how many the keys did not rule out.
size_t NearestStream::look_at_hits(Searched& searched, std::span<const GraphHit> hits,
                                   size_t most) {
  const RowLayer& layer = searched.rows();
  size_t dead = 0;
  const std::vector<GraphHit> found = new_hits(searched, hits, most, dead);
  const bool learns = has_rough_keys(layer);
  size_t in_doubt = hits.size();
  if (searched.looked_at.empty())
    searched.looked_at.reserve(std::min(found.size(), kLeastLookedAt));
  const size_t ahead = std::clamp<size_t>(kBytesAhead / spec_.bytes(), kAhead, kMostAhead);
  for (size_t i = 0; i < std::min(ahead, found.size()); ++i) prefetch_row(layer, found[i].row);
  for (size_t i = 0; i < found.size(); ++i) {
    const auto [key, row] = found[i];
    if (learns && searched.errors.rules_out(key, wanted_)) {
      in_doubt = searched.looked_at.size();
      break;
    }
    if (i + ahead < found.size()) prefetch_row(layer, found[i + ahead].row);
    searched.looked_at.push_back(row);
    if (!searched.is_looked_at.empty()) searched.is_looked_at[row] = true;
    const std::optional<double> distance = look_at_row(layer, row);
    if (!distance) {
      ++dead;
      continue;
    }
    ++searched.answering;
    if (learns) searched.errors.add(key, *distance);
  }
  const double hidden = layer.hidden != nullptr ? static_cast<double>(layer.hidden->size()) : 0;
  const double share = kMostDead + kMostDeadOfShare * hidden / static_cast<double>(layer.count);
  searched.crowded_out = static_cast<double>(dead) > share * static_cast<double>(hits.size());
  return in_doubt;
}

// Whether keys tell too little of this query for a search as wide as that: behind the middle of its
// hits, or of `ef` hits where fewer are within reach, some rows may be nearer than the last of
// those wanted. All but the first `in_doubt` are ruled out. So it is with a query along directions
// in which rows hardly differ, or among rows that differ by less than their codes do.
bool NearestStream::may_miss(Searched& searched, std::span<const GraphHit> hits, size_t ef,
                             size_t in_doubt) const {
  if (hits.size() < 2 || hits.size() >= searched.rows().count) return false;
  const size_t middle = std::min((std::max(hits.size(), ef) + wanted_) / 2, hits.size() - 1);
  if (in_doubt <= middle) return false;
  const double range = double{hits[middle].key} - hits[middle / 2].key;
  const double density = static_cast<double>(middle - middle / 2) /
                         std::max<double>(range, std::numeric_limits<float>::min());
  return searched.errors.expected_beyond(hits[middle].key, density, wanted_) >
         kMostHidden * static_cast<double>(wanted_);
}

// Searches once more, with twice the effort, the graphs whose keys tell too little, unless the
// caller has said how much; false if there are none.
bool NearestStream::deepen() {
  const auto is_undecided = [](const Searched& layer) {
    return layer.by_graph && layer.is_undecided;
  };
  if (ef_ > 0 || chosen_from_ || std::none_of(layers_.begin(), layers_.end(), is_undecided))
    return false;
  deepened_ *= 2;
  exact_ = true;
  for (Searched& layer : layers_) {
    if (is_undecided(layer) && !(prefers_graph(layer.rows()) && search_graph(layer)))
      leave_graph(layer);
    exact_ &= !layer.by_graph;
  }
  return true;
}

// More rows are asked for than the graphs were searched for: searches them with more effort, or
// scans their layers where that costs no more. Rows that have been found are not found again.
void NearestStream::widen() {
  if (chosen_from_) {
    wanted_ = wanted_ * 7 / 5 + 1;
  } else {
    wanted_ *= 4;
    grown_ *= 4;
  }
  bool any = false;
  for (Searched& layer : layers_) {
    if (!layer.by_graph) continue;
    if (prefers_graph(layer.rows()) && search_graph(layer))
      any = true;
    else
      leave_graph(layer);
  }
  exact_ = !any;
}

// Scans the layer for what the graph has not found.
void NearestStream::leave_graph(Searched& layer) {
  layer.by_graph = false;
  layer.search.reset();
  layer.bounds.scan(wanted_);
  for (const uint32_t row : layer.looked_at)
    layer.bounds.remove(static_cast<uint32_t>(layer.rows().place_of(row)));
  begin_anew();
}

}  // namespace kindred::storage
