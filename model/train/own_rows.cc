// SPDX-License-Identifier: Apache-2.0
#include "model/train/own_rows.h"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "model/subword_tokenizer.h"
#include "model/token_table.h"
#include "model/train/document_pairs.h"
#include "model/train/sentences.h"
#include "model/train/table_trainer.h"
#include "model/train/vocabulary_learner.h"

namespace kindred::model {
namespace {

using Tokens = std::vector<TokenId>;
using Start = OwnRowsOptions::Start;

constexpr size_t kMostTokens = 64;   // of a text in a pair
constexpr size_t kShortestPart = 4;  // tokens
constexpr size_t kLongestPart = 48;  // tokens
constexpr size_t kFewestSteps = 40, kMostSteps = 6000;

[[noreturn]] void refuse(const std::string& wanted, const std::string& got) {
  throw std::invalid_argument("training: " + wanted + " wanted, got " + got);
}

// Why fewer rows than that counted.
std::string uncounted(uint64_t rows) {
  return " of " + std::to_string(rows) +
         ": rows that are the same count once, and only rows with two texts or parts of a text";
}

void check(const OwnRowsOptions& options) {
  const size_t most_dim = options.start == Start::kDefault
                              ? TokenTable(TokenTable::built_in()).dim()
                              : TokenTable::kMaxDim;
  const size_t dim = options.dimensions;
  if (dim == 0 || dim > most_dim || dim % TokenTable::kBlock != 0)
    refuse("a multiple of 64 up to " + std::to_string(most_dim) + " as dimensions is",
           std::to_string(dim));
  if (options.vocabulary < 256 || options.vocabulary > Vocabulary::kMaxPieces)
    refuse("a vocabulary of 256 to " + std::to_string(Vocabulary::kMaxPieces) + " is",
           std::to_string(options.vocabulary));
  if (options.batch < 2 || options.batch > 4096)
    refuse("a batch of 2 to 4096 pairs is", std::to_string(options.batch));
  if (!(options.rate >= 0 && options.rate <= 1))
    refuse("a rate from 0 to 1 is", std::to_string(options.rate));
  if (!(options.keep >= 0 && options.keep <= 1))
    refuse("a share from 0 to 1 to keep is", std::to_string(options.keep));
}

// Adds the sentences of a text as parts. One that is short goes to the part before it; a long one
// (a text without punctuation) is cut into equal parts.
void add_parts(const Vocabulary& vocabulary, std::string_view line, std::vector<Tokens>& parts) {
  for (const std::string_view sentence : sentences_of(line)) {
    const Tokens tokens = tokenize(vocabulary, sentence);
    if (tokens.size() < kShortestPart && !parts.empty()) {
      parts.back().insert(parts.back().end(), tokens.begin(), tokens.end());
      continue;
    }
    const size_t count = (tokens.size() + kLongestPart - 1) / kLongestPart;
    const auto place = [&](size_t i) {
      return tokens.begin() + static_cast<std::ptrdiff_t>(tokens.size() * i / count);
    };
    for (size_t i = 0; i < count; ++i) parts.emplace_back(place(i), place(i + 1));
  }
}

void add_document(const Vocabulary& vocabulary, std::span<const std::string> texts,
                  DocumentPairs& pairs) {
  Tokens head;
  if (texts.size() > 1) {
    head = tokenize(vocabulary, texts.front());
    texts = texts.subspan(1);
  }
  std::vector<Tokens> parts;
  for (const std::string_view text : texts)
    for (size_t start = 0, end; start < text.size(); start = end + 1) {
      end = std::min(text.find('\n', start), text.size());
      add_parts(vocabulary, text.substr(start, end - start), parts);
    }
  if (head.empty() && parts.size() == 1 && parts[0].size() >= 2) {
    const size_t half = parts[0].size() / 2;
    parts.emplace_back(parts[0].begin() + static_cast<std::ptrdiff_t>(half), parts[0].end());
    parts[0].resize(half);
  }
  pairs.add(head, parts);
}

struct Table {
  Vocabulary vocabulary;
  std::vector<float> rows;
};

Table default_table(size_t dim) {
  const TokenTable table(TokenTable::built_in());
  Table result{table.vocabulary(), {}};
  std::vector<float> row(table.dim());
  for (TokenId id = 0; id < table.size(); ++id) {
    table.row(id, row);
    const auto end = row.begin() + static_cast<std::ptrdiff_t>(dim);
    result.rows.insert(result.rows.end(), row.begin(), end);
  }
  return result;
}

// Calls read(row) for each row of the sample.
template <class Sample, class Read>
void read_rows(Sample& sample, const OwnRows::Progress& progress, const Read& read) {
  for (size_t i = 0; i < sample.size(); ++i) {
    if (i % OwnRows::kRowsBetween == 0) progress(0, 0);
    read(sample[i]);
  }
}

Table random_table(const std::vector<RowSample::Row>& sample, const OwnRowsOptions& options,
                   const OwnRows::Progress& progress) {
  WordCounts counts;
  read_rows(sample, progress, [&](const RowSample::Row& row) {
    for (const std::string& text : row.texts) counts.add(text);
  });
  VocabularyOptions wanted;
  wanted.size = options.vocabulary;
  wanted.least_word = 2;
  wanted.least_character = least_character(counts, options.vocabulary / 2);
  Table table{Vocabulary(learn_vocabulary(counts, wanted, [&] { progress(0, 0); })), {}};
  table.rows.resize(table.vocabulary.size() * options.dimensions);
  Random random(options.seed);
  for (float& value : table.rows) value = random.normal();
  return table;
}

// Each pair comes three times, or ten times where nothing was known before.
size_t steps_for(const OwnRowsOptions& options, const DocumentPairs& pairs) {
  if (options.steps > 0) return options.steps;
  const size_t times = options.start == Start::kDefault ? 3 : 10;
  const size_t steps = times * pairs.pairs() / std::min(options.batch, pairs.size());
  return std::clamp(steps, kFewestSteps, kMostSteps);
}

TrainingOptions training_for(const OwnRowsOptions& options, const DocumentPairs& pairs) {
  TrainingOptions training;
  training.sizes.clear();
  for (size_t size = TokenTable::kBlock; size < options.dimensions; size *= 2)
    training.sizes.push_back(size);
  training.sizes.push_back(options.dimensions);
  training.batch = options.batch;
  training.steps = steps_for(options, pairs);
  training.rate = options.start == Start::kDefault ? 0.03F : 0.05F;
  if (options.rate > 0) training.rate = options.rate;
  training.most_tokens = kMostTokens;
  training.threads = options.threads;
  return training;
}

}  // namespace

OwnRows::OwnRows(const OwnRowsOptions& options)
    : options_(options), sample_(options.most_bytes, options.seed) {
  check(options_);
}

void OwnRows::add(std::span<const std::string_view> columns) {
  std::vector<std::string_view> texts;
  for (const std::string_view column : columns)
    if (!column.empty()) texts.push_back(column);
  if (texts.empty()) return;
  sample_.add(texts);
  ++rows_;
}

std::vector<uint8_t> OwnRows::train(const Progress& progress) {
  std::vector<RowSample::Row> sample = sample_.take();
  Table table = options_.start == Start::kDefault ? default_table(options_.dimensions)
                                                  : random_table(sample, options_, progress);
  DocumentPairs pairs({.most_tokens = kMostTokens, .seed = options_.seed});
  read_rows(sample, progress, [&](RowSample::Row& row) {
    add_document(table.vocabulary, row.texts, pairs);
    row.texts = {};
  });
  if (pairs.size() < kFewestRows)
    refuse("text of at least " + std::to_string(kFewestRows) + " rows is",
           std::to_string(pairs.size()) + (pairs.size() < rows_ ? uncounted(rows_) : ""));
  const std::vector<float> start = table.rows;
  TableTrainer trainer(std::move(table.rows), training_for(options_, pairs));
  trainer.train(pairs, [&](const TrainingProgress& done) {
    progress(done.step, done.steps);
    return true;
  });
  std::vector<float> rows(trainer.rows().begin(), trainer.rows().end());
  if (options_.start == Start::kDefault)
    for (size_t i = 0; i < rows.size(); ++i) rows[i] += options_.keep * (start[i] - rows[i]);
  return encode_token_table(table.vocabulary, rows, options_.dimensions);
}

}  // namespace kindred::model
