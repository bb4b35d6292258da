// Makes the table of the built-in model `default` from the free corpora: learns a vocabulary from
// their words, then rows from pairs of their texts. One thread; the same corpora give the same file
// to the byte on every x86-64 CPU with FMA.
// Usage: kindred_train_default --data DIR --out FILE. What it reads and needs:
// model/data/README.md.
//
// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <ctime>
#include <exception>
#include <fstream>
#include <map>
#include <string>

#include "model/token_table.h"
#include "model/train/corpora.h"
#include "model/train/default_recipe.h"
#include "model/train/table_trainer.h"

namespace {

using namespace kindred::model;

double cpu_seconds() {
  return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
}

void report(const TrainingProgress& progress, double pairs, double seconds) {
  constexpr size_t kEvery = 500;
  if (progress.step % kEvery != 0 && progress.step != progress.steps) return;
  std::fprintf(stderr, "step %zu of %zu, loss %.3f, %.0f CPU s, %.0f pairs/s\n", progress.step,
               progress.steps, progress.loss, seconds, pairs / seconds);
}

void make_table(const std::string& data, const std::string& out) {
  const double start = cpu_seconds();
  const Vocabulary vocabulary(learn_default_vocabulary(data));
  std::fprintf(stderr, "%zu pieces learned, %.0f CPU s\n", vocabulary.size(),
               cpu_seconds() - start);
  PairCollection pairs = read_default_pairs(data, vocabulary);
  std::fprintf(stderr, "%zu tokens read, %.0f CPU s\n", pairs.tokens(), cpu_seconds() - start);
  for (const PairCollection::Group& group : pairs.groups())
    std::fprintf(stderr, "%9zu pairs, weight %.2f: %s\n", group.pairs.size(), group.weight,
                 group.name.c_str());
  const TrainingOptions options = default_training();
  TableTrainer trainer(vocabulary.size(), options);
  const double start_of_training = cpu_seconds();
  trainer.train(pairs, [&](const TrainingProgress& progress) {
    report(progress, static_cast<double>(progress.step * options.batch),
           cpu_seconds() - start_of_training);
    return true;
  });
  const std::vector<uint8_t> file = encode_token_table(vocabulary, trainer.rows(), trainer.dim());
  std::ofstream stream(out, std::ios::binary);
  stream.write(reinterpret_cast<const char*>(file.data()),
               static_cast<std::streamsize>(file.size()));
  if (!stream.flush()) throw std::runtime_error("cannot write " + out);
  std::fprintf(stderr, "%zu bytes written, %.0f CPU s\n", file.size(), cpu_seconds() - start);
}

}  // namespace

int main(int argc, char** argv) {
  std::map<std::string, std::string> options;
  for (int i = 1; i + 1 < argc; i += 2) options[argv[i]] = argv[i + 1];
  if (argc != 5 || !options.contains("--data") || !options.contains("--out")) {
    std::fprintf(stderr, "usage: kindred_train_default --data DIR --out FILE\n");
    return 2;
  }
  try {
    make_table(options["--data"], options["--out"]);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "kindred_train_default: %s\n", error.what());
    return 1;
  }
}
