// SPDX-License-Identifier: Apache-2.0
#include "model/train/table_trainer.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

#include "model/train/random.h"

namespace kindred::model {
namespace {

constexpr uint32_t kNoSlot = UINT32_MAX;
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
      loss_(options_.sizes, options_.scale, options_.batch),
      rows_(std::move(rows)),
      means_(rows_.size()),
      squares_(rows_.size()),
      slot_of_token_(rows_.size() / dim(), kNoSlot) {
  require(rows_.size() % dim() == 0, "rows of " + std::to_string(dim()) + " values are wanted");
  for (std::vector<float>* texts : {&a_, &b_, &gradient_a_, &gradient_b_})
    texts->resize(options_.batch * dim());
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
  for (size_t i = 0; i < pairs.size(); ++i) {
    sum_rows(pairs[i].first, &a_[i * dim()]);
    sum_rows(pairs[i].second, &b_[i * dim()]);
  }
  const double loss = loss_.compute(a_, b_, pairs.size(), gradient_a_, gradient_b_);
  for (size_t i = 0; i < pairs.size(); ++i) {
    add_gradient(pairs[i].first, &gradient_a_[i * dim()]);
    add_gradient(pairs[i].second, &gradient_b_[i * dim()]);
  }
  move_rows(number);
  return loss;
}

void TableTrainer::sum_rows(std::span<const TokenId> tokens, float* sum) {
  std::fill_n(sum, dim(), 0.0F);
  for (const TokenId token : tokens) {
    if (token >= slot_of_token_.size())
      throw std::out_of_range("training: token id " + std::to_string(token) + " of " +
                              std::to_string(slot_of_token_.size()) + " rows");
    kernels_.add(sum, &rows_[size_t{token} * dim()], dim());
  }
}

size_t TableTrainer::slot_of(TokenId token) {
  uint32_t& slot = slot_of_token_[token];
  if (slot == kNoSlot) {
    slot = static_cast<uint32_t>(moving_.size());
    moving_.push_back(token);
    if (row_gradients_.size() < moving_.size() * dim())
      row_gradients_.resize(2 * moving_.size() * dim());
    std::fill_n(&row_gradients_[slot * dim()], dim(), 0.0F);
  }
  return slot;
}

void TableTrainer::add_gradient(std::span<const TokenId> tokens, const float* gradient) {
  for (const TokenId token : tokens)
    kernels_.add(&row_gradients_[slot_of(token) * dim()], gradient, dim());
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
  for (const TokenId token : moving_) {
    const size_t row = size_t{token} * dim();
    kernels_.adam(&rows_[row], &means_[row], &squares_[row],
                  &row_gradients_[slot_of_token_[token] * dim()], dim(), adam);
  }
  for (const TokenId token : moving_) slot_of_token_[token] = kNoSlot;
  moving_.clear();
}

}  // namespace kindred::model
