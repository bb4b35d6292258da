// SPDX-License-Identifier: Apache-2.0
#include "sql/search/search.h"

#include <algorithm>

#include "sql/search/diversity.h"

namespace kindred::sql {
namespace {

// Diverse answers are chosen among so many times as many, at most so many in all or k.
constexpr uint64_t kDiverseOf = 5;
constexpr uint64_t kMostDiverse = 1000;

}  // namespace

Search::Search(Collection& collection, const std::vector<PlanTerm>& plan, Values arguments,
               const std::string& who)
    : collection_(collection),
      request_(read_request(collection, plan, arguments, who)),
      limit_(request_.k.value_or(0)) {
  if (diversity() > 0) limit_ = std::max(limit_, std::min(limit_ * kDiverseOf, kMostDiverse));
}

// Chosen among several times as many.
std::optional<storage::Neighbor> Search::next_diverse() {
  if (!diverse_) {
    std::vector<storage::Neighbor> candidates;
    while (const std::optional<storage::Neighbor> row = next_near()) candidates.push_back(*row);
    diverse_ = diversify(collection_, std::move(candidates), *k(), diversity());
    std::reverse(diverse_->begin(), diverse_->end());
  }
  if (diverse_->empty()) return std::nullopt;
  const storage::Neighbor row = diverse_->back();
  diverse_->pop_back();
  return row;
}

std::optional<storage::Neighbor> Search::next_near() {
  if (ended_ || (k() && given_ >= limit_)) return std::nullopt;
  if (!rows_) rows_ = std::make_unique<PassingRows>(collection_, request_, limit_);
  const std::optional<storage::Neighbor> row = rows_->next();
  if (row)
    ++given_;
  else
    ended_ = true;
  return row;
}

}  // namespace kindred::sql
