// SPDX-License-Identifier: Apache-2.0
#include "storage/parallel.h"

#include <atomic>
#include <stdexcept>
#include <thread>
#include <vector>

#include "tests/support/catch.h"

using namespace kindred::storage;

TEST_CASE("threads take every part once", "[parallel]") {
  constexpr size_t kParts = 1000;
  for (const size_t threads : {0, 1, 2, 7}) {
    std::vector<std::atomic<int>> taken(kParts);
    in_parallel(kParts, threads, [&](size_t part) { ++taken[part]; });
    for (const std::atomic<int>& times : taken) REQUIRE(times == 1);
  }
  in_parallel(0, 2, [](size_t) { FAIL("there is no part"); });
}

TEST_CASE("one thread takes parts in order and tells how many it has taken", "[parallel]") {
  std::vector<size_t> taken;
  std::vector<size_t> reported;
  in_parallel(
      200, 1, [&](size_t part) { taken.push_back(part); },
      [&](size_t so_far) {
        CHECK(so_far == taken.size());
        reported.push_back(so_far);
      });
  REQUIRE(taken.size() == 200);
  for (size_t i = 0; i < taken.size(); ++i) CHECK(taken[i] == i);
  CHECK(reported.size() > 1);
}

TEST_CASE("what a part throws on any thread ends the work and reaches the caller", "[parallel]") {
  const std::thread::id caller = std::this_thread::get_id();
  for (const bool on_caller : {true, false}) {
    std::atomic<size_t> begun{0};
    std::atomic<bool> thrown{false};
    const auto work = [&](size_t) {
      ++begun;
      while (!thrown && (std::this_thread::get_id() == caller) != on_caller)
        std::this_thread::yield();
      thrown = true;
      throw std::runtime_error("no more");
    };
    REQUIRE_THROWS_AS(in_parallel(1000, 2, work), std::runtime_error);
    CHECK(begun <= 2);
  }
}

TEST_CASE("a report that throws gives the work up", "[parallel]") {
  std::atomic<size_t> begun{0};
  const auto report = [](size_t) { throw std::runtime_error("interrupted"); };
  REQUIRE_THROWS_AS(in_parallel(
                        1000, 1, [&](size_t) { ++begun; }, report),
                    std::runtime_error);
  CHECK(begun == 0);
}
