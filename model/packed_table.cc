// SPDX-License-Identifier: Apache-2.0
#include "model/packed_table.h"

#include <algorithm>
#include <stdexcept>

namespace kindred::model {

PackedTable::PackedTable(PackedVocabulary vocabulary, std::shared_ptr<const PackedRows> rows,
                         size_t dim)
    : vocabulary_(vocabulary), rows_(std::move(rows)), dim_(dim) {
  const size_t got_rows = rows_ == nullptr ? 0 : rows_->size();
  const size_t got_dim = rows_ == nullptr ? 0 : rows_->dim();
  if (got_rows != size() || (got_rows > 0 && got_dim != dim))
    throw std::runtime_error("pack: " + std::to_string(size()) + " rows of " + std::to_string(dim) +
                             " are wanted, got " + std::to_string(got_rows) + " of " +
                             std::to_string(got_dim));
}

void PackedTable::row(TokenId id, std::span<float> out) const {
  const auto row = values(id);
  std::copy(row.begin(), row.end(), out.begin());
}

}  // namespace kindred::model
