// SPDX-License-Identifier: Apache-2.0
#include "model/train/default_recipe.h"

#include "model/train/corpora.h"
#include "model/train/vocabulary_learner.h"

namespace kindred::model {
namespace {

// Of groups whose pairs do not count once each. The groups are those of corpora.cc.
struct Weight {
  std::string_view group;
  double weight;
};
constexpr Weight kWeights[] = {
    {"novels sentences", 0},
    {"novels first with rest", 0},
};

class WordSink final : public PairSink {
 public:
  StoredText text(std::string_view text) override {
    counts_.add(text);
    return {};
  }
  void pair(std::string_view, StoredText, StoredText) override {}
  const WordCounts& counts() const { return counts_; }

 private:
  WordCounts counts_;
};

class CollectionSink final : public PairSink {
 public:
  explicit CollectionSink(PairCollection& pairs) : pairs_(pairs) {}
  StoredText text(std::string_view text) override { return pairs_.add_text(text); }
  void pair(std::string_view group, StoredText first, StoredText second) override {
    pairs_.add_pair(group, first, second);
  }

 private:
  PairCollection& pairs_;
};

}  // namespace

std::vector<std::string> learn_default_vocabulary(const std::filesystem::path& data) {
  WordSink sink;
  read_corpora(data, sink);
  return learn_vocabulary(sink.counts(), VocabularyOptions{});
}

PairCollection read_default_pairs(const std::filesystem::path& data, const Vocabulary& vocabulary) {
  PairCollection pairs(vocabulary, /*seed=*/1);
  CollectionSink sink(pairs);
  read_corpora(data, sink);
  for (PairCollection::Group& group : pairs.groups())
    for (const Weight& weight : kWeights)
      if (group.name == weight.group) group.weight = weight.weight;
  return pairs;
}

TrainingOptions default_training() {
  TrainingOptions options;
  options.most_tokens = 64;
  return options;
}

}  // namespace kindred::model
