// The embedding table of a packed model: its vocabulary lies in the pack, its rows beside it.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "model/embedding_table.h"
#include "model/packed_model.h"
#include "model/packed_vocabulary.h"

namespace kindred::model {

class PackedTable final : public EmbeddingTable {
 public:
  // Throws std::runtime_error where the rows are not those of the vocabulary, or are not of `dim`.
  PackedTable(PackedVocabulary vocabulary, std::shared_ptr<const PackedRows> rows, size_t dim);

  const PackedVocabulary& vocabulary() const noexcept { return vocabulary_; }
  size_t size() const noexcept override { return vocabulary_.size(); }
  size_t dim() const noexcept override { return dim_; }
  std::string token(TokenId id) const override { return std::string(vocabulary_.token(id)); }
  std::optional<TokenId> find(std::string_view token) const override {
    return vocabulary_.find(token);
  }
  void row(TokenId id, std::span<float> out) const override;
  // The row where it lies: dim() values.
  std::span<const float> values(TokenId id) const { return {rows_->row(id), dim_}; }

 private:
  PackedVocabulary vocabulary_;
  std::shared_ptr<const PackedRows> rows_;
  size_t dim_;
};

}  // namespace kindred::model
