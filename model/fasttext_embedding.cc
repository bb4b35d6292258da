// SPDX-License-Identifier: Apache-2.0
#include "model/fasttext_embedding.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <stdexcept>

#include "model/little_endian.h"
#include "model/white_space.h"
#include "model/word_rarity.h"

namespace kindred::model {
namespace {

// Change it whenever the same text and rows would give another vector: stored ones are refused
// then.
constexpr uint64_t kVectorVersion = 1;
constexpr uint32_t kPackVersion = 1;
constexpr size_t kHeader = 40, kTrailer = 8, kMaxDim = 65536;

constexpr std::string_view kLabel = "__label__";

FastTextShape read_shape(std::span<const uint8_t> pack) {
  if (pack.size() < kHeader + kTrailer) fail_pack(0, "a header", "the end of the pack");
  const auto number = [&](size_t offset) { return load<uint32_t>(&pack[offset]); };
  if (number(8) != kPackVersion)
    fail_pack(8, "version " + std::to_string(kPackVersion), std::to_string(number(8)));
  if (number(12) == 0 || number(12) > kMaxDim)
    fail_pack(12, "dim 1..65536", std::to_string(number(12)));
  if (number(20) > WordParts::kLongest)
    fail_pack(20, "an n-gram of at most 255 characters", std::to_string(number(20)));
  if (number(24) > FastTextShape::kLongestSequence)
    fail_pack(24, "a sequence of at most 255 words", std::to_string(number(24)));
  if (number(28) > 1) fail_pack(28, "0 or 1", std::to_string(number(28)));
  const WordParts parts{number(16), number(20), load<uint64_t>(&pack[32])};
  return {number(12), parts, number(24), number(28) == 1};
}

}  // namespace

struct FastTextEmbedding::Open {
  Open(std::span<const uint8_t> pack, std::shared_ptr<const PackedRows> rows)
      : shape(read_shape(pack)),
        table(PackedVocabulary(pack, kHeader), std::move(rows), shape.dim) {
    const size_t offset = kHeader + table.vocabulary().bytes();
    const size_t row_bytes = shape.dim * sizeof(float);
    const size_t left = pack.size() - offset;
    if (left < kTrailer || (left - kTrailer) % row_bytes != 0 ||
        (left - kTrailer) / row_bytes != shape.parts.buckets)
      fail_pack(offset,
                std::to_string(shape.parts.buckets) + " buckets of " + std::to_string(row_bytes) +
                    " bytes and a checksum",
                std::to_string(left) + " bytes");
    buckets = pack.data() + offset;
    checksum = mix(load<uint64_t>(&pack[pack.size() - kTrailer])) ^ table.vocabulary().checksum();
    for (size_t i = 8; i < kHeader; i += 8) checksum = mix(checksum ^ load<uint64_t>(&pack[i]));
  }

