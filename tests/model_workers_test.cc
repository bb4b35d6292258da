// Threads that share parts of one piece of work.
// SPDX-License-Identifier: Apache-2.0
#include "model/train/workers.h"

#include <atomic>
#include <vector>

#include "tests/support/catch.h"

using namespace kindred::model;

TEST_CASE("each part is done once, however many threads and rounds there are", "[model][train]") {
  const size_t threads = GENERATE(1, 2, 5);
  Workers workers(threads);
  CHECK(workers.size() <= threads);
  for (size_t round = 0; round < 300; ++round) {
    const size_t parts = round % 17;
    std::vector<std::atomic<int>> done(parts), at_work(workers.size());
    std::atomic<bool> alone = true;
    workers.share(parts, [&](size_t part, size_t worker) {
      if (++at_work.at(worker) != 1) alone = false;
      ++done.at(part);
      --at_work[worker];
    });
    CHECK(alone);
    for (const std::atomic<int>& times : done) REQUIRE(times == 1);
  }
}

TEST_CASE("what the parts of a round have written, the next round and the caller see",
          "[model][train]") {
  Workers workers(3);
  std::vector<size_t> values(100), sums(100);
  for (size_t round = 1; round <= 200; ++round) {
    workers.share(100, [&](size_t part, size_t) { values[part] += part; });
    workers.share(100, [&](size_t part, size_t) { sums[part] = values[99 - part]; });
    for (size_t i = 0; i < 100; ++i) REQUIRE(sums[i] == round * (99 - i));
  }
}
