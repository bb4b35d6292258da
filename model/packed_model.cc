// SPDX-License-Identifier: Apache-2.0
#include "model/packed_model.h"

#include <algorithm>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "model/fasttext_embedding.h"
#include "model/static_embedding.h"
#include "model/tokenized_embedding.h"
#include "model/word_embedding.h"

namespace kindred::model {
namespace {

constexpr size_t kMagicBytes = 8;

bool begins_with(std::span<const uint8_t> pack, std::string_view magic) {
  return pack.size() >= kMagicBytes && std::equal(magic.begin(), magic.end(), pack.begin());
}

}  // namespace

std::shared_ptr<const Embedder> open_packed(std::string name, std::span<const uint8_t> pack,
                                            std::shared_ptr<const PackedRows> rows) {
  if (begins_with(pack, "kindredT"))
    return std::make_shared<StaticEmbedding>(std::move(name), pack);
  if (begins_with(pack, WordEmbedding::kMagic))
    return std::make_shared<WordEmbedding>(std::move(name), pack, std::move(rows));
  if (begins_with(pack, FastTextEmbedding::kMagic))
    return std::make_shared<FastTextEmbedding>(std::move(name), pack, std::move(rows));
  if (begins_with(pack, TokenizedEmbedding::kMagic))
    return std::make_shared<TokenizedEmbedding>(std::move(name), pack, std::move(rows));
  throw std::runtime_error("model " + name + ": offset 0: not a model that this version knows");
}

}  // namespace kindred::model
