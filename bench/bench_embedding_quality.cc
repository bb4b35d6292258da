// How good and how fast the built-in model is: agreement with people's judgements of similarity
// (STS-B dev, Spearman), retrieval (SciFact, Cranfield, CISI, nDCG@10 by exact search) and time.
// Usage: bench_embedding_quality [model [dimensions]]. Data: $KINDRED_DATA, see bench/README.md.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <vector>

#include "model/embedder.h"

namespace {

using Json = nlohmann::json;
using kindred::model::Embedder;
using Vector = std::vector<float>;

struct Model {
  const Embedder* embedder;
  size_t dim;

  // All zero for a text without content.
  Vector operator()(const std::string& text) const {
    Vector out(dim);
    embedder->embed(text, out);
    return out;
  }
};

double dot(const Vector& a, const Vector& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

std::vector<std::string> split(const std::string& line) {
  std::vector<std::string> fields;
  size_t start = 0;
  for (size_t tab; (tab = line.find('\t', start)) != std::string::npos; start = tab + 1)
    fields.push_back(line.substr(start, tab - start));
  fields.push_back(line.substr(start));
  return fields;
}

// Ranks from 0, equal values sharing their mean.
std::vector<double> ranks(const std::vector<double>& values) {
  std::vector<size_t> order(values.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return values[a] < values[b]; });
  std::vector<double> rank(values.size());
  for (size_t first = 0, last; first < order.size(); first = last) {
    last = first;
    while (last < order.size() && values[order[last]] == values[order[first]]) ++last;
    for (size_t i = first; i < last; ++i)
      rank[order[i]] = static_cast<double>(first + last - 1) / 2;
  }
  return rank;
}

double pearson(const std::vector<double>& x, const std::vector<double>& y) {
  const auto n = static_cast<double>(x.size());
  const double mean_x = std::accumulate(x.begin(), x.end(), 0.0) / n;
  const double mean_y = std::accumulate(y.begin(), y.end(), 0.0) / n;
  double xy = 0, xx = 0, yy = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    xy += (x[i] - mean_x) * (y[i] - mean_y);
    xx += (x[i] - mean_x) * (x[i] - mean_x);
    yy += (y[i] - mean_y) * (y[i] - mean_y);
  }
  return xy / std::sqrt(xx * yy);
}

double sts_spearman(const std::filesystem::path& file, const Model& model) {
  std::ifstream in(file);
  std::vector<double> judged, computed;
  for (std::string line; std::getline(in, line);) {
    const std::vector<std::string> fields = split(line);
    if (fields.size() < 7) throw std::runtime_error(file.string() + ": a line of under 7 fields");
    judged.push_back(std::stod(fields[4]));
    computed.push_back(dot(model(fields[5]), model(fields[6])));
  }
  return pearson(ranks(judged), ranks(computed));
}

// A collection in BEIR's form, its documents as vectors.
struct Collection {
  std::vector<Vector> documents;
  std::unordered_map<std::string, size_t> document_of_id;
  std::unordered_map<std::string, std::string> query_of_id;
  std::map<std::string, std::unordered_map<size_t, double>> gain_of_query;
};

Collection read_collection(const std::filesystem::path& folder, const Model& model) {
  Collection c;
  std::ifstream corpus(folder / "corpus.jsonl");
  std::ifstream queries(folder / "queries.jsonl");
  std::ifstream judgements(folder / "qrels" / "test.tsv");
  std::string line;
  while (std::getline(corpus, line)) {
    const Json row = Json::parse(line);
    c.document_of_id[row["_id"]] = c.documents.size();
    c.documents.push_back(model(row.value("title", "") + " " + row["text"].get<std::string>()));
  }
  while (std::getline(queries, line)) {
    const Json row = Json::parse(line);
    c.query_of_id[row["_id"]] = row["text"];
  }
  std::getline(judgements, line);  // the header
  while (std::getline(judgements, line)) {
    const std::vector<std::string> fields = split(line);
    const auto document = c.document_of_id.find(fields[1]);
    if (document == c.document_of_id.end()) continue;
    if (const double gain = std::stod(fields[2]); gain > 0)
      c.gain_of_query[fields[0]][document->second] = gain;
  }
  return c;
}

