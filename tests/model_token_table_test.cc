// The file of a token table: what is written is read, and nothing else is.
// SPDX-License-Identifier: Apache-2.0
#include "model/token_table.h"

#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include "model/train/random.h"
#include "tests/support/catch.h"

using namespace kindred::model;

namespace {

constexpr size_t kDim = 128;

Vocabulary vocabulary() {
  return Vocabulary({"a", "##a", "sea", "seas", "season", "\u6771"});
}

std::vector<float> random_rows(size_t rows) {
  Random random(7);
  std::vector<float> values(rows * kDim);
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = random.normal() * static_cast<float>(i / kDim + 1);  // rows of several lengths
  return values;
}

std::vector<uint8_t> file() {
  return encode_token_table(vocabulary(), random_rows(6), kDim);
}

std::vector<int32_t> row(const TokenTable& table, TokenId id) {
  std::vector<int32_t> sum(table.dim());
  table.add_row(id, sum);
  return sum;
}

double cosine(const std::vector<int32_t>& a, const float* b) {
  double ab = 0, aa = 0, bb = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    ab += a[i] * static_cast<double>(b[i]);
    aa += static_cast<double>(a[i]) * a[i];
    bb += static_cast<double>(b[i]) * b[i];
  }
  return ab / std::sqrt(aa * bb);
}

double length(const std::vector<int32_t>& a) {
  double square = 0;
  for (const int32_t x : a) square += static_cast<double>(x) * x;
  return std::sqrt(square);
}

std::string error(const std::vector<uint8_t>& bytes) {
  try {
    TokenTable table(bytes);
  } catch (const std::runtime_error& e) {
    return e.what();
  }
  return "";
}

}  // namespace

TEST_CASE("a table that is written is read with its vocabulary", "[model][table]") {
  const std::vector<uint8_t> bytes = file();
  const TokenTable table(bytes);
  CHECK(table.dim() == kDim);
  REQUIRE(table.vocabulary().size() == 6);
  for (TokenId id = 0; id < 6; ++id) CHECK(table.vocabulary().piece(id) == vocabulary().piece(id));
}

TEST_CASE("rows of four bits keep their direction and their lengths' proportion",
          "[model][table]") {
  const std::vector<float> rows = random_rows(6);
  const std::vector<uint8_t> bytes = file();
  const TokenTable table(bytes);
  for (TokenId id = 0; id < 6; ++id) {
    CHECK(cosine(row(table, id), &rows[id * kDim]) > 0.99);
    CHECK(length(row(table, id)) / length(row(table, 0)) == Approx(id + 1).epsilon(0.15));
  }
}

TEST_CASE("codes and scales go through a file unchanged", "[model][table]") {
  const std::vector<uint8_t> bytes = file();
  const TokenTable table(bytes);
  std::vector<float> decoded;
  for (TokenId id = 0; id < 6; ++id)
    for (const int32_t value : row(table, id)) decoded.push_back(static_cast<float>(value));
  const std::vector<uint8_t> again = encode_token_table(vocabulary(), decoded, kDim);
  const TokenTable read_again(again);
  for (TokenId id = 0; id < 6; ++id)
    CHECK(cosine(row(read_again, id), &decoded[id * kDim]) > 0.99999);
}

TEST_CASE("add_row adds", "[model][table]") {
  const std::vector<uint8_t> bytes = file();
  const TokenTable table(bytes);
  std::vector<int32_t> sum(kDim);
  for (const TokenId id : {1U, 3U, 3U}) table.add_row(id, sum);
  for (size_t i = 0; i < kDim; ++i) CHECK(sum[i] == row(table, 1)[i] + 2 * row(table, 3)[i]);
}

TEST_CASE("a row of zeros has the scale 0", "[model][table]") {
  std::vector<float> rows = random_rows(6);
  std::fill_n(rows.begin() + 2 * kDim, kDim, 0.0F);
  const std::vector<uint8_t> bytes = encode_token_table(vocabulary(), rows, kDim);
  const TokenTable table(bytes);
  CHECK(table.scale(2) == 0);
  CHECK(length(row(table, 2)) == 0);
  const std::vector<uint8_t> zeros =
      encode_token_table(vocabulary(), std::vector<float>(6 * kDim), kDim);
  CHECK(TokenTable(zeros).median_scale() == 1);
}

TEST_CASE("rows that are not finite or of the wrong shape are not written", "[model][table]") {
  std::vector<float> rows = random_rows(6);
  CHECK_THROWS_AS(encode_token_table(vocabulary(), rows, 100), std::invalid_argument);
  CHECK_THROWS_AS(encode_token_table(vocabulary(), rows, 64), std::invalid_argument);
  rows[5] = std::numeric_limits<float>::infinity();
  CHECK_THROWS_AS(encode_token_table(vocabulary(), rows, kDim), std::invalid_argument);
}

TEST_CASE("a file that is cut short anywhere is refused", "[model][table]") {
  const std::vector<uint8_t> whole = file();
  for (size_t size = 0; size < whole.size(); ++size)
    CHECK_FALSE(error({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)}).empty());
}

TEST_CASE("a file with any byte changed is refused", "[model][table]") {
  std::vector<uint8_t> bytes = file();
  for (uint8_t& byte : bytes) {
    byte ^= 0x41;
    CHECK(error(bytes).starts_with("token table, offset "));
    byte ^= 0x41;
  }
  CHECK(error(bytes).empty());
}

TEST_CASE("what is wrong with a file is said with its offset", "[model][table]") {
  std::vector<uint8_t> bytes = file();
  CHECK(error({}) == "token table, offset 0: a file of at least 32 bytes is wanted, got 0");
  bytes[8] = 9;
  CHECK(error(bytes) == "token table, offset 8: version 1 is wanted, got 9");
  bytes[8] = 1;
  bytes[15] = 0xFF;
  CHECK(error(bytes).starts_with("token table, offset 12: at most 1048576 tokens is wanted"));
}

TEST_CASE("the built-in table is of 16,000 tokens, 256 dimensions and at most 2.2 MB",
          "[model][table]") {
  CHECK(TokenTable::built_in().size() <= 2'200'000);
  const TokenTable table(TokenTable::built_in());
  CHECK(table.dim() == 256);
  CHECK(table.vocabulary().size() == 16000);
  for (const char32_t c : std::u32string_view(U"abcdefghijklmnopqrstuvwxyz0123456789")) {
    CHECK(table.vocabulary().longest({&c, 1}, false).length == 1);
    CHECK(table.vocabulary().longest({&c, 1}, true).length == 1);
  }
}
