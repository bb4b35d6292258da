// SPDX-License-Identifier: Apache-2.0
#include "model/token_table.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <stdexcept>

#include "model/little_endian.h"
#include "model/word_rarity.h"

extern "C" {
extern const uint8_t kindred_default_table[], kindred_default_table_end[];
}

namespace kindred::model {
namespace {

constexpr std::string_view kMagic = "kindredT";
constexpr uint32_t kVersion = 1;
constexpr size_t kHeader = 24, kTrailer = 8;
constexpr size_t kHalf = TokenTable::kBlock / 2;
constexpr size_t kMaxPieceBytes = 2 + 4 * Vocabulary::kMaxCharacters;
constexpr int kZeroCode = 8;

uint64_t checksum_of(std::span<const uint8_t> bytes) {
  uint64_t hash = mix(bytes.size());
  size_t i = 0;
  for (; i + 8 <= bytes.size(); i += 8)
    hash = (hash ^ load<uint64_t>(&bytes[i])) * 0x100000001b3ULL + (hash >> 47);
  for (; i < bytes.size(); ++i) hash = (hash ^ bytes[i]) * 0x100000001b3ULL;
  return mix(hash);
}

[[noreturn]] void fail(size_t offset, const std::string& wanted, const std::string& got) {
  throw std::runtime_error("token table, offset " + std::to_string(offset) + ": " + wanted +
                           " is wanted, got " + got);
}

struct Header {
  size_t tokens, dim, piece_bytes;
};

Header read_header(std::span<const uint8_t> file) {
  if (file.size() < kHeader + kTrailer)
    fail(0, "a file of at least " + std::to_string(kHeader + kTrailer) + " bytes",
         std::to_string(file.size()));
  if (std::memcmp(file.data(), kMagic.data(), kMagic.size()) != 0)
    fail(0, "\"" + std::string(kMagic) + "\"", "something else");
  if (const auto version = load<uint32_t>(&file[8]); version != kVersion)
    fail(8, "version " + std::to_string(kVersion), std::to_string(version));
  const Header header{load<uint32_t>(&file[12]), load<uint32_t>(&file[16]),
                      load<uint32_t>(&file[20])};
  if (header.tokens > Vocabulary::kMaxPieces)
    fail(12, "at most " + std::to_string(Vocabulary::kMaxPieces) + " tokens",
         std::to_string(header.tokens));
  if (header.dim == 0 || header.dim > TokenTable::kMaxDim || header.dim % TokenTable::kBlock != 0)
    fail(16, "a multiple of 64 up to 1024 as dim", std::to_string(header.dim));
  const size_t size =
      kHeader + header.tokens * (2 + header.dim / 2) + header.piece_bytes + kTrailer;
  if (file.size() != size)
    fail(20, "a file of " + std::to_string(size) + " bytes", std::to_string(file.size()));
  return header;
}

std::vector<std::string> read_pieces(std::span<const uint8_t> file, size_t offset, Header header) {
  const size_t end = file.size() - kTrailer;
  std::vector<std::string> pieces;
  std::string piece;
  for (size_t i = 0; i < header.tokens; ++i) {
    if (end - offset < 2) fail(offset, "a piece", "the end of the pieces");
    const size_t shared = file[offset], own = file[offset + 1];
    offset += 2;
    if (shared > piece.size() || own > end - offset || shared + own > kMaxPieceBytes)
      fail(offset - 2, "a piece of at most " + std::to_string(kMaxPieceBytes) + " bytes",
           std::to_string(shared) + " shared and " + std::to_string(own) + " own");
    std::string next = piece.substr(0, shared);
    next.append(reinterpret_cast<const char*>(&file[offset]), own);
    if (i > 0 && next <= piece) fail(offset, "pieces in ascending order", "'" + next + "'");
    piece = next;
    pieces.push_back(piece);
    offset += own;
  }
  if (offset != end) fail(offset, "the end of the pieces", std::to_string(end - offset) + " bytes");
  return pieces;
}

// The step that makes a row's codes nearest to it, and the codes' squared distance then.
struct Fit {
  float step;
  double error;
};

int code_of(float value, float step) {
  const float code = std::nearbyint(value / step);
  return static_cast<int>(std::clamp(code, -static_cast<float>(TokenTable::kMaxCode),
                                     static_cast<float>(TokenTable::kMaxCode)));
}

double error_of(std::span<const float> row, float step) {
  double error = 0;
  for (const float value : row) {
    const double difference =
        static_cast<double>(value) - static_cast<double>(step) * code_of(value, step);
    error += difference * difference;
  }
  return error;
}

// Cutting off the largest values makes the step finer for all others.
float best_step(std::span<const float> row) {
  float largest = 0;
  for (const float value : row) largest = std::max(largest, std::abs(value));
  Fit best{largest / TokenTable::kMaxCode, 0};
  if (largest == 0) return 0;
  best.error = error_of(row, best.step);
  constexpr int kTries = 32;
  for (int i = kTries / 3; i < kTries; ++i) {
    const float step = largest / TokenTable::kMaxCode * static_cast<float>(i) / kTries;
    if (step <= 0) continue;
    if (const double error = error_of(row, step); error < best.error) best = {step, error};
  }
  return best.step;
}

void append_codes(std::vector<uint8_t>& file, std::span<const float> row, float step) {
  for (size_t block = 0; block < row.size(); block += TokenTable::kBlock)
    for (size_t i = 0; i < kHalf; ++i) {
      const auto code = [&](size_t at) {
        return static_cast<unsigned>((step > 0 ? code_of(row[at], step) : 0) + kZeroCode);
      };
      file.push_back(static_cast<uint8_t>(code(block + i) | code(block + kHalf + i) << 4));
    }
}

void append_pieces(std::vector<uint8_t>& file, const Vocabulary& vocabulary) {
  std::string_view before;
  for (TokenId id = 0; id < vocabulary.size(); ++id) {
    const std::string_view piece = vocabulary.piece(id);
    const auto end = std::min(piece.size(), before.size());
    const auto shared = static_cast<size_t>(
        std::mismatch(piece.begin(), piece.begin() + static_cast<std::ptrdiff_t>(end),
                      before.begin())
            .first -
        piece.begin());
    const size_t kept = std::min<size_t>(shared, UINT8_MAX);
    append(file, static_cast<uint8_t>(kept));
    append(file, static_cast<uint8_t>(piece.size() - kept));
    file.insert(file.end(), piece.begin() + static_cast<std::ptrdiff_t>(kept), piece.end());
    before = piece;
  }
}

void write_u32(std::vector<uint8_t>& file, size_t at, size_t value) {
  for (size_t i = 0; i < 4; ++i) file[at + i] = static_cast<uint8_t>(value >> (8 * i));
}

}  // namespace

std::span<const uint8_t> TokenTable::built_in() noexcept {
  return {kindred_default_table, kindred_default_table_end};
}

TokenTable::TokenTable(std::span<const uint8_t> file) {
  const Header header = read_header(file);
  checksum_ = checksum_of(file.first(file.size() - kTrailer));
  if (const auto stored = load<uint64_t>(&file[file.size() - kTrailer]); stored != checksum_)
    fail(file.size() - kTrailer, "checksum " + std::to_string(checksum_), std::to_string(stored));
  dim_ = header.dim;
  scales_ = &file[kHeader];
  codes_ = scales_ + 2 * header.tokens;
  const size_t pieces = kHeader + header.tokens * (2 + dim_ / 2);
  vocabulary_ = Vocabulary(read_pieces(file, pieces, header));
  std::vector<uint16_t> scales;
  for (TokenId id = 0; id < header.tokens; ++id) {
    if (scale(id) > kMaxScale)
      fail(kHeader + 2 * id, "a scale up to " + std::to_string(kMaxScale),
           std::to_string(scale(id)));
    if (scale(id) > 0) scales.push_back(scale(id));
  }
  if (scales.empty()) return;
  const auto middle = scales.begin() + static_cast<std::ptrdiff_t>(scales.size() / 2);
  std::nth_element(scales.begin(), middle, scales.end());
  median_scale_ = *middle;
}

uint16_t TokenTable::scale(TokenId id) const noexcept {
  return load<uint16_t>(scales_ + 2 * size_t{id});
}

void TokenTable::add_row(TokenId id, std::span<int32_t> sum) const noexcept {
  const auto weight = static_cast<int16_t>(scale(id));
  const uint8_t* codes = codes_ + size_t{id} * (dim_ / 2);
  for (size_t block = 0; block < dim_; block += kBlock, codes += kHalf) {
    int32_t* low = &sum[block];
    int32_t* high = low + kHalf;
    for (size_t i = 0; i < kHalf; ++i) {
      const auto a = static_cast<int16_t>((codes[i] & 15) - kZeroCode);
      const auto b = static_cast<int16_t>((codes[i] >> 4) - kZeroCode);
      low[i] += a * weight;
      high[i] += b * weight;
    }
  }
}

std::optional<TokenId> TokenTable::find(std::string_view token) const {
  return vocabulary_.find(token);
}

void TokenTable::row(TokenId id, std::span<float> out) const {
  std::array<int32_t, kMaxDim> sum{};
  add_row(id, {sum.data(), dim_});
  const float unit = static_cast<float>(kMaxCode) * static_cast<float>(median_scale_);
  for (size_t i = 0; i < dim_; ++i) out[i] = static_cast<float>(sum[i]) / unit;
}

std::vector<uint8_t> encode_token_table(const Vocabulary& vocabulary, std::span<const float> rows,
                                        size_t dim) {
  if (dim == 0 || dim > TokenTable::kMaxDim || dim % TokenTable::kBlock != 0)
    throw std::invalid_argument("token table: a multiple of 64 up to 1024 is wanted as dim, got " +
                                std::to_string(dim));
  if (rows.size() != vocabulary.size() * dim)
    throw std::invalid_argument("token table: " + std::to_string(vocabulary.size()) + " rows of " +
                                std::to_string(dim) + " values are wanted, got " +
                                std::to_string(rows.size()) + " values");
  for (const float value : rows)
    if (!std::isfinite(value)) throw std::invalid_argument("token table: finite values are wanted");
  std::vector<float> steps;
  for (size_t i = 0; i < rows.size(); i += dim) steps.push_back(best_step(rows.subspan(i, dim)));
  const float unit = steps.empty() ? 1 : *std::max_element(steps.begin(), steps.end());
  std::vector<uint8_t> file(kHeader);
  std::copy(kMagic.begin(), kMagic.end(), file.begin());
  write_u32(file, 8, kVersion);
  write_u32(file, 12, vocabulary.size());
  write_u32(file, 16, dim);
  for (const float step : steps)
    append(file, unit > 0
                     ? static_cast<uint16_t>(std::nearbyint(step / unit * TokenTable::kMaxScale))
                     : uint16_t{0});
  for (size_t i = 0; i < steps.size(); ++i)
    append_codes(file, rows.subspan(i * dim, dim), steps[i]);
  const size_t before = file.size();
  append_pieces(file, vocabulary);
  write_u32(file, 20, file.size() - before);
  append(file, checksum_of(file));
  return file;
}

}  // namespace kindred::model
