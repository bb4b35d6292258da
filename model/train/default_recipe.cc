// SPDX-License-Identifier: Apache-2.0
#include "model/train/default_recipe.h"

#include "model/train/corpora.h"
#include "model/train/vocabulary_learner.h"

namespace kindred::model {
namespace {

// Of groups whose pairs count other than once. The groups are those of corpora.cc.
struct Weight {
  std::string_view group;
  double weight;
};
constexpr Weight kWeights[] = {
    {"wikipedia first with rest", 2},
    {"openstax first with rest", 2},
    {"arxiv first with rest", 2},
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
  options.scale = 22;
  options.steps = 18000;
  return options;
}

}  // namespace kindred::model
