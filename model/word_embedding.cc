// SPDX-License-Identifier: Apache-2.0
#include "model/word_embedding.h"

#include "model/little_endian.h"
#include "model/unicode.h"
#include "model/vector_sum.h"
#include "model/white_space.h"
#include "model/word_rarity.h"

namespace kindred::model {
namespace {

// Change it whenever the same text and rows would give another vector: stored ones are refused
// then.
constexpr uint64_t kVectorVersion = 1;
constexpr uint32_t kPackVersion = 1;
constexpr size_t kHeader = 16, kTrailer = 8, kMaxDim = 65536;

// The width that the pack's header names.
size_t read_dim(std::span<const uint8_t> pack) {
  if (pack.size() < kHeader + kTrailer) fail_pack(0, "a header", "the end of the pack");
  if (const auto version = load<uint32_t>(&pack[8]); version != kPackVersion)
    fail_pack(8, "version " + std::to_string(kPackVersion), std::to_string(version));
  const size_t dim = load<uint32_t>(&pack[12]);
  if (dim == 0 || dim > kMaxDim) fail_pack(12, "dim 1..65536", std::to_string(dim));
  return dim;
}

PackedTable read_table(std::span<const uint8_t> pack, std::shared_ptr<const PackedRows> rows) {
  const size_t dim = read_dim(pack);
  return PackedTable(PackedVocabulary(pack, kHeader), std::move(rows), dim);
}

uint64_t read_checksum(std::span<const uint8_t> pack, const PackedVocabulary& vocabulary) {
  const size_t offset = kHeader + vocabulary.bytes();
  if (pack.size() != offset + kTrailer)
    fail_pack(offset, "a checksum at the end", std::to_string(pack.size() - offset) + " bytes");
  return load<uint64_t>(&pack[offset]);
}

}  // namespace

WordEmbedding::WordEmbedding(std::string name, std::span<const uint8_t> pack,
                             std::shared_ptr<const PackedRows> rows)
    : table_(read_table(pack, std::move(rows))) {
  const PackedVocabulary& words = table_.vocabulary();
  const uint64_t content = mix(read_checksum(pack, words)) ^ words.checksum();
  identity_ = {std::move(name), table_.dim(), "words/unicode-" + unicode_version(), "mean",
               mix(content ^ kVectorVersion)};
  description_ = identity_.describe();
}

std::optional<TokenId> WordEmbedding::find_word(std::string_view piece) const {
  if (const auto id = table_.find(piece)) return id;
  if (const auto id = table_.find(to_lower(piece))) return id;
  const std::string_view bare = trim_punctuation(piece);
  if (bare.empty() || bare.size() == piece.size()) return std::nullopt;
  if (const auto id = table_.find(bare)) return id;
  return table_.find(to_lower(bare));
}

bool WordEmbedding::embed(std::string_view text, std::span<float> out) const {
  VectorSum sum(table_.dim());
  while (const auto piece = next_piece(text))
    if (const auto id = find_word(*piece)) sum.add(table_.values(*id));
  return sum.write_unit(out);
}

std::vector<TextToken> WordEmbedding::tokenize(std::string_view text) const {
  std::vector<TextToken> tokens;
  while (const auto piece = next_piece(text)) {
    const auto id = find_word(*piece);
    tokens.push_back({id ? table_.token(*id) : std::string(*piece), id});
  }
  return tokens;
}

void write_word_pack(PackWriter& pack, const VocabularyBuilder& words, size_t dim,
                     uint64_t rows_checksum) {
  pack.append(bytes_of(std::span(WordEmbedding::kMagic)));
  pack.append(bytes_of(kPackVersion));
  pack.append(bytes_of(static_cast<uint32_t>(dim)));
  words.append_to(pack);
  pack.append(bytes_of(rows_checksum));
}

}  // namespace kindred::model
