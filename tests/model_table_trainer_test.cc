// Learning a token table: that it learns, the same each time, and stops when told to.
// SPDX-License-Identifier: Apache-2.0
#include "model/train/table_trainer.h"

#include <cmath>
#include <stdexcept>
#include <vector>

#include "model/train/pair_collection.h"
#include "model/train/random.h"
#include "tests/support/catch.h"

using namespace kindred::model;

namespace {

constexpr size_t kTokens = 200;

// Pairs of two tokens each, of which 2i and 2i + 1 mean the same.
class Synonyms final : public PairSource {
 public:
  explicit Synonyms(size_t batches) : batches_(batches) {}

  size_t next(std::span<TokenPair> batch) override {
    if (batches_ == 0) return 0;
    --batches_;
    tokens_.clear();
    for (size_t i = 0; i < batch.size(); ++i) {
      const auto first = static_cast<TokenId>(random_.below(kTokens / 2) * 2);
      const auto second = static_cast<TokenId>(random_.below(kTokens / 2) * 2);
      for (const TokenId token : {first, second, first + 1, second + 1}) tokens_.push_back(token);
    }
    for (size_t i = 0; i < batch.size(); ++i)
      batch[i] = {std::span(tokens_).subspan(4 * i, 2), std::span(tokens_).subspan(4 * i + 2, 2)};
    return batch.size();
  }

 private:
  size_t batches_;
  Random random_{5};
  std::vector<TokenId> tokens_;
};

TrainingOptions small(size_t steps) {
  TrainingOptions options;
  options.sizes = {32, 64};
  options.batch = 40;
  options.steps = steps;
  return options;
}

std::vector<float> trained(size_t steps, size_t threads = 1) {
  TrainingOptions options = small(steps);
  options.threads = threads;
  TableTrainer trainer(kTokens, options);
  Synonyms pairs(steps);
  trainer.train(pairs, [](const TrainingProgress&) { return true; });
  return {trainer.rows().begin(), trainer.rows().end()};
}

double cosine(std::span<const float> rows, size_t a, size_t b, size_t size) {
  double ab = 0, aa = 0, bb = 0;
  for (size_t i = 0; i < size; ++i) {
    const double x = rows[a * 64 + i], y = rows[b * 64 + i];
    ab += x * y;
    aa += x * x;
    bb += y * y;
  }
  return ab / std::sqrt(aa * bb);
}

}  // namespace

TEST_CASE("tokens that stand for each other come near, others do not", "[model][train]") {
  const std::vector<float> rows = trained(300);
  for (const size_t size : {32, 64}) {
    double synonyms = 0, others = 0;
    for (size_t i = 0; i < kTokens; i += 2) {
      synonyms += cosine(rows, i, i + 1, size);
      others += cosine(rows, i, (i + 20) % kTokens, size);
    }
    CHECK(synonyms / (kTokens / 2) > 0.8);
    CHECK(others / (kTokens / 2) < 0.2);
  }
}

TEST_CASE("the same pairs and options give the same rows to the bit", "[model][train]") {
  CHECK(trained(20) == trained(20));
  TableTrainer one(kTokens, small(1)), other(kTokens, small(1));
  CHECK(std::vector<float>(one.rows().begin(), one.rows().end()) ==
        std::vector<float>(other.rows().begin(), other.rows().end()));
}

TEST_CASE("any number of threads gives the same rows to the bit", "[model][train]") {
  for (const size_t threads : {2, 3, 0}) CHECK(trained(30, threads) == trained(30));
}

TEST_CASE("the loss falls, and progress is told of each step", "[model][train]") {
  TableTrainer trainer(kTokens, small(200));
  Synonyms pairs(200);
  std::vector<double> losses;
  CHECK(trainer.train(pairs, [&](const TrainingProgress& progress) {
    losses.push_back(progress.loss);
    CHECK(progress.step == losses.size());
    CHECK(progress.steps == 200);
    return true;
  }));
  CHECK(losses.size() == 200);
  CHECK(losses.back() < losses.front() / 2);
}

TEST_CASE("training ends when progress says so", "[model][train]") {
  TableTrainer trainer(kTokens, small(200));
  Synonyms pairs(200);
  size_t calls = 0;
  CHECK_FALSE(trainer.train(pairs, [&](const TrainingProgress&) { return ++calls < 3; }));
  CHECK(calls == 3);
  for (const float value : trainer.rows()) REQUIRE(std::isfinite(value));
}

TEST_CASE("training ends with its pairs", "[model][train]") {
  TableTrainer trainer(kTokens, small(200));
  Synonyms pairs(7);
  size_t calls = 0;
  CHECK(trainer.train(pairs, [&](const TrainingProgress&) { return ++calls > 0; }));
  CHECK(calls == 7);
}

TEST_CASE("training goes on from rows that are given", "[model][train]") {
  const std::vector<float> before = trained(100);
  TrainingOptions options = small(1);
  options.rate = 1e-6F;
  TableTrainer trainer(before, options);
  Synonyms pairs(1);
  trainer.train(pairs, [](const TrainingProgress&) { return true; });
  for (size_t i = 0; i < before.size(); ++i)
    REQUIRE(trainer.rows()[i] == Approx(before[i]).margin(1e-4));
}

TEST_CASE("a token without a row and options without sense are refused", "[model][train]") {
  TableTrainer trainer(kTokens / 2, small(3));
  Synonyms pairs(3);
  CHECK_THROWS_AS(trainer.train(pairs, [](const TrainingProgress&) { return true; }),
                  std::out_of_range);
  TrainingOptions options = small(1);
  options.sizes = {64, 32};
  CHECK_THROWS_AS(TableTrainer(kTokens, options), std::invalid_argument);
  options = small(1);
  options.batch = 1;
  CHECK_THROWS_AS(TableTrainer(kTokens, options), std::invalid_argument);
  CHECK_THROWS_AS(TableTrainer(std::vector<float>(65), small(1)), std::invalid_argument);
}

TEST_CASE("batches are of one group, and each of its pairs comes once in a round",
          "[model][train]") {
  const Vocabulary vocabulary({"a", "b", "c", "d"});
  PairCollection pairs(vocabulary, 3);
  for (int i = 0; i < 6; ++i) pairs.add_pair("ab", pairs.add_text("a"), pairs.add_text("b"));
  for (int i = 0; i < 6; ++i) pairs.add_pair("cd", pairs.add_text("c"), pairs.add_text("d d"));
  pairs.add_pair("ab", pairs.add_text("a"), pairs.add_text("..."));  // makes none
  REQUIRE(pairs.groups().size() == 2);
  CHECK(pairs.groups()[0].pairs.size() == 6);
  std::vector<TokenPair> batch(3);
  size_t first_group = 0;
  for (int i = 0; i < 200; ++i) {
    REQUIRE(pairs.next(batch) == 3);
    first_group += batch[0].first[0] == 0;
    for (const TokenPair& pair : batch) {
      CHECK(pair.first[0] == batch[0].first[0]);
      CHECK(pair.second[0] == pair.first[0] + 1);
      CHECK(pair.second.size() == (pair.first[0] == 0 ? 1 : 2));
    }
  }
  CHECK(first_group > 60);
  CHECK(first_group < 140);
}
