// What training on a collection's own documents gives (model/train/own_rows.h): retrieval before
// and after, what is left of general similarity, and time. Neither queries nor judgements are
// trained on. Usage: bench_own_rows [NAME=VALUE...] [COLLECTION...], see bench/README.md.
// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <exception>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "bench/judgements.h"
#include "model/static_embedding.h"
#include "model/train/own_rows.h"

namespace {

using namespace kindred::bench;
using kindred::model::Embedder;
using kindred::model::OwnRows;
using kindred::model::OwnRowsOptions;
using kindred::model::StaticEmbedding;

struct Settings {
  OwnRowsOptions options;
  size_t columns = 2;  // title and text; 1: both as one text
  std::vector<std::string> collections;
};

void set(Settings& settings, const std::string& name, const std::string& value) {
  OwnRowsOptions& options = settings.options;
  const std::map<std::string, size_t*> numbers = {
      {"dimensions", &options.dimensions}, {"vocabulary", &options.vocabulary},
      {"batch", &options.batch},           {"steps", &options.steps},
      {"threads", &options.threads},       {"columns", &settings.columns}};
  if (const auto number = numbers.find(name); number != numbers.end())
    *number->second = std::stoul(value);
  else if (name == "seed")
    options.seed = std::stoull(value);
  else if (name == "rate")
    options.rate = std::stof(value);
  else if (name == "keep")
    options.keep = std::stof(value);
  else if (name == "start" && (value == "nothing" || value == "default"))
    options.start =
        value == "nothing" ? OwnRowsOptions::Start::kNothing : OwnRowsOptions::Start::kDefault;
  else
    throw std::invalid_argument("no option: " + name + "=" + value);
}

Settings read_settings(int argc, char** argv) {
  Settings settings;
  settings.options.threads = 1;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    const size_t sign = argument.find('=');
    if (sign == std::string::npos)
      settings.collections.push_back(argument);
    else
      set(settings, argument.substr(0, sign), argument.substr(sign + 1));
  }
  if (settings.collections.empty()) settings.collections = {"scifact", "cranfield", "cisi"};
  return settings;
}

struct Trained {
  std::vector<uint8_t> file;
  double cpu_seconds, wall_seconds, pairs;
};

Trained train(const std::vector<Document>& documents, const Settings& settings) {
  const std::clock_t start = std::clock();
  const auto wall_start = std::chrono::steady_clock::now();
  OwnRows rows(settings.options);
  for (const Document& document : documents) {
    const std::string whole = document.title + " " + document.text;
    const std::array<std::string_view, 2> two = {document.title, document.text};
    const std::array<std::string_view, 1> one = {whole};
    rows.add(settings.columns == 1 ? std::span<const std::string_view>(one)
                                   : std::span<const std::string_view>(two));
  }
  Trained trained{};
  size_t steps = 0;
  trained.file = rows.train([&](size_t, size_t total) { steps = total; });
  trained.pairs = static_cast<double>(steps * std::min(settings.options.batch, documents.size()));
  trained.cpu_seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - wall_start;
  trained.wall_seconds = wall.count();
  return trained;
}

void measure(const std::string& collection, const Settings& settings) {
  const std::filesystem::path data = data_folder();
  const std::filesystem::path sentences = data / "sts-benchmark" / "sts-dev.csv";
  const Embedder& before = *Embedder::find("default");
  const Trained trained = train(read_documents(data / collection), settings);
  const StaticEmbedding after("own", trained.file);
  const auto retrieval = [&](const Embedder& embedder) {
    return ndcg(data / collection, {&embedder, embedder.identity().dim});
  };
  const auto similarity = [&](const Embedder& embedder) {
    return 100 * spearman(sentences, {5, 6, 4}, {&embedder, embedder.identity().dim});
  };
  std::printf("%-12s %.3f %.3f  %4.1f %4.1f  %6.1f s CPU %6.1f s wall %7.0f pairs/s CPU\n",
              collection.c_str(), retrieval(before), retrieval(after), similarity(before),
              similarity(after), trained.cpu_seconds, trained.wall_seconds,
              trained.pairs / trained.cpu_seconds);
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  if (!std::filesystem::is_directory(data_folder())) {
    std::printf("%s is not there: nothing measured (set KINDRED_DATA)\n", data_folder().c_str());
    return 0;
  }
  try {
    const Settings settings = read_settings(argc, argv);
    std::printf("%-12s %-12s %-10s\n", "", "nDCG@10", "STS-B dev (before, after)");
    for (const std::string& collection : settings.collections) measure(collection, settings);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_own_rows: %s\n", error.what());
    return 1;
  }
}
