// SPDX-License-Identifier: Apache-2.0
#include "math/top_k.h"

#include <limits>
#include <random>

#include "tests/support/catch.h"

namespace kindred::test {
namespace {

using math::Neighbor;
using math::TopK;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

std::vector<int64_t> ids(TopK<int64_t>& top) {
  std::vector<int64_t> out;
  for (const Neighbor<int64_t>& n : top.finish()) out.push_back(n.id);
  return out;
}

TEST_CASE("TopK keeps the k nearest of any order, nearest first", "[math][top_k]") {
  std::mt19937 random(1);
  std::vector<Neighbor<int64_t>> all;
  for (int64_t id = 0; id < 1000; ++id) all.push_back({static_cast<float>(random() % 300), id});
  const size_t k = GENERATE(1, 2, 10, 999, 1000, 2000);
  std::shuffle(all.begin(), all.end(), random);
  TopK<int64_t> top(k);
  for (const auto& n : all) top.offer(n.distance, n.id);
  std::sort(all.begin(), all.end());
  const auto kept = top.finish();
  REQUIRE(kept.size() == std::min<size_t>(k, all.size()));
  for (size_t i = 0; i < kept.size(); ++i) {
    CHECK(kept[i].distance == all[i].distance);
    CHECK(kept[i].id == all[i].id);
  }
}

TEST_CASE("TopK prefers the smaller id among equal distances", "[math][top_k]") {
  TopK<int64_t> top(2);
  for (const int64_t id : {5, -3, 9, 4}) top.offer(1, id);
  CHECK(ids(top) == std::vector<int64_t>{-3, 4});
}

TEST_CASE("TopK threshold is infinite until k are kept, then the worst of them", "[math][top_k]") {
  TopK<int64_t> top(2);
  CHECK(top.threshold() == kInfinity);
  CHECK(top.offer(3, 1));
  CHECK(top.threshold() == kInfinity);
  CHECK(top.offer(7, 2));
  CHECK(top.threshold() == 7);
  CHECK(!top.offer(8, 3));
  CHECK(top.offer(1, 4));
  CHECK(top.threshold() == 3);
}

TEST_CASE("TopK takes infinite distances and never NaN", "[math][top_k]") {
  TopK<int64_t> top(3);
  CHECK(!top.offer(std::numeric_limits<float>::quiet_NaN(), 1));
  CHECK(top.offer(kInfinity, 2));
  CHECK(top.offer(-kInfinity, 3));
  CHECK(ids(top) == std::vector<int64_t>{3, 2});
}

TEST_CASE("TopK of nothing keeps nothing", "[math][top_k]") {
  TopK<int64_t> top(0);
  CHECK(!top.offer(-kInfinity, 1));
  CHECK(top.finish().empty());
}

TEST_CASE("TopK starts afresh after clear", "[math][top_k]") {
  TopK<int64_t> top(1);
  top.offer(1, 1);
  top.clear();
  CHECK(top.size() == 0);
  CHECK(top.offer(5, 2));
  CHECK(ids(top) == std::vector<int64_t>{2});
}

}  // namespace
}  // namespace kindred::test
