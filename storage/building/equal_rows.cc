// SPDX-License-Identifier: Apache-2.0
#include "storage/building/equal_rows.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "storage/file.h"

namespace kindred::storage {
namespace {

// Equal for equal rows.
uint64_t sum_of(const CodedRows& rows, uint32_t row) {
  return checksum(rows.code(row), rows.stride) +
         3 * checksum(&rows.numbers[row], sizeof(NodeNumbers));
}

bool are_equal(const CodedRows& rows, uint32_t a, uint32_t b) {
  return std::memcmp(&rows.numbers[a], &rows.numbers[b], sizeof(NodeNumbers)) == 0 &&
         std::memcmp(rows.code(a), rows.code(b), rows.stride) == 0;
}

}  // namespace

EqualRows::EqualRows(const CodedRows& rows, const RowBlock& block)
    : first_of_(rows.count), begin_(rows.count + 1) {
  std::vector<std::pair<uint64_t, uint32_t>> by_sum(rows.count);
  for (uint32_t row = 0; row < rows.count; ++row) by_sum[row] = {sum_of(rows, row), row};
  std::sort(by_sum.begin(), by_sum.end());
  std::vector<uint32_t> known;  // first rows with the sum at hand: one, or their sums collide
  for (size_t i = 0; i < by_sum.size(); ++i) {
    const auto [sum, row] = by_sum[i];
    if (i == 0 || sum != by_sum[i - 1].first) known.clear();
    const auto twin = std::find_if(known.begin(), known.end(), [&, row = row](uint32_t first) {
      return are_equal(rows, first, row);
    });
    first_of_[row] = twin != known.end() ? *twin : row;
    if (twin == known.end()) known.push_back(row);
  }
  for (uint32_t row = 0; row < rows.count; ++row) {
    ++begin_[size_t{first_of_[row]} + 1];
    if (first_of_[row] == row) firsts_.push_back(row);
  }
  for (size_t row = 0; row < rows.count; ++row) begin_[row + 1] += begin_[row];
  grouped_.resize(rows.count);
  std::vector<uint32_t> next(begin_.begin(), begin_.end() - 1);
  for (uint32_t row = 0; row < rows.count; ++row) grouped_[next[first_of_[row]]++] = row;
  for (const uint32_t first : firsts_)
    std::stable_sort(grouped_.begin() + begin_[first], grouped_.begin() + begin_[size_t{first} + 1],
                     [&block](uint32_t a, uint32_t b) { return block.id(a) < block.id(b); });
}

}  // namespace kindred::storage
