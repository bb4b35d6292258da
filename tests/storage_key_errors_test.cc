// SPDX-License-Identifier: Apache-2.0
#include "storage/nearest/key_errors.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "tests/support/catch.h"
#include "tests/support/random.h"

using namespace kindred;
using storage::KeyErrors;

namespace {

// Nearly normal, with a deviation of 1 (Irwin-Hall).
double noise(test::Random& random) {
  double sum = 0;
  for (int i = 0; i < 12; ++i) sum += random.uniform() / 2;
  return sum;
}

struct Row {
  float key;
  double distance;
};

// By ascending key: distances are 3 + key, give or take `error`.
std::vector<Row> rows_with_errors(test::Random& random, double error, size_t count) {
  std::vector<Row> rows;
  for (size_t i = 0; i < count; ++i) {
    const double truth = 0.01 * static_cast<double>(random.below(1000));
    rows.push_back({static_cast<float>(truth + error * noise(random)), 3 + truth});
  }
  std::sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return a.key < b.key; });
  return rows;
}

// How many are looked at before the next is ruled out.
size_t looked_at(const std::vector<Row>& rows, size_t wanted, bool squares = false) {
  KeyErrors errors(squares);
  size_t count = 0;
  for (; count < rows.size() && !errors.rules_out(rows[count].key, wanted); ++count)
    errors.add(rows[count].key, rows[count].distance);
  return count;
}

}  // namespace

TEST_CASE("Keys that are exact rule out all that are farther than the wanted ones",
          "[key_errors]") {
  test::Random random(1);
  const std::vector<Row> rows = rows_with_errors(random, 0, 500);
  CHECK(looked_at(rows, 3) >= 12);  // so many until it is known that they are exact
  CHECK(looked_at(rows, 3) <= 16);
  CHECK(looked_at(rows, 40) >= 40);
  CHECK(looked_at(rows, 40) <= 48);
}

TEST_CASE("Of the nearest rows one in a thousand is ruled out at most", "[key_errors]") {
  test::Random random(2);
  size_t missed = 0;
  size_t looked = 0;
  constexpr size_t kRounds = 500;
  constexpr size_t kWanted = 10;
  for (size_t round = 0; round < kRounds; ++round) {
    std::vector<Row> rows = rows_with_errors(random, 0.1, 500);
    const size_t count = looked_at(rows, kWanted);
    looked += count;
    const auto unseen = rows.begin() + static_cast<ptrdiff_t>(count);
    std::vector<double> distances;
    for (const Row& row : rows) distances.push_back(row.distance);
    std::nth_element(distances.begin(), distances.begin() + kWanted - 1, distances.end());
    const double farthest = distances[kWanted - 1];
    missed += static_cast<size_t>(
        std::count_if(unseen, rows.end(), [&](const Row& row) { return row.distance < farthest; }));
  }
  CHECK(missed <= kRounds * kWanted / 1000);
  CHECK(looked < kRounds * 100);  // of 500
}

TEST_CASE("Nothing is ruled out before as many rows as are wanted have a distance",
          "[key_errors]") {
  KeyErrors errors(false);
  for (int i = 0; i < 19; ++i) errors.add(static_cast<float>(i), i);
  CHECK_FALSE(errors.rules_out(1e9F, 20));
  errors.add(19, 19);
  CHECK(errors.rules_out(1e9F, 20));
}

TEST_CASE("Keys that order as squares of distances are compared with these", "[key_errors]") {
  test::Random random(3);
  std::vector<Row> rows = rows_with_errors(random, 0, 500);
  for (Row& row : rows) row.distance = std::sqrt(row.distance);
  CHECK(looked_at(rows, 3, true) <= 16);
}

TEST_CASE("Distances beyond all numbers rule nothing out", "[key_errors]") {
  KeyErrors errors(false);
  for (int i = 0; i < 40; ++i) errors.add(static_cast<float>(i), 1e308 * 10);
  CHECK_FALSE(errors.rules_out(1e9F, 1));
}

TEST_CASE("Keys that begin anew count the rows that are nearer than these", "[key_errors]") {
  KeyErrors errors(false);
  for (int i = 0; i < 40; ++i) errors.add(static_cast<float>(i), i);
  CHECK(errors.rules_out(35, 4));
  CHECK_FALSE(errors.rules_out(2, 4));
  CHECK(errors.rules_out(35, 4));
}

TEST_CASE(
    "As many of the nearest rows are expected behind a key as there are, to a factor of three",
    "[key_errors]") {
  constexpr size_t kWanted = 20;
  constexpr size_t kRounds = 200;
  constexpr double kDensity = 100;  // rows_with_errors: 1,000 in ten units of keys
  const bool squares = GENERATE(false, true);
  test::Random random(8);
  for (const size_t known : {25, 40}) {
    double expected = 0;
    double there = 0;
    for (size_t round = 0; round < kRounds; ++round) {
      const std::vector<Row> rows = rows_with_errors(random, 0.1, 1000);
      std::vector<double> nearest;
      for (const Row& row : rows) nearest.push_back(row.distance);
      std::nth_element(nearest.begin(), nearest.begin() + kWanted - 1, nearest.end());
      KeyErrors errors(squares);
      for (size_t i = 0; i < rows.size(); ++i) {
        const double distance = squares ? std::sqrt(rows[i].distance) : rows[i].distance;
        if (i < known) errors.add(rows[i].key, distance);
        if (i >= known && rows[i].distance <= nearest[kWanted - 1]) ++there;
      }
      expected += errors.expected_beyond(rows[known].key, kDensity, kWanted);
    }
    CAPTURE(squares, known, there / kRounds);
    CHECK(3 * expected >= there);
    CHECK(expected <= 3 * there);
  }
  CHECK(KeyErrors(squares).expected_beyond(0, kDensity, kWanted) == 0);
}
