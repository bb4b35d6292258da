// SPDX-License-Identifier: Apache-2.0
#include "storage/building/graph_base.h"

#include <algorithm>
#include <cstring>

#include "storage/error.h"

namespace kindred::storage {
namespace {

// The base must have a quarter of the rows, and four fifths of its own must be there.
constexpr size_t kLeastShare = 4;
constexpr size_t kMostGone = 5;

}  // namespace

GraphBase::GraphBase(const Segment& segment, const CodedRows& rows, const EqualRows& equal,
                     const Segment* base, size_t m)
    : coded_(rows), equal_(equal) {
  if (base == nullptr) return;
  graph_ = base->graph();
  if (graph_ == nullptr || graph_->m() != m || !graph_->verify()) return;
  try {
    find_rows(segment, *base);
  } catch (const StorageError&) {  // damage that took nothing the segment has
    rows_.clear();
  }
  const size_t gone = graph_->size() - rows_.size();
  if (rows_.size() * kLeastShare >= equal.firsts().size() && gone * kMostGone <= graph_->size())
    return;
  rows_.clear();
  nodes_.clear();
}

void GraphBase::find_rows(const Segment& segment, const Segment& base) {
  std::vector<bool> taken(segment.rows());
  for (uint32_t node = 0; node < graph_->size(); ++node) {
    const uint32_t row = find_row(segment, base, node);
    row_of_.push_back(row == kGone || taken[row] ? kGone : row);
    if (row_of_.back() == kGone) continue;
    taken[row] = true;
    rows_.push_back(row);
    nodes_.push_back(node);
  }
}

// A row of the base is there if its id has the same vector, a node if one of its rows is.
uint32_t GraphBase::find_row(const Segment& segment, const Segment& base, uint32_t node) const {
  const RowPlaces places = graph_->places_of(node);
  for (size_t place = places.begin; place < places.end; ++place) {
    const uint32_t before = graph_->row_at(place);
    const std::byte* vector = base.vector(before);
    const std::optional<size_t> rank = segment.rank_of(base.block().id(before));
    if (!rank) continue;
    const uint32_t row = segment.row_at(*rank);
    if (std::memcmp(segment.vector(row), vector, segment.vector_bytes()) == 0)
      return equal_.first_of(row);
  }
  return kGone;
}

// What a node links to on a level, each once. Bytes that no program of ours wrote lead nowhere
// else.
std::vector<uint32_t> GraphBase::linked(uint32_t node, size_t level) const {
  std::vector<uint32_t> linked;
  for (const uint32_t other : graph_->links(level, node)) {
    if (other >= graph_->size() || graph_->level_of(other) < level) continue;
    if (std::find(linked.begin(), linked.end(), other) == linked.end()) linked.push_back(other);
  }
  return linked;
}

std::vector<uint32_t> GraphBase::links(size_t i, size_t level) const {
  std::vector<uint32_t> links;
  std::vector<uint32_t> behind;
  const std::vector<uint32_t> before = linked(nodes_[i], level);
  for (const uint32_t node : before) {
    if (row_of_[node] != kGone) {
      links.push_back(row_of_[node]);
      continue;
    }
    for (const uint32_t next : linked(node, level))
      if (row_of_[next] != kGone && next != nodes_[i]) behind.push_back(row_of_[next]);
  }
  if (!behind.empty()) mend(rows_[i], links, std::move(behind), before.size());
  return links;
}

// Makes up for links that are gone with the nearest of those behind them: first such as no other
// link is nearer to than the row (Malkov & Yashunin 2018, algorithm 4), then any.
void GraphBase::mend(uint32_t row, std::vector<uint32_t>& links, std::vector<uint32_t> behind,
                     size_t most) const {
  const auto distance = [&](uint32_t a, uint32_t b) { return coded_.key(a, coded_.query(a), b); };
  std::sort(behind.begin(), behind.end());
  behind.erase(std::unique(behind.begin(), behind.end()), behind.end());
  std::vector<std::pair<float, uint32_t>> nearest;
  for (const uint32_t link : behind)
    if (std::find(links.begin(), links.end(), link) == links.end())
      nearest.emplace_back(distance(row, link), link);
  std::sort(nearest.begin(), nearest.end());
  for (const bool any : {false, true})
    for (auto& [far, link] : nearest) {
      if (links.size() >= most) return;
      const auto is_nearer = [&, far = far, link = link](uint32_t other) {
        return other == link || (!any && distance(other, link) < far);
      };
      if (std::none_of(links.begin(), links.end(), is_nearer)) links.push_back(link);
    }
}

}  // namespace kindred::storage
