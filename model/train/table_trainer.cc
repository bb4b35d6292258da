// SPDX-License-Identifier: Apache-2.0
#include "model/train/table_trainer.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

#include "model/train/random.h"

namespace kindred::model {
namespace {

constexpr float kBeta1 = 0.9F, kBeta2 = 0.999F, kEpsilon = 1e-8F;

void require(bool holds, const std::string& message) {
  if (!holds) throw std::invalid_argument("training: " + message);
}

TrainingOptions checked(TrainingOptions options) {
  require(!options.sizes.empty(), "a size is wanted");
  for (size_t i = 0; i < options.sizes.size(); ++i)
    require(options.sizes[i] % 32 == 0 && options.sizes[i] > (i == 0 ? 0 : options.sizes[i - 1]),
            "sizes are ascending multiples of 32");
  require(options.batch >= 2, "a batch of at least 2 pairs is wanted");
  require(options.rate > 0 && options.scale > 0, "rate and scale above 0 are wanted");
  return options;
}

std::vector<float> random_rows(size_t values, uint64_t seed) {
  Random random(seed);
  std::vector<float> rows(values);
  for (float& value : rows) value = random.normal();
  return rows;
}

// beta^n by multiplications, the same on every machine.
float power(float beta, size_t n) {
  double result = 1, factor = beta;
  for (; n > 0; n >>= 1, factor *= factor)
    if ((n & 1) != 0) result *= factor;
  return static_cast<float>(result);
}

}  // namespace

TableTrainer::TableTrainer(size_t vocabulary_size, TrainingOptions options)
    : TableTrainer(random_rows(vocabulary_size * checked(options).sizes.back(), options.seed),
                   options) {}

TableTrainer::TableTrainer(std::vector<float> rows, TrainingOptions options)
    : options_(checked(std::move(options))),
      kernels_(batch_kernels()),
      workers_(options_.threads),
      loss_(options_.sizes, options_.scale, options_.batch, workers_),
      rows_(std::move(rows)),
      means_(rows_.size()),
      squares_(rows_.size()),
      slot_of_token_(rows_.size() / dim()) {
  require(rows_.size() % dim() == 0, "rows of " + std::to_string(dim()) + " values are wanted");
  for (std::vector<float>* texts : {&texts_, &gradients_})
    texts->resize(2 * options_.batch * dim());
  row_gradients_.assign(workers_.size(), std::vector<float>(dim()));
}

bool TableTrainer::train(PairSource& pairs,
                         const std::function<bool(const TrainingProgress&)>& progress) {
  std::vector<TokenPair> batch(options_.batch);
  for (size_t number = 0; number < options_.steps; ++number) {
    const size_t count = pairs.next(batch);
    if (count == 0) return true;
    for (TokenPair& pair : batch) {
      pair.first = pair.first.first(std::min(pair.first.size(), options_.most_tokens));
      pair.second = pair.second.first(std::min(pair.second.size(), options_.most_tokens));
    }
    const double loss = step(std::span(batch).first(count), number);
    if (!progress({number + 1, options_.steps, loss})) return false;
  }
  return true;
}

double TableTrainer::step(std::span<const TokenPair> pairs, size_t number) {
  collect(pairs);
  sum_texts(pairs);
  const size_t half = options_.batch * dim();
  const std::span<float> texts(texts_), gradients(gradients_);
  const double loss = loss_.compute(texts.first(half), texts.subspan(half), pairs.size(),
                                    gradients.first(half), gradients.subspan(half));
  move_rows(number);
  return loss;
}

// Which tokens the batch has, and in which texts.
void TableTrainer::collect(std::span<const TokenPair> pairs) {
  moving_.clear();
  size_t uses = 0;
  const auto count = [&](std::span<const TokenId> tokens) {
    uses += tokens.size();
    for (const TokenId token : tokens) {
      if (token >= slot_of_token_.size())
        throw std::out_of_range("training: token id " + std::to_string(token) + " of " +
                                std::to_string(slot_of_token_.size()) + " rows");
      uint32_t& slot = slot_of_token_[token];
      if (slot >= moving_.size() || moving_[slot].token != token) {
        slot = static_cast<uint32_t>(moving_.size());
        moving_.push_back({token, 0, 0});
      }
      ++moving_[slot].count;
    }
  };
  for (const TokenPair& pair : pairs) {
    count(pair.first);
    count(pair.second);
  }
  uint32_t first = 0;
  for (Moving& moving : moving_) {
    moving.first = first;
    first += moving.count;
    moving.count = 0;
  }
  uses_.resize(uses);
  const auto note = [&](std::span<const TokenId> tokens, size_t text) {
    for (const TokenId token : tokens) {
      Moving& moving = moving_[slot_of_token_[token]];
      uses_[moving.first + moving.count++] = static_cast<uint32_t>(text);
    }
  };
  for (size_t i = 0; i < pairs.size(); ++i) {
    note(pairs[i].first, i);
    note(pairs[i].second, options_.batch + i);
  }
}

void TableTrainer::sum_texts(std::span<const TokenPair> pairs) {
  constexpr size_t kPairs = 16;
  workers_.share((pairs.size() + kPairs - 1) / kPairs, [&](size_t part, size_t) {
    for (size_t i = part * kPairs; i < std::min((part + 1) * kPairs, pairs.size()); ++i) {
      kernels_.sum_rows(rows_.data(), pairs[i].first, dim(), &texts_[i * dim()]);
      kernels_.sum_rows(rows_.data(), pairs[i].second, dim(),
                        &texts_[(options_.batch + i) * dim()]);
    }
  });
}

void TableTrainer::move_rows(size_t number) {
  const auto done = static_cast<float>(number) / static_cast<float>(options_.steps);
  const float shape =
      done < options_.warm_up
          ? static_cast<float>(number + 1) / (options_.warm_up * static_cast<float>(options_.steps))
          : (1 - done) / (1 - options_.warm_up);
  const float correction =
      std::sqrt(1 - power(kBeta2, number + 1)) / (1 - power(kBeta1, number + 1));
  const AdamStep adam{options_.rate * std::min(shape, 1.0F) * correction, kBeta1, kBeta2, kEpsilon};
  constexpr size_t kRows = 64;
  workers_.share((moving_.size() + kRows - 1) / kRows, [&](size_t part, size_t worker) {
    float* gradient = row_gradients_[worker].data();
    for (size_t i = part * kRows; i < std::min((part + 1) * kRows, moving_.size()); ++i) {
      const Moving& moving = moving_[i];
      kernels_.sum_rows(gradients_.data(), std::span(uses_).subspan(moving.first, moving.count),
                        dim(), gradient);
      const size_t row = size_t{moving.token} * dim();
      kernels_.adam(&rows_[row], &means_[row], &squares_[row], gradient, dim(), adam);
    }
  });
}

}  // namespace kindred::model
