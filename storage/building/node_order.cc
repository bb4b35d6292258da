// SPDX-License-Identifier: Apache-2.0
#include "storage/building/node_order.h"

#include <algorithm>
#include <array>

namespace kindred::storage {

void NodeOrder::arrange(std::span<uint32_t> rows, size_t level) {
  const std::vector<uint32_t> given(rows.begin(), rows.end());
  for (const uint32_t row : given) score_[row] = 0;
  std::array<std::vector<uint32_t>, kWindow> links;  // of the last that have been placed
  auto next = given.begin();
  for (size_t i = 0; i < rows.size(); ++i) {
    if (!take_best(rows[i])) {
      while (score_[*next] == kNoCandidate) ++next;
      rows[i] = *next;
    }
    score_[rows[i]] = kNoCandidate;
    std::vector<uint32_t>& of_window = links[i % kWindow];
    for (const uint32_t row : of_window) change_score(row, -1);
    of_window = world_.links(rows[i], level);
    for (const uint32_t row : of_window) change_score(row, 1);
  }
  for (std::vector<uint32_t>& entries : by_score_) entries.clear();
  entries_ = best_ = 0;
}

void NodeOrder::change_score(uint32_t row, int by) {
  if (score_[row] == kNoCandidate) return;
  const size_t score = score_[row] = static_cast<uint8_t>(score_[row] + by);
  if (score == 0) return;
  by_score_[score].push_back(row);
  best_ = std::max(best_, score);
  if (++entries_ > most_entries_) drop_stale_entries();
}

bool NodeOrder::take_best(uint32_t& row) {
  for (; best_ > 0; --best_) {
    std::vector<uint32_t>& entries = by_score_[best_];
    while (!entries.empty()) {
      row = entries.back();
      entries.pop_back();
      --entries_;
      if (score_[row] == best_) return true;
    }
  }
  return false;
}

void NodeOrder::drop_stale_entries() {
  entries_ = 0;
  for (size_t score = 1; score < by_score_.size(); ++score) {
    std::vector<uint32_t>& entries = by_score_[score];
    std::erase_if(entries, [&](uint32_t row) { return score_[row] != score; });
    entries_ += entries.size();
  }
  most_entries_ = std::max(kMostEntries, 2 * entries_);
}

}  // namespace kindred::storage
