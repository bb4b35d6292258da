// SPDX-License-Identifier: Apache-2.0
#include "storage/log/tail.h"

#include <limits>
#include <set>

#include "storage/error.h"
#include "tests/support/catch.h"
#include "tests/support/fake_log.h"
#include "tests/support/random.h"

using namespace kindred::storage;
using namespace kindred::test;
using kindred::math::Element;
using kindred::math::Metric;

namespace {

constexpr VectorSpec kPlane{Element::kFloat32, Metric::kL2, 2};

LogRow put(int64_t cn, int64_t id, const std::string& vector) {
  return {cn, cn + 100, id, static_cast<int64_t>(Op::kPut), vector};
}
LogRow erase(int64_t cn, int64_t id) {
  return {cn, cn + 100, id, static_cast<int64_t>(Op::kDelete), {}};
}
Vectors at(const Tail& tail, int64_t cn) {
  return vectors_in({tail.slice_at(cn)}, kPlane.bytes());
}

std::string refusal(Tail& tail, const LogRow& row) {
  try {
    tail.append(row);
  } catch (const StorageError& error) {
    CHECK(error.fault() == Fault::kCorrupt);
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("a tail answers for every point of its history", "[storage][tail]") {
  const std::string a = bytes_of({1, 2});
  const std::string b = bytes_of({3, 4});
  Tail tail(kPlane, "films_log");
  tail.append(put(1, 7, a));
  tail.append(put(2, 8, a));
  tail.append(put(3, 7, b));
  tail.append(erase(5, 8));
  tail.append({6, 106, 0, static_cast<int64_t>(Op::kCut), {}});
  tail.append(put(9, 8, b));
  CHECK(at(tail, 0).empty());
  CHECK(at(tail, 1) == Vectors{{7, a}});
  CHECK(at(tail, 2) == Vectors{{7, a}, {8, a}});
  CHECK(at(tail, 3) == Vectors{{7, b}, {8, a}});
  CHECK(at(tail, 4) == at(tail, 3));
  CHECK(at(tail, 5) == Vectors{{7, b}});
  CHECK(at(tail, 9) == Vectors{{7, b}, {8, b}});
  CHECK(tail.last() == LogPoint{9, 109});
  CHECK(tail.rows() == 4);
  CHECK(tail.dead() == 2);
  CHECK(tail.find(7, 2) == 0U);
  CHECK(tail.find(7, 9) == 2U);
  CHECK(tail.find(8, 5) == std::nullopt);
  CHECK(tail.find(9, 9) == std::nullopt);
}

TEST_CASE("a tail refuses a corrupt row by name and stays as it was", "[storage][tail]") {
  const std::string good = bytes_of({1, 2});
  Tail tail(kPlane, "films_log");
  const int64_t before = GENERATE(0, 1, 15, 16, 40);
  for (int64_t cn = 1; cn <= before; ++cn) tail.append(put(cn, cn, good));
  const LogPoint last = tail.last();
  const int64_t cn = before + 1;
  const std::string row = "films_log: row " + std::to_string(cn) + ": ";
  CHECK(refusal(tail, {cn, 1, 1, 4, good}) == row + "operation 1, 2 or 3 is wanted, got 4");
  CHECK(refusal(tail, put(cn, 1, "short")) == row + "a vector of 8 bytes is wanted, got 5");
  CHECK(refusal(tail, put(cn, 1, "")) == row + "a vector of 8 bytes is wanted, got 0");
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  CHECK(refusal(tail, put(cn, 1, bytes_of({1, nan}))) ==
        row + "finite numbers are wanted, got NaN or infinity");
  CHECK(refusal(tail, put(cn, 1, bytes_of({-infinity, 1}))) ==
        row + "finite numbers are wanted, got NaN or infinity");
  CHECK(tail.last() == last);
  CHECK(tail.rows() == static_cast<size_t>(before));
  CHECK(tail.dead() == 0);
  tail.append(put(cn, 99, good));
  CHECK(at(tail, cn).size() == static_cast<size_t>(before) + 1);
}

TEST_CASE("a slice keeps its rows while the tail grows and is compacted", "[storage][tail]") {
  Random random(5);
  FakeLog log;
  Tail tail({Element::kFloat32, Metric::kCosine, 300}, "films_log");  // small chunks
  std::vector<std::pair<RowLayer, Vectors>> kept;
  std::set<int64_t> changed;  // an older place may have rows of each of them
  for (int64_t i = 0; i < 6000; ++i) {
    const int64_t id = random.below(700);
    changed.insert(id);
    log.vectors.count(id) > 0 && random.one_in(3) ? log.erase(id)
                                                  : log.put(id, bytes_of(random.vector(300)));
    const auto& [cn, row] = *log.rows.rbegin();
    tail.append({cn, row.nonce, row.id, row.op, row.vector});
    if (random.one_in(400)) kept.emplace_back(tail.slice(), log.vectors);
    if (random.one_in(1500)) {
      const size_t alive = log.vectors.size();
      tail = tail.compacted();
      CHECK(tail.rows() == alive);
      CHECK(tail.dead() == 0);
      const Changes changes = tail.changes_at(tail.last().cn);
      for (int64_t each = 0; each < 700; ++each)
        CHECK(changes.contains(each) == (changed.count(each) > 0));
    }
    CHECK(tail.last() == log.last());
  }
  for (const auto& [slice, vectors] : kept) CHECK(vectors_in({slice}, 1200) == vectors);
  CHECK(vectors_in({tail.slice()}, 1200) == log.vectors);
}
