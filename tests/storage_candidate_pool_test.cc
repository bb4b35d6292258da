// SPDX-License-Identifier: Apache-2.0
#include "storage/graphs/candidate_pool.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "tests/support/catch.h"
#include "tests/support/random.h"

#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

using namespace kindred;
using storage::Candidate;
using storage::CandidatePool;

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

std::vector<Candidate> in(const CandidatePool& pool) {
  std::vector<Candidate> candidates;
  for (size_t i = 0; i < pool.size(); ++i) candidates.push_back(pool[i]);
  return candidates;
}

void require_equal(const std::vector<Candidate>& got, const std::vector<Candidate>& wanted) {
  REQUIRE(got.size() == wanted.size());
  for (size_t i = 0; i < got.size(); ++i) {
    REQUIRE(got[i].key == wanted[i].key);
    REQUIRE(got[i].node == wanted[i].node);
  }
}

// Of many sizes and both signs, some of them equal.
float key_of(test::Random& random) {
  switch (random.below(8)) {
    case 0:
      return 0;
    case 1:
      return kInfinity;
    case 2:
      return std::numeric_limits<float>::denorm_min() * static_cast<float>(random.below(3));
    case 3:
      return -std::numeric_limits<float>::max();
    default:
      return std::ldexp(static_cast<float>(random.below(64)) - 32,
                        static_cast<int>(random.below(9)) - 4);
  }
}

void require_nearest(size_t capacity, test::Random& random) {
  CandidatePool pool;
  pool.reset(1);
  pool.insert({1, 1});
  pool.reset(capacity);
  std::vector<Candidate> all;
  for (uint32_t i = 0; i < 3 * capacity + 5; ++i) {
    // Both ends of the numbers that nodes have.
    const auto last = static_cast<uint32_t>(storage::kMostNodes - 1);
    const Candidate candidate{key_of(random), random.below(2) == 0 ? i : last - i};
    if (candidate.key < pool.limit()) pool.insert(candidate);
    all.push_back(candidate);
    std::sort(all.begin(), all.end());
    all.resize(std::min(all.size(), capacity));
    // Beyond every limit, and so not taken.
    while (!all.empty() && all.back().key == kInfinity) all.pop_back();
    if (pool.is_full()) REQUIRE(pool.limit() == pool[capacity - 1].key);
    if (!pool.is_full()) REQUIRE(pool.limit() == kInfinity);
  }
  std::vector<Candidate> got = in(pool);
  REQUIRE(got.size() == all.size());
  // Of candidates with the last key others may have come first.
  for (size_t i = 0; i < got.size(); ++i) REQUIRE(got[i].key == all[i].key);
  REQUIRE(std::is_sorted(got.begin(), got.end()));
}

}  // namespace

TEST_CASE("A pool keeps the nearest candidates, in order of key and node", "[candidate_pool]") {
  test::Random random(1);
  for (const size_t capacity : {1, 2, 15, 16, 17, 20, 31, 32, 33, 64, 100, 300})
    require_nearest(capacity, random);
}

#if defined(__SSE2__)
TEST_CASE("A pool does so where the processor takes denormal numbers for zero",
          "[candidate_pool]") {
  constexpr unsigned kDenormalsAreZero = 0x40, kFlushToZero = 0x8000;
  const unsigned before = _mm_getcsr();
  _mm_setcsr(before | kDenormalsAreZero | kFlushToZero);
  CandidatePool pool;
  pool.reset(40);
  for (uint32_t node = 40; node > 0; --node) pool.insert({0, node});
  const std::vector<Candidate> got = in(pool);
  _mm_setcsr(before);
  std::vector<Candidate> wanted;
  for (uint32_t node = 1; node <= 40; ++node) wanted.push_back({0, node});
  require_equal(got, wanted);
}
#endif

TEST_CASE("Each candidate is taken once, the nearest first, whenever it comes in",
          "[candidate_pool]") {
  CandidatePool pool;
  pool.reset(40);
  for (uint32_t node = 10; node < 50; ++node) pool.insert({static_cast<float>(node), node});
  CHECK(pool.take() == 10);
  CHECK(pool.take() == 11);
  CHECK(pool.take() == 12);
  pool.insert({11.5F, 3});
  pool.insert({-1, 2});
  pool.insert({20.5F, 4});
  CHECK(pool.take() == 2);
  CHECK(pool.take() == 3);
  CHECK(pool.take() == 13);
  pool.insert({0, 1});
  CHECK(pool.take() == 1);
  std::vector<uint32_t> rest;
  while (const auto node = pool.take()) rest.push_back(*node);
  std::vector<uint32_t> wanted{14, 15, 16, 17, 18, 19, 20, 4};
  for (uint32_t node = 21; node <= 45; ++node) wanted.push_back(node);  // four were pushed out
  CHECK(rest == wanted);
}

TEST_CASE("A pool that grows takes what comes behind the others", "[candidate_pool]") {
  CandidatePool pool;
  pool.reset(3);
  for (const uint32_t node : {5, 1, 3}) pool.insert({static_cast<float>(node), node});
  CHECK(pool.limit() == 5);
  const CandidatePool::Entry last = pool.last_entry();
  pool.insert({2, 2});
  while (pool.take()) {
  }
  pool.grow(20);
  const CandidatePool::Entry more[] = {CandidatePool::entry_of({4, 4}), last};
  pool.append(more);
  pool.insert({2.5F, 7});
  std::vector<uint32_t> taken;
  while (const auto node = pool.take()) taken.push_back(*node);
  CHECK(taken == std::vector<uint32_t>{7, 4, 5});
  require_equal(in(pool), {{1, 1}, {2, 2}, {2.5F, 7}, {3, 3}, {4, 4}, {5, 5}});
  CHECK(pool.limit() == kInfinity);
}