constexpr size_t kCutOff = 10;

double discounted(const std::vector<double>& gains) {
  double sum = 0;
  for (size_t i = 0; i < std::min(kCutOff, gains.size()); ++i)
    sum += gains[i] / std::log2(static_cast<double>(i) + 2);
  return sum;
}

std::vector<double> gains_of_nearest(const Collection& c, const Vector& query,
                                     const std::unordered_map<size_t, double>& gain_of) {
  std::vector<std::pair<double, size_t>> nearest;
  for (size_t i = 0; i < c.documents.size(); ++i)
    nearest.emplace_back(-dot(query, c.documents[i]), i);
  std::partial_sort(nearest.begin(), nearest.begin() + kCutOff, nearest.end());
  std::vector<double> gains;
  for (size_t i = 0; i < kCutOff; ++i) {
    const auto gain = gain_of.find(nearest[i].second);
    gains.push_back(gain == gain_of.end() ? 0 : gain->second);
  }
  return gains;
}

double ndcg(const std::filesystem::path& folder, const Model& model) {
  const Collection c = read_collection(folder, model);
  double sum = 0;
  for (const auto& [id, gain_of] : c.gain_of_query) {
    std::vector<double> ideal;
    for (const auto& [document, gain] : gain_of) ideal.push_back(gain);
    std::sort(ideal.rbegin(), ideal.rend());
    const Vector query = model(c.query_of_id.at(id));
    sum += discounted(gains_of_nearest(c, query, gain_of)) / discounted(ideal);
  }
  return sum / static_cast<double>(c.gain_of_query.size());
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
    const std::vector<std::string> fields = split(line);
    papers.push_back(fields.at(3) + " " + fields.at(4));
    line.clear();
  }
  return papers;
}

void print_bulk_speed(const std::filesystem::path& file, const Model& model) {
  const std::vector<std::string> papers = read_papers(file);
  const double start = cpu_seconds();
  for (const std::string& paper : papers) model(paper);
  const double seconds = cpu_seconds() - start;
  std::printf("arXiv abstracts, one thread      %.0f texts/s (%zu texts)\n",
              static_cast<double>(papers.size()) / seconds, papers.size());
}

std::filesystem::path data_folder() {
  const char* set = std::getenv("KINDRED_DATA");
  return set != nullptr ? set
                        : std::filesystem::path(KINDRED_SOURCE_DIR) / ".." / "shared" / "data";
}

}  // namespace

int main(int argc, char** argv) {
  const auto start = std::chrono::steady_clock::now();
  const Embedder* embedder = Embedder::find(argc > 1 ? argv[1] : "default");
  if (embedder == nullptr) {
    std::fprintf(stderr, "bench_embedding_quality: no such model: %s\n", argv[1]);
    return 1;
  }
  const Model model{embedder, argc > 2 ? std::stoul(argv[2]) : embedder->identity().dim};
  model("the first text");
  const std::chrono::duration<double, std::milli> cold = std::chrono::steady_clock::now() - start;
  std::printf("model                            %s\n", embedder->identity().describe().c_str());
  std::printf("dimensions                       %zu\n", model.dim);
  std::printf("first text of a process          %.2f ms\n", cold.count());
  std::printf("a text of 30 words               %.1f us CPU\n", microseconds_a_text(model));

  const std::filesystem::path data = data_folder();
  if (!std::filesystem::is_directory(data)) {
    std::printf("%s is not there: quality not measured (set KINDRED_DATA)\n", data.c_str());
    return 0;
  }
  std::printf("STS-B dev, Spearman x 100        %.1f\n",
              100 * sts_spearman(data / "sts-benchmark" / "sts-dev.csv", model));
  for (const char* name : {"scifact", "cranfield", "cisi"})
    std::printf("%-9s nDCG@10                %.3f\n", name, ndcg(data / name, model));
  print_bulk_speed(data / "arxiv-abstracts" / "arxiv.tsv.zst", model);
}
