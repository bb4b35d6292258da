// The best-first search that graphs are searched with, and by which their nodes find neighbours
// (Malkov & Yashunin 2018, algorithm 2). It differs from hnswlib's in what the processor sees:
// node_queue.h.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstddef>
#include <optional>

#include "storage/graphs/candidate_pool.h"
#include "storage/graphs/node_group.h"
#include "storage/graphs/node_queue.h"

namespace kindred::storage {

// Expands the pool's candidates, nearest first, until all have been. follow(node) adds what a node
// links to to `met`; compare(group) compares the next of those, and may end the search by false,
// which is returned then; meet(group) adds to the pool. On the lowest level candidates are followed
// before `met` runs empty: there many nodes have to be compared.
template <class Follow, class Compare, class Meet>
bool search_best_first(CandidatePool& pool, NodeQueue& met, bool is_lowest, const Follow& follow,
                       const Compare& compare, const Meet& meet) {
  NodeGroup group;
  for (;;) {
    while (is_lowest ? met.is_low() : met.size() == 0) {
      const std::optional<uint32_t> next = pool.take();
      if (!next) break;
      follow(*next);
    }
    if (met.size() == 0) return true;
    if (!compare(group)) return false;
    meet(group);
  }
}

// Adds those of a group that are nearer than the pool's farthest, and calls added(node) for each.
template <class Added>
void add_nearer(const NodeGroup& group, CandidatePool& pool, const Added& added) {
  for (unsigned nearer = group.below(pool.limit()); nearer != 0; nearer &= nearer - 1) {
    const Candidate candidate = group[static_cast<size_t>(std::countr_zero(nearer))];
    pool.insert(candidate);
    added(candidate.node);
  }
  pool.trim();
}

}  // namespace kindred::storage
