// A model as a database keeps it, whatever file it came from: a pack of bytes that says everything
// but the rows (kind, vocabulary, tokenizer, pooling), and the rows of its embedding table as
// float32, by token id. Importers write one through a PackWriter, in one pass and bounded memory;
// open_packed() makes the embedder of one that has been stored. Where the bytes are kept is not
// known here.
//
// A pack begins with 8 bytes that name its kind: "kindredT" is a token table (token_table.h), which
// has its rows in the pack itself, "kindredW" are words (word_embedding.h), "kindredF" words and
// their parts (fasttext_embedding.h), "kindredS" a tokenizer's (tokenized_embedding.h).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "model/embedder.h"

namespace kindred::model {

// Where an importer or a trainer puts what it has read.
class PackWriter {
 public:
  virtual ~PackWriter() = default;
  // The row of the next token id: 0, 1, 2, ... All have the same dim, which is 1..65,536. A row is
  // finite. Rows come before the pack.
  virtual void add_row(std::span<const float> row) = 0;
  // The pack's next bytes.
  virtual void append(std::span<const uint8_t> bytes) = 0;
};

// The rows that add_row() was given, wherever they lie. Constant after construction, thread-safe.
class PackedRows {
 public:
  virtual ~PackedRows() = default;
  virtual size_t size() const noexcept = 0;
  virtual size_t dim() const noexcept = 0;
  // dim() values that live as long as this. Throws what the storage throws where they are damaged.
  // REQUIRES: id < size().
  virtual const float* row(TokenId id) const = 0;
};

// The model that the pack describes. `pack` is borrowed for its life, `rows` (nullptr where the
// model has none) is shared. Throws std::runtime_error that says what is wrong at which offset.
std::shared_ptr<const Embedder> open_packed(std::string name, std::span<const uint8_t> pack,
                                            std::shared_ptr<const PackedRows> rows);

}  // namespace kindred::model
