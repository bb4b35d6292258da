// A token table as a file: a vocabulary and a row of int4 codes with a scale for each of its
// tokens. Rows are only ever added up and the sum brought to length 1, so scales are integers in
// units that cancel out, and a sum of rows is exact: the same on every machine, in any order.
//
// Layout, little-endian: magic "kindredT"; u32 version, tokens n, dim d, bytes p of pieces;
// u16 scales[n], each below 2^15; codes[n][d/2]; pieces, front-coded: u8 bytes shared with the
// piece before, u8 bytes of its own, these bytes; u64 checksum of all that is before it.
// A code is a number from -7 to 7, plus 8, in 4 bits. In each 32 bytes the low halves are 32
// dimensions, the high halves the next 32, so that the first 64 or 128 of a row lie together.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/embedding_table.h"
#include "model/vocabulary.h"

namespace kindred::model {

// A view of a file in memory. Constant after construction, thread-safe.
class TokenTable final : public EmbeddingTable {
 public:
  static constexpr size_t kBlock = 64;  // dim is a multiple
  static constexpr size_t kMaxDim = 1024;
  static constexpr int kMaxCode = 7;
  static constexpr uint16_t kMaxScale = (1 << 15) - 1;

  // The table in the library, which lives as long as the process.
  static std::span<const uint8_t> built_in() noexcept;

  // `file` is borrowed for the view's life, and read with care: throws std::runtime_error that says
  // what is wrong at which offset.
  explicit TokenTable(std::span<const uint8_t> file);

  const Vocabulary& vocabulary() const noexcept { return vocabulary_; }
  size_t size() const noexcept override { return vocabulary_.size(); }
  size_t dim() const noexcept override { return dim_; }
  std::string token(TokenId id) const override { return vocabulary_.piece(id); }
  std::optional<TokenId> find(std::string_view token) const override;
  // In units in which a row of the middle scale has values up to 1.
  void row(TokenId id, std::span<float> out) const override;
  uint64_t checksum() const noexcept { return checksum_; }

  // Adds weight * code to each dimension of `sum`. The weight of a token is its scale.
  // REQUIRES: sum.size() == dim().
  void add_row(TokenId id, std::span<int32_t> sum) const noexcept;
  uint16_t scale(TokenId id) const noexcept;
  // The middle one of all scales above zero, 1 if there is none.
  uint16_t median_scale() const noexcept { return median_scale_; }

 private:
  size_t dim_ = 0;
  const uint8_t* scales_ = nullptr;
  const uint8_t* codes_ = nullptr;
  Vocabulary vocabulary_;
  uint64_t checksum_ = 0;
  uint16_t median_scale_ = 1;
};

// The file of a table. `rows` is (vocabulary.size(), dim), row-major, in the order of ids; each row
// gets the scale with which its codes are nearest to it.
// Throws std::invalid_argument if a value is not finite, or dim is not a multiple of
// TokenTable::kBlock up to kMaxDim.
std::vector<uint8_t> encode_token_table(const Vocabulary& vocabulary, std::span<const float> rows,
                                        size_t dim);

}  // namespace kindred::model
