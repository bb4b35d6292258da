// Learns a token table from pairs of texts: a text is the sum of its tokens' rows, and rows move so
// that each text is nearest to its partner (ContrastiveLoss). Only rows of a batch's tokens move:
// their moments are as old as their last batch (lazy Adam).
//
// The same options, pairs and instruction set give the same rows to the bit, on any number of
// threads, and the instruction sets with fused multiply-add all give the same.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "model/train/contrastive_loss.h"
#include "model/train/pair_source.h"
#include "model/train/workers.h"

namespace kindred::model {

struct TrainingOptions {
  std::vector<size_t> sizes = {64, 128, 256};  // nested; the last one is the table's dim
  size_t batch = 512;                          // pairs
  size_t steps = 4000;                         // batches at most; the rate falls to zero over them
  float rate = 0.1F;                           // of Adam, after the warm-up
  float warm_up = 0.05F;                       // share of the steps in which the rate rises
  float scale = 20;                            // of the cosines in the loss
  size_t most_tokens = 128;                    // of a text; the rest is not read
  uint64_t seed = 1;                           // of the rows that training starts from
  size_t threads = 1;                          // 0: one for each core
};

struct TrainingProgress {
  size_t step, steps;
  double loss;  // of the last batch
};

class TableTrainer {
 public:
  // Starts from rows of normally distributed random numbers.
  // Throws std::invalid_argument where an option makes no sense.
  TableTrainer(size_t vocabulary_size, TrainingOptions options);
  // Starts from `rows`, (vocabulary_size, dim).
  TableTrainer(std::vector<float> rows, TrainingOptions options);

  // Trains until the source ends, all steps are done or `progress`, called after each step, returns
  // false. Returns whether it was not for `progress` that training ended; the rows are sound in any
  // case. Throws std::out_of_range for a token id that has no row.
  bool train(PairSource& pairs, const std::function<bool(const TrainingProgress&)>& progress);

  // (vocabulary_size, dim), row-major, in the order of ids.
  std::span<const float> rows() const noexcept { return rows_; }
  size_t dim() const noexcept { return options_.sizes.back(); }

 private:
  double step(std::span<const TokenPair> pairs, size_t number);
  void collect(std::span<const TokenPair> pairs);
  void sum_texts(std::span<const TokenPair> pairs);
  void move_rows(size_t number);

  // A token of the batch, and the texts that it stands in: the next `count` of uses_ from `first`.
  struct Moving {
    TokenId token;
    uint32_t first, count;
  };

  TrainingOptions options_;
  const BatchKernels& kernels_;
  Workers workers_;
  ContrastiveLoss loss_;
  std::vector<float> rows_;
  std::vector<float> means_, squares_;  // Adam's moments of each row

  // Of the batch: the first texts of all pairs, from `batch` on the second ones; (2 batch, dim).
  std::vector<float> texts_, gradients_;
  std::vector<Moving> moving_;
  std::vector<uint32_t> slot_of_token_;            // place in moving_, if that is the token's
  std::vector<uint32_t> uses_;                     // numbers of texts, in the order of moving_
  std::vector<std::vector<float>> row_gradients_;  // of each worker, (dim)
};

}  // namespace kindred::model
