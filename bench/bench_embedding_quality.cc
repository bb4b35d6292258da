// How good and how fast the built-in model is: agreement with people's judgements of similarity
// (STS-B dev, Spearman), retrieval (SciFact, Cranfield, CISI, nDCG@10 by exact search) and time.
// Usage: bench_embedding_quality [MODEL [DIMENSIONS]], where MODEL is the name of a built-in model
// or the file of a token table; without it all built-in models side by side. Data: $KINDRED_DATA,
// see bench/README.md. SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <vector>

#include "model/embedder.h"
#include "model/static_embedding.h"

namespace {

using Json = nlohmann::json;
using kindred::model::Embedder;
using kindred::model::StaticEmbedding;
using Vector = std::vector<float>;

struct Model {
  const Embedder* embedder;
  size_t dim;
  double first_text;  // milliseconds until the first text of the process had its vector

  // All zero for a text without content.
  Vector operator()(const std::string& text) const {
    Vector out(dim);
    embedder->embed(text, out);
    return out;
  }
};

std::string text(const char* format, double value) {
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, format, value);
  return buffer;
}

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

// Spearman's correlation of judgements and cosines, of a file of lines with tabs or spaces.
struct Judged {
  size_t first, second, judgement;  // columns
};

double spearman(const std::filesystem::path& file, const Judged& columns, const Model& model) {
  std::ifstream in(file);
  std::vector<double> judged, computed;
  for (std::string line; std::getline(in, line);) {
    const std::vector<std::string> fields = split(line);
    if (fields.size() <= std::max({columns.first, columns.second, columns.judgement}))
      throw std::runtime_error(file.string() + ": a line of too few fields: " + line);
    judged.push_back(std::stod(fields[columns.judgement]));
    computed.push_back(dot(model(fields[columns.first]), model(fields[columns.second])));
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

std::string bulk_speed(const std::vector<std::string>& papers, const Model& model) {
  const double start = cpu_seconds();
  for (const std::string& paper : papers) model(paper);
  const double seconds = cpu_seconds() - start;
  double bytes = 0;
  for (const std::string& paper : papers) bytes += static_cast<double>(paper.size());
  return text("%.0f texts/s", static_cast<double>(papers.size()) / seconds) +
         text(", %.0f MB/s", bytes / 1e6 / seconds);
}

std::filesystem::path data_folder() {
  const char* set = std::getenv("KINDRED_DATA");
  return set != nullptr ? set
                        : std::filesystem::path(KINDRED_SOURCE_DIR) / ".." / "shared" / "data";
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
      std::printf("%-24s", value(model).c_str());
      std::fflush(stdout);
    }
    std::printf("\n");
  }

 private:
  std::vector<Model> models_;
};

void print_quality(const Table& table, const std::filesystem::path& data) {
  table.row("STS-B dev, Spearman x 100", [&](const Model& model) {
    return text("%.1f", 100 * spearman(data / "sts-benchmark" / "sts-dev.csv", {5, 6, 4}, model));
  });
  table.row("WordSim-353, Spearman x 100", [&](const Model& model) {
    return text("%.1f",
                100 * spearman(data / "word-similarity" / "EN-WS-353-ALL.txt", {0, 1, 2}, model));
  });
  for (const std::string name : {"scifact", "cranfield", "cisi"})
    table.row((name + ", nDCG@10").c_str(),
              [&](const Model& model) { return text("%.3f", ndcg(data / name, model)); });
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
    models.push_back({embedder, argc > 2 ? std::stoul(argv[2]) : embedder->identity().dim, 0});
    models.back()("the first text");
    const std::chrono::duration<double, std::milli> taken =
        std::chrono::steady_clock::now() - start;
    models.back().first_text = taken.count();
  }
  for (const Model& model : models) std::printf("%s\n", model.embedder->description().c_str());
  const Table table(models);
  table.row("dimensions", [](const Model& model) { return std::to_string(model.dim); });
  const std::filesystem::path data = data_folder();
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
  table.row("arXiv abstracts, one thread",
            [&](const Model& model) { return bulk_speed(papers, model); });
}
