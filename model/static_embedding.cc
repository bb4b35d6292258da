// SPDX-License-Identifier: Apache-2.0
#include "model/static_embedding.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "model/subword_tokenizer.h"
#include "model/unicode.h"
#include "model/word_rarity.h"

namespace kindred::model {
namespace {

// Change it whenever the same text and table would give another vector: stored ones are refused
// then. (It stayed 1 when words of Greek and Arabic letters became unlisted: nothing was found by
// them before.)
constexpr uint64_t kVersion = 1;

// A value of an unlisted token's row, in units of the middle scale: near the root of the mean
// square of a listed row's codes.
constexpr int32_t kUnlistedCode = 3;

// So many rows fit into 32 bits: each adds at most kMaxCode * kMaxScale.
constexpr size_t kRowsAtOnce = 4096;
static_assert(kRowsAtOnce * TokenTable::kMaxCode * TokenTable::kMaxScale < size_t{1} << 31);

using Sum = std::array<int64_t, TokenTable::kMaxDim>;

// Writes the beginning of the sum as a vector of length 1. If all of it cancelled out, the vector
// is the first axis: it has a length of 1 and is nobody's neighbour in particular.
void write_unit(const Sum& sum, std::span<float> out) {
  double squares = 0;
  for (size_t i = 0; i < out.size(); ++i) {
    const auto value = static_cast<double>(sum[i]);
    squares += value * value;
  }
  if (squares == 0) {
    std::fill(out.begin(), out.end(), 0.0F);
    out.front() = 1;
    return;
  }
  const double length = std::sqrt(squares);
  for (size_t i = 0; i < out.size(); ++i)
    out[i] = static_cast<float>(static_cast<double>(sum[i]) / length);
}

}  // namespace

StaticEmbedding::StaticEmbedding(std::string name, std::span<const uint8_t> file)
    : table_(file),
      identity_{std::move(name), table_.dim(), "subwords/unicode-" + unicode_version(), "sum",
                mix(table_.checksum() ^ kVersion)},
      description_(identity_.describe()) {}

void StaticEmbedding::add_unlisted(uint64_t hash, std::span<int32_t> sum) const {
  const int32_t value = kUnlistedCode * table_.median_scale();
  for (size_t i = 0; i < sum.size(); ++i) {
    if (i % 64 == 0) hash = mix(hash + 0x9e3779b97f4a7c15ULL);
    sum[i] += (hash >> (i % 64) & 1) != 0 ? value : -value;
  }
}

bool StaticEmbedding::embed(std::string_view text, std::span<float> out) const {
  Sum sum{};
  std::array<int32_t, TokenTable::kMaxDim> part_of_sum{};
  const std::span<int32_t> part(part_of_sum.data(), table_.dim());
  size_t rows = 0;
  const auto add_part = [&] {
    for (size_t i = 0; i < part.size(); ++i) sum[i] += part[i];
    std::fill(part.begin(), part.end(), 0);
  };
  TokenReader reader(table_.vocabulary(), text);
  for (Token token; reader.next(token);) {
    token.is_listed ? table_.add_row(token.id, part) : add_unlisted(token.hash, part);
    if (++rows % kRowsAtOnce == 0) add_part();
  }
  if (rows == 0) return false;
  add_part();
  write_unit(sum, out);
  return true;
}

std::vector<TextToken> StaticEmbedding::tokenize(std::string_view text) const {
  std::vector<TextToken> tokens;
  TokenReader reader(table_.vocabulary(), text);
  for (Token token; reader.next(token);)
    if (token.is_listed)
      tokens.push_back({table_.token(token.id), token.id});
    else
      tokens.push_back({to_utf8(token.text), std::nullopt});
  return tokens;
}

}  // namespace kindred::model
