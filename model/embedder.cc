// SPDX-License-Identifier: Apache-2.0
#include "model/embedder.h"

#include <cstdio>

#include "model/hash_model.h"
#include "model/static_embedding.h"

namespace kindred::model {
namespace {

const Embedder& hash_model() {
  static const HashModel model(WordRarity::built_in());
  return model;
}

const Embedder& default_model() {
  static const StaticEmbedding model("default", TokenTable::built_in());
  return model;
}

}  // namespace

std::string Identity::describe() const {
  char hex[17];
  std::snprintf(hex, sizeof hex, "%016llx", static_cast<unsigned long long>(checksum));
  return name + " dim=" + std::to_string(dim) + " tokenizer=" + tokenizer + " pooling=" + pooling +
         " checksum=" + hex;
}

const Embedder* Embedder::find(std::string_view name) {
  if (name == "default") return &default_model();
  return name == "hash" ? &hash_model() : nullptr;
}

bool Embedder::word_vector(std::string_view word, std::span<float> out) const {
  const EmbeddingTable* rows = table();
  const auto id = rows == nullptr ? std::nullopt : rows->find(word);
  if (id) rows->row(*id, out);
  return id.has_value();
}

std::vector<std::string> Embedder::names() {
  return {"default", "hash"};
}

}  // namespace kindred::model
