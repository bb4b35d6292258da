// Training a token table on texts that a user has, without any judgement: what stands together in a
// row is about the same. Rows are given one by one and kept as a sample of bounded size.
//
// Of two or more columns the first (a title, a question) is paired with the others, and each
// sentence of the others with the rest of the row. A single column is a document by itself: each
// sentence is paired with the rest; a text of one sentence is cut in two.
//
// Training goes on from the built-in table's rows, and the result lies between them and the trained
// ones: most of what the texts teach is learned, hardly anything of what was known is lost (weight
// interpolation: Wortsman et al. 2022). What was tried and what each gave: bench/history.md.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "model/train/row_sample.h"

namespace kindred::model {

struct OwnRowsOptions {
  enum class Start {
    kDefault,  // the built-in table's vocabulary and rows
    kNothing,  // a vocabulary that is learned from the texts, and random rows
  };
  Start start = Start::kDefault;
  size_t dimensions = 256;    // a multiple of 64 up to 1024, from kDefault up to 256
  size_t vocabulary = 16000;  // sub-words at most, from kNothing
  size_t batch = 512;         // pairs
  size_t steps = 0;           // batches; 0: by the amount of text
  float rate = 0;             // of Adam; 0: 0.03 from kDefault, 0.05 from kNothing
  float keep = 0.5F;          // share of the built-in rows in the result, 0..1
  size_t threads = 0;         // 0: one for each core; any number gives the same bytes
  uint64_t seed = 1;
  size_t most_bytes = 64 << 20;  // of text in memory; of more text a random sample is read
};

class OwnRows {
 public:
  // A row counts that makes a pair: see above.
  static constexpr size_t kFewestRows = 32;
  static constexpr size_t kRowsBetween = 64;

  // Called after each step with the steps done and those of the whole training, and while texts are
  // read before the first one with 0 of 0, every kRowsBetween rows; may throw to end it.
  using Progress = std::function<void(size_t done, size_t total)>;

  // Throws std::invalid_argument that says which option makes no sense.
  explicit OwnRows(const OwnRowsOptions& options);

  // The texts of a row, in the order of its columns; empty ones are passed over. Memory: most_bytes
  // in all, whatever the number of rows.
  void add(std::span<const std::string_view> columns);

  // The file of a token table (model/token_table.h). The same rows and options give the same file
  // on every CPU with fused multiply-add. Ends the object's use. Memory: about twice
  // most_bytes, and five copies of the table in float32 (from kDefault 80 MB).
  // Throws std::invalid_argument where fewer than kFewestRows count, and what `progress` throws.
  std::vector<uint8_t> train(const Progress& progress);

 private:
  OwnRowsOptions options_;
  RowSample sample_;
  uint64_t rows_ = 0;  // that were added and have a text
};

}  // namespace kindred::model
