// SPDX-License-Identifier: Apache-2.0
#include "bench/judgements.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>
#include <stdexcept>
#include <unordered_map>
#include <vector>

namespace kindred::bench {
namespace {

using Json = nlohmann::json;
using Vector = std::vector<float>;

double dot(const Vector& a, const Vector& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
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

// A collection in BEIR's form, its documents as vectors.
struct Collection {
  std::vector<Vector> documents;
  std::unordered_map<std::string, size_t> document_of_id;
  std::unordered_map<std::string, std::string> query_of_id;
  std::map<std::string, std::unordered_map<size_t, double>> gain_of_query;
};

Collection read_collection(const std::filesystem::path& folder, const Model& model) {
  Collection c;
  std::ifstream queries(folder / "queries.jsonl");
  std::ifstream judgements(folder / "qrels" / "test.tsv");
  std::string line;
  for (const Document& document : read_documents(folder)) {
    c.document_of_id[document.id] = c.documents.size();
    c.documents.push_back(model(document.title + " " + document.text));
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

}  // namespace

std::vector<std::string> split(const std::string& line) {
  std::vector<std::string> fields;
  size_t start = 0;
  for (size_t tab; (tab = line.find('\t', start)) != std::string::npos; start = tab + 1)
    fields.push_back(line.substr(start, tab - start));
  fields.push_back(line.substr(start));
  return fields;
}

std::filesystem::path data_folder() {
  const char* set = std::getenv("KINDRED_DATA");
  return set != nullptr ? set
                        : std::filesystem::path(KINDRED_SOURCE_DIR) / ".." / "shared" / "data";
}

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

std::vector<Document> read_documents(const std::filesystem::path& folder) {
  std::vector<Document> documents;
  std::ifstream corpus(folder / "corpus.jsonl");
  for (std::string line; std::getline(corpus, line);) {
    const Json row = Json::parse(line);
    documents.push_back({row["_id"], row.value("title", ""), row["text"]});
  }
  return documents;
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

}  // namespace kindred::bench
