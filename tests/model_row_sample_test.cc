// The sample of rows that training reads: bounded, fair and the same each time.
// SPDX-License-Identifier: Apache-2.0
#include "model/train/row_sample.h"

#include <array>
#include <string>

#include "tests/support/catch.h"

using namespace kindred::model;

namespace {

void add(RowSample& sample, const std::string& text) {
  const std::array<std::string_view, 1> texts = {text};
  sample.add(texts);
}

std::vector<size_t> numbers_of(RowSample& sample) {
  std::vector<size_t> numbers;
  for (const RowSample::Row& row : sample.take()) numbers.push_back(std::stoul(row.texts.at(0)));
  return numbers;
}

std::vector<size_t> sampled(size_t rows, size_t bytes, uint64_t seed) {
  RowSample sample(bytes, seed);
  for (size_t i = 0; i < rows; ++i) add(sample, std::to_string(i));
  return numbers_of(sample);
}

}  // namespace

TEST_CASE("a sample with room for all rows has all, in their order", "[model][train]") {
  std::vector<size_t> all(100);
  for (size_t i = 0; i < all.size(); ++i) all[i] = i;
  CHECK(sampled(100, 1 << 20, 1) == all);
}

TEST_CASE("a sample stays within its bytes and takes early and late rows alike", "[model][train]") {
  constexpr size_t kRows = 20000;
  size_t early = 0, all = 0;
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    const std::vector<size_t> sample = sampled(kRows, 100000, seed);
    CHECK(sample.size() < 100000 / sizeof(RowSample::Row));
    CHECK(sample.size() > 300);
    CHECK(std::is_sorted(sample.begin(), sample.end()));
    all += sample.size();
    for (const size_t row : sample) early += row < kRows / 2;
  }
  CHECK(static_cast<double>(early) / static_cast<double>(all) == Approx(0.5).margin(0.06));
  CHECK(sampled(kRows, 100000, 1) == sampled(kRows, 100000, 1));
  CHECK(sampled(kRows, 100000, 1) != sampled(kRows, 100000, 2));
}

TEST_CASE("a row that comes again is not kept twice", "[model][train]") {
  RowSample sample(1 << 20, 1);
  for (int i = 0; i < 10; ++i) {
    add(sample, "7");
    add(sample, "8");
  }
  CHECK(numbers_of(sample) == std::vector<size_t>{7, 8});
}

TEST_CASE("a text is cut between characters where a row becomes too long", "[model][train]") {
  std::string text(RowSample::kRowBytes - 1, 'x');
  text += "\u00e9 and more";
  RowSample sample(1 << 20, 1);
  const std::array<std::string_view, 2> texts = {text, "left out"};
  sample.add(texts);
  const std::vector<RowSample::Row> rows = sample.take();
  CHECK(rows.at(0).texts.at(0) == std::string(RowSample::kRowBytes - 1, 'x'));
  CHECK(rows.at(0).texts.at(1).size() <= 1);
}