  FastTextShape shape;
  PackedTable table;
  const uint8_t* buckets = nullptr;
  uint64_t checksum = 0;
};

FastTextEmbedding::FastTextEmbedding(std::string name, std::span<const uint8_t> pack,
                                     std::shared_ptr<const PackedRows> rows)
    : FastTextEmbedding(std::move(name), Open(pack, std::move(rows))) {}

FastTextEmbedding::FastTextEmbedding(std::string name, Open open)
    : shape_(open.shape), table_(std::move(open.table)), buckets_(open.buckets) {
  const std::string parts =
      std::to_string(shape_.parts.shortest) + "-" + std::to_string(shape_.parts.longest);
  identity_ = {std::move(name), shape_.dim, "fasttext/" + parts,
               shape_.is_supervised ? "mean" : "mean-of-units",
               mix(open.checksum ^ kVectorVersion)};
  description_ = identity_.describe();
}

void FastTextEmbedding::require_finite(const VectorSum& sum) const {
  if (!std::isfinite(sum.length()))
    throw std::runtime_error("model " + identity_.name + ": a value of its pack is not finite");
}

void FastTextEmbedding::add_bucket(uint64_t bucket, VectorSum& sum) const {
  constexpr size_t kAtOnce = 256;
  float values[kAtOnce];
  const uint8_t* from = buckets_ + bucket * shape_.dim * sizeof(float);
  for (size_t i = 0; i < shape_.dim; i += kAtOnce) {
    const size_t count = std::min(kAtOnce, shape_.dim - i);
    std::memcpy(values, from + i * sizeof(float), count * sizeof(float));
    sum.add({values, count}, 1, i);
  }
}

// Adds the rows of a word and its parts; returns how many.
size_t FastTextEmbedding::add_word(std::string_view word, VectorSum& sum) const {
  size_t rows = 0;
  if (const auto id = table_.find(word)) {
    shape_.parts.each(word, [&](uint64_t) { ++rows; });
    ++rows;
    sum.add(table_.values(*id), static_cast<double>(rows));
    return rows;
  }
  shape_.parts.each(word, [&](uint64_t bucket) {
    add_bucket(bucket, sum);
    ++rows;
  });
  return rows;
}

bool FastTextEmbedding::word_vector(std::string_view word, std::span<float> out) const {
  if (const auto id = table_.find(word)) {
    table_.row(*id, out);
    return true;
  }
  VectorSum sum(shape_.dim);
  const size_t rows = add_word(word, sum);
  if (rows == 0) return false;
  require_finite(sum);
  for (size_t i = 0; i < out.size(); ++i)
    out[i] = static_cast<float>(sum.values()[i] / static_cast<double>(rows));
  return true;
}

void FastTextEmbedding::add_words(std::string_view text, VectorSum& sum) const {
  std::vector<float> vector(shape_.dim);
  VectorSum word(shape_.dim);
  while (const auto piece = next_piece(text)) {
    word.clear();
    add_word(*piece, word);
    require_finite(word);
    if (word.write_unit(vector)) sum.add(vector);
  }
}

// fastText hashes sequences with signed hashes and this multiplier.
void FastTextEmbedding::add_features(std::string_view text, VectorSum& sum) const {
  constexpr uint64_t kMultiplier = 116049371;
  std::vector<uint64_t> hashes;
  const auto add = [&](std::string_view word) {
    if (!table_.find(word) && word.starts_with(kLabel)) return;
    add_word(word, sum);
    hashes.push_back(static_cast<uint64_t>(int64_t{static_cast<int32_t>(fasttext_hash(word))}));
  };
  while (const auto piece = next_piece(text)) add(*piece);
  if (hashes.empty()) return;
  add(WordParts::kEndOfText);
  if (shape_.parts.buckets == 0) return;
  for (size_t i = 0; i < hashes.size(); ++i) {
    uint64_t hash = hashes[i];
    for (size_t j = i + 1; j < hashes.size() && j - i < shape_.longest_sequence; ++j) {
      hash = hash * kMultiplier + hashes[j];
      add_bucket(hash % shape_.parts.buckets, sum);
    }
  }
}

bool FastTextEmbedding::embed(std::string_view text, std::span<float> out) const {
  VectorSum sum(shape_.dim);
  shape_.is_supervised ? add_features(text, sum) : add_words(text, sum);
  require_finite(sum);
  return sum.write_unit(out);
}

std::vector<TextToken> FastTextEmbedding::tokenize(std::string_view text) const {
  std::vector<TextToken> tokens;
  while (const auto piece = next_piece(text))
    tokens.push_back({std::string(*piece), table_.find(*piece)});
  return tokens;
}

void write_fasttext_pack(PackWriter& pack, const VocabularyBuilder& words,
                         const FastTextShape& shape) {
  pack.append(bytes_of(std::span(FastTextEmbedding::kMagic)));
  for (const size_t number :
       {size_t{kPackVersion}, shape.dim, size_t{shape.parts.shortest}, size_t{shape.parts.longest},
        size_t{shape.longest_sequence}, size_t{shape.is_supervised}})
    pack.append(bytes_of(static_cast<uint32_t>(number)));
  pack.append(bytes_of(shape.parts.buckets));
  words.append_to(pack);
}

}  // namespace kindred::model
