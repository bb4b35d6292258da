// How good and how fast the built-in model is: agreement with people's judgements of similarity
// (STS-B dev, Spearman), retrieval (SciFact, Cranfield, CISI, nDCG@10 by exact search) and time.
// Usage: bench_embedding_quality [MODEL [DIMENSIONS]], where MODEL is the name of a built-in model
// or the file of a token table; without it all built-in models side by side. Data: $KINDRED_DATA,
// see bench/README.md.
//
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "bench/judgements.h"
#include "model/embedder.h"
#include "model/static_embedding.h"

namespace {

using kindred::model::Embedder;
using kindred::model::StaticEmbedding;

struct Model : kindred::bench::Model {
  double first_text;  // milliseconds until the first text of the process had its vector
};

std::string text(const char* format, double value) {
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, format, value);
  return buffer;
}

double cpu_seconds() {
  return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
}

double microseconds_a_text(const Model& model) {
  const std::string text =
      "When the committee met again in the autumn, it was decided that the new railway bridge "
      "across the river should be built of steel and concrete rather than of stone";  // 30 words
  constexpr int kTimes = 50000;
  const double start = cpu_seconds();
  for (int i = 0; i < kTimes; ++i) model(text);
  return (cpu_seconds() - start) / kTimes * 1e6;
}

// The title and abstract of each paper.
std::vector<std::string> read_papers(const std::filesystem::path& file) {
  struct Close {
    void operator()(FILE* pipe) const { pclose(pipe); }
  };
  const std::string command = "zstd -dcq --long=27 '" + file.string() + "'";
  const std::unique_ptr<FILE, Close> pipe(popen(command.c_str(), "r"));
  if (!pipe) throw std::runtime_error("cannot run: " + command);
  std::vector<std::string> papers;
  std::string line;
  for (int c; (c = std::fgetc(pipe.get())) != EOF;) {
    if (c != '\n') {
      line.push_back(static_cast<char>(c));
      continue;
    }
    const std::vector<std::string> fields = kindred::bench::split(line);
    papers.push_back(fields.at(3) + " " + fields.at(4));
    line.clear();
  }
  return papers;
}

// Of all papers, by wall time and by CPU time.
std::string bulk_speed(const std::vector<std::string>& papers, const Model& model, size_t threads) {
  constexpr size_t kBatch = 64;
  std::atomic<size_t> next = 0;
  const auto work = [&] {
    std::vector<float> out(model.dim);
    for (size_t begin; (begin = next.fetch_add(kBatch)) < papers.size();)
      for (size_t i = begin; i < std::min(begin + kBatch, papers.size()); ++i)
        model.embedder->embed(papers[i], out);
  };
  const double cpu_start = cpu_seconds();
  const auto start = std::chrono::steady_clock::now();
  std::vector<std::thread> others;
  for (size_t i = 1; i < threads; ++i) others.emplace_back(work);
  work();
  for (std::thread& other : others) other.join();
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
  const double cpu = cpu_seconds() - cpu_start;
  double bytes = 0;
  for (const std::string& paper : papers) bytes += static_cast<double>(paper.size());
  const auto count = static_cast<double>(papers.size());
  return text("%.0f texts/s", count / taken.count()) +
         text(", %.0f MB/s", bytes / 1e6 / taken.count()) + text(", %.0f a CPU s", count / cpu);
}

// A table file is read once and lives as long as the process.
std::unique_ptr<Embedder> read_model(const std::string& file) {
  static std::vector<uint8_t> bytes;
  std::ifstream in(file, std::ios::binary);
  bytes.assign(std::istreambuf_iterator<char>(in), {});
  return std::make_unique<StaticEmbedding>(file, bytes);
}

// Rows of a table: a name and a value for each model.
class Table {
 public:
  explicit Table(std::vector<Model> models) : models_(std::move(models)) {}

  template <class Value>
  void row(const char* name, Value value) const {
    std::printf("%-34s", name);
    for (const Model& model : models_) {
      std::printf("%-40s", value(model).c_str());
      std::fflush(stdout);
    }
    std::printf("\n");
  }

 private:
  std::vector<Model> models_;
};

void print_quality(const Table& table, const std::filesystem::path& data) {
  table.row("STS-B dev, Spearman x 100", [&](const Model& model) {
    return text("%.1f", 100 * kindred::bench::spearman(data / "sts-benchmark" / "sts-dev.csv",
                                                       {5, 6, 4}, model));
  });
  table.row("WordSim-353, Spearman x 100", [&](const Model& model) {
    return text("%.1f",
                100 * kindred::bench::spearman(data / "word-similarity" / "EN-WS-353-ALL.txt",
                                               {0, 1, 2}, model));
  });
  for (const std::string name : {"scifact", "cranfield", "cisi"})
    table.row((name + ", nDCG@10").c_str(), [&](const Model& model) {
      return text("%.3f", kindred::bench::ndcg(data / name, model));
    });
}

}  // namespace

int main(int argc, char** argv) {
  std::unique_ptr<Embedder> read;
  std::vector<Model> models;
  std::vector<std::string> names = Embedder::names();
  if (argc > 1) names = {argv[1]};
  for (const std::string& name : names) {
    const auto start = std::chrono::steady_clock::now();
    const Embedder* embedder = Embedder::find(name);
    if (embedder == nullptr) embedder = (read = read_model(name)).get();
    models.push_back({{embedder, argc > 2 ? std::stoul(argv[2]) : embedder->identity().dim}, 0});
    models.back()("the first text");
    const std::chrono::duration<double, std::milli> taken =
        std::chrono::steady_clock::now() - start;
    models.back().first_text = taken.count();
  }
  for (const Model& model : models) std::printf("%s\n", model.embedder->description().c_str());
  const Table table(models);
  table.row("dimensions", [](const Model& model) { return std::to_string(model.dim); });
  const std::filesystem::path data = kindred::bench::data_folder();
  if (!std::filesystem::is_directory(data))
    std::printf("%s is not there: quality not measured (set KINDRED_DATA)\n", data.c_str());
  else
    print_quality(table, data);
  table.row("first text of a process",
            [](const Model& model) { return text("%.2f ms", model.first_text); });
  table.row("a text of 30 words, CPU",
            [](const Model& model) { return text("%.1f us", microseconds_a_text(model)); });
  if (!std::filesystem::is_directory(data)) return 0;
  const std::vector<std::string> papers = read_papers(data / "arxiv-abstracts" / "arxiv.tsv.zst");
  const size_t cores = std::max(1U, std::thread::hardware_concurrency());
  for (const size_t threads : {size_t{1}, cores})
    table.row(("arXiv abstracts, threads: " + std::to_string(threads)).c_str(),
              [&](const Model& model) { return bulk_speed(papers, model, threads); });
}
