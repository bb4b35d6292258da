// SPDX-License-Identifier: Apache-2.0
#include "model/tokenized_embedding.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <stdexcept>
#include <utility>

#include "model/formats/tokenizer_json.h"
#include "model/little_endian.h"
#include "model/unicode.h"
#include "model/word_rarity.h"

namespace kindred::model {
namespace {

// Change it whenever the same text and pack would give another vector: stored ones are refused
// then.
constexpr uint64_t kEmbeddingVersion = 1;

// Who knows version 1 only would leave unknown tokens out.
constexpr uint32_t kVersionWithoutUnknown = 1, kVersionWithUnknown = 2;
constexpr uint32_t kNormalizedFlag = 1, kUnknownFlag = 2;
constexpr size_t kHeader = 48, kTrailer = 8;
constexpr uint32_t kMaxDim = 65'536;

constexpr uint64_t add_to_hash(uint64_t hash, uint64_t word) {
  return (hash ^ word) * 0x9e3779b97f4a7c15ULL + (hash >> 47);
}

uint64_t checksum_of(std::span<const uint8_t> bytes) {
  uint64_t hash = mix(bytes.size());
  size_t i = 0;
  for (; i + 8 <= bytes.size(); i += 8) hash = add_to_hash(hash, load<uint64_t>(&bytes[i]));
  for (; i < bytes.size(); ++i) hash = add_to_hash(hash, bytes[i]);
  return mix(hash);
}

[[noreturn]] void fail(const std::string& name, size_t offset, const std::string& what) {
  throw std::runtime_error("model " + name + ": offset " + std::to_string(offset) + ": " + what);
}

// The header of a pack whose checksum fits.
TokenizedPack read_pack(const std::string& name, std::span<const uint8_t> bytes) {
  constexpr size_t kVersionAt = 8, kDimAt = 12, kRowsAt = 16, kFlagsAt = 20, kTokensAt = 24,
                   kCharactersAt = 28, kRowsChecksumAt = 32, kTokenizerAt = 40;
  if (bytes.size() < kHeader + kTrailer)
    fail(name, 0,
         "got " + std::to_string(bytes.size()) + " bytes, wanted at least " +
             std::to_string(kHeader + kTrailer));
  const std::string_view magic(reinterpret_cast<const char*>(bytes.data()), 8);
  if (magic != TokenizedEmbedding::kMagic) fail(name, 0, "not a tokenized embedding");
  const auto version = load<uint32_t>(&bytes[kVersionAt]);
  if (version != kVersionWithoutUnknown && version != kVersionWithUnknown)
    fail(name, kVersionAt, "got version " + std::to_string(version) + ", wanted 1 or 2");
  const size_t end = bytes.size() - kTrailer;
  if (load<uint64_t>(&bytes[end]) != checksum_of(bytes.first(end)))
    fail(name, end, "the checksum does not fit");
  const auto flags = load<uint32_t>(&bytes[kFlagsAt]);
  const TokenizedPack pack{load<uint32_t>(&bytes[kDimAt]),
                           load<uint32_t>(&bytes[kRowsAt]),
                           (flags & kNormalizedFlag) != 0,
                           version == kVersionWithUnknown && (flags & kUnknownFlag) != 0,
                           load<uint32_t>(&bytes[kTokensAt]),
                           load<uint32_t>(&bytes[kCharactersAt]),
                           load<uint64_t>(&bytes[kRowsChecksumAt])};
  if (pack.dim == 0 || pack.dim > kMaxDim)
    fail(name, kDimAt, "got dim " + std::to_string(pack.dim) + ", wanted 1 to 65536");
  if (load<uint64_t>(&bytes[kTokenizerAt]) != end - kHeader)
    fail(name, kTokenizerAt,
         "got a tokenizer of " + std::to_string(load<uint64_t>(&bytes[kTokenizerAt])) +
             " bytes, wanted " + std::to_string(end - kHeader));
  return pack;
}

// If all of it cancelled out, the vector is the first axis: it has a length of 1 and is nobody's
// neighbour in particular.
void write_unit(std::span<const double> sum, std::span<float> out) {
  // The largest value is taken out first: squares of float32 values may be beyond a double's least.
  double largest = 0;
  for (const double value : sum) largest = std::max(largest, std::abs(value));
  if (largest == 0) {
    std::fill(out.begin(), out.end(), 0.0F);
    out.front() = 1;
    return;
  }
  double squares = 0;
  for (const double value : sum) squares += (value / largest) * (value / largest);
  const double length = std::sqrt(squares);
  for (size_t i = 0; i < out.size(); ++i) out[i] = static_cast<float>(sum[i] / largest / length);
}

}  // namespace

void RowsChecksum::add(std::span<const float> row) noexcept {
  for (const float value : row) hash_ = add_to_hash(hash_, std::bit_cast<uint32_t>(value));
}

uint64_t RowsChecksum::value() const noexcept {
  return mix(hash_);
}

void write_tokenized_pack(const TokenizedPack& pack, std::string_view tokenizer_json,
                          PackWriter& writer) {
  std::vector<uint8_t> bytes(TokenizedEmbedding::kMagic.begin(), TokenizedEmbedding::kMagic.end());
  append(bytes, pack.counts_unknown ? kVersionWithUnknown : kVersionWithoutUnknown);
  append(bytes, pack.dim);
  append(bytes, pack.rows);
  append(bytes,
         (pack.is_normalized ? kNormalizedFlag : 0) | (pack.counts_unknown ? kUnknownFlag : 0));
  append(bytes, pack.max_tokens);
  append(bytes, pack.max_characters);
  append(bytes, pack.rows_checksum);
  append(bytes, uint64_t{tokenizer_json.size()});
  bytes.insert(bytes.end(), tokenizer_json.begin(), tokenizer_json.end());
  append(bytes, checksum_of(bytes));
  writer.append(bytes);
}

TokenizedEmbedding::TokenizedEmbedding(std::string name, std::span<const uint8_t> bytes,
                                       std::shared_ptr<const PackedRows> rows)
    : pack_(read_pack(name, bytes)), rows_(std::move(rows)) {
  const std::span<const uint8_t> json = bytes.subspan(kHeader, bytes.size() - kHeader - kTrailer);
  tokenizer_ = std::make_unique<const Tokenizer>(read_tokenizer(
      {reinterpret_cast<const char*>(json.data()), json.size()}, "model " + name + ": tokenizer"));
  if (tokenizer_->size() > pack_.rows)
    fail(name, kHeader,
         "got " + std::to_string(tokenizer_->size()) + " tokens, wanted at most " +
             std::to_string(pack_.rows) + ", as many as there are rows");
  const size_t got_rows = rows_ ? rows_->size() : 0, got_dim = rows_ ? rows_->dim() : 0;
  if (got_rows != pack_.rows || (got_rows > 0 && got_dim != pack_.dim))
    fail(name, 0,
         "got " + std::to_string(got_rows) + " rows of dim " + std::to_string(got_dim) +
             ", wanted " + std::to_string(pack_.rows) + " of dim " + std::to_string(pack_.dim));
  const auto checksum = load<uint64_t>(&bytes[bytes.size() - kTrailer]);
  identity_ = {std::move(name), pack_.dim, tokenizer_->name() + "/unicode-" + unicode_version(),
               "mean", mix(checksum ^ kEmbeddingVersion)};
  description_ = identity_.describe();
}

bool TokenizedEmbedding::counts(TokenId id) const {
  return pack_.counts_unknown || id != tokenizer_->unknown();
}

// The ids of the tokens that are read: the last one counts, if that is where a limit is hit.
std::vector<TokenId> TokenizedEmbedding::read_ids(std::string_view text) const {
  std::string valid;
  if (pack_.max_characters != 0 && text.size() > pack_.max_characters)
    text = first_code_points(valid_utf8(text, valid), pack_.max_characters);
  std::vector<TokenId> ids;
  ids.reserve(std::min<size_t>(text.size() / 3 + 8, 4096));
  tokenizer_->append_ids(text, ids);
  if (pack_.max_tokens == 0 || ids.size() <= pack_.max_tokens) return ids;
  size_t end = 0;
  for (size_t counted = 0; end < ids.size() && counted < pack_.max_tokens; ++end)
    counted += counts(ids[end]) ? 1 : 0;
  ids.resize(end);
  return ids;
}

// Of these, the ids of the tokens that count.
std::vector<TokenId> TokenizedEmbedding::ids_of(std::string_view text) const {
  std::vector<TokenId> ids = read_ids(text);
  const auto is_left_out = [&](TokenId id) { return !counts(id); };
  ids.erase(std::remove_if(ids.begin(), ids.end(), is_left_out), ids.end());
  return ids;
}

std::vector<double> TokenizedEmbedding::sum_of(const std::vector<TokenId>& ids, size_t dims) const {
  std::vector<double> sum(dims);
  for (const TokenId id : ids) {
    const float* row = rows_->row(id);
    for (size_t i = 0; i < dims; ++i) sum[i] += row[i];
  }
  return sum;
}

bool TokenizedEmbedding::embed(std::string_view text, std::span<float> out) const {
  const std::vector<TokenId> ids = ids_of(text);
  if (ids.empty()) return false;
  write_unit(sum_of(ids, out.size()), out);
  return true;
}

bool TokenizedEmbedding::encode(std::string_view text, std::span<float> out) const {
  if (pack_.is_normalized) return embed(text, out);
  const std::vector<TokenId> ids = ids_of(text);
  if (ids.empty()) return false;
  const std::vector<double> sum = sum_of(ids, out.size());
  for (size_t i = 0; i < out.size(); ++i)
    out[i] = static_cast<float>(sum[i] / static_cast<double>(ids.size()));
  return true;
}

std::vector<TextToken> TokenizedEmbedding::tokenize(std::string_view text) const {
  std::vector<TextToken> tokens;
  for (const TokenId id : read_ids(text))
    tokens.push_back({tokenizer_->token(id), counts(id) ? std::optional(id) : std::nullopt,
                      id == tokenizer_->unknown()});
  return tokens;
}

std::string TokenizedEmbedding::token(TokenId id) const {
  return id < tokenizer_->size() ? tokenizer_->token(id) : std::string();
}

std::optional<TokenId> TokenizedEmbedding::find(std::string_view token) const {
  return tokenizer_->find(token);
}

void TokenizedEmbedding::row(TokenId id, std::span<float> out) const {
  const float* row = rows_->row(id);
  std::copy(row, row + pack_.dim, out.begin());
}

}  // namespace kindred::model
