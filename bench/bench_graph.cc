// The graph against hnswlib's own index on the same clustered unit vectors: recall@10 by distance
// and CPU time of a query for a range of ef, and of building. One thread searches; variants take
// turns of 200 queries, figures are medians of five rounds. `l2` measures pixels instead, of any
// length, under l2, and a file its word vectors under cosine, of which each 33rd is a query;
// `alone` leaves hnswlib out, whose building takes long; `bits` measures the vectors' signs under
// Hamming, `l1` the vectors under l1, `none` the vectors without codes, each against a scan.
//
//   bench_graph [rows=100000] [dim=384] [folder=/tmp] [ef_construction=0]
//               [l2|FILE.EXT|alone|bits|l1|none]
//
// SPDX-License-Identifier: Apache-2.0
#include <ctime>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "bench/clustered.h"
#include "bench/graph_index.h"
#include "math/kernels.h"
#include "model/formats/word_vectors.h"
#include "storage/building/graph_builder.h"
#include "storage/graphs/graph.h"
#include "storage/nearest/nearest.h"
#include "storage/segments/segment.h"
#include "storage/segments/segment_writer.h"

namespace kindred::bench {
namespace {

constexpr size_t kQueries = 1000;
// Up to here the graph is built with one thread as well, as hnswlib's is: two that share a core
// take more time of it.
constexpr size_t kBuiltTwice = 100000;
constexpr size_t kNearest = 10;
constexpr int kRounds = 5;
// Variants take turns, so that what else the machine does slows all of them; the greatest ef first,
// so that what a smaller one reads has been read before.
constexpr size_t kTurns = 5;  // each of them asks all queries in so many
constexpr size_t kQueriesOfTurn = kQueries / kTurns;
// Asked before those that are timed: caches and page tables hold what the variant before has read.
constexpr size_t kWarming = 60;
constexpr size_t kWarmingOfAnother = 1000;  // if that read another's data

double seconds(clockid_t clock) {
  timespec t;
  clock_gettime(clock, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

using Answers = std::vector<std::vector<int64_t>>;
// Of query number q.
using Search = std::function<std::vector<int64_t>(size_t q)>;

struct Variant {
  std::string name;
  size_t ef;
  Search search;
  double recall = 0;
  std::array<std::vector<double>, kTurns> us = {};  // of a query, in each round
  // Of each turn's rounds the median, since other programs come and go; of these the mean.
  double cost() {
    double sum = 0;
    for (std::vector<double>& rounds : us) {
      std::sort(rounds.begin(), rounds.end());
      sum += rounds[rounds.size() / 2];
    }
    return sum / kTurns;
  }
};

struct Data {
  size_t rows = 0;
  size_t dim = 0;
  std::vector<float> vectors;
  std::vector<float> queries;
  storage::VectorSpec spec = {};
  std::vector<std::string> encoded;  // queries as the segment has vectors
  std::shared_ptr<const storage::Segment> segment;
  storage::RowLayer layer = {};  // of the segment, as a manifest keeps it
  std::vector<double> farthest;  // of each query's nearest rows
};

std::string encode(const storage::VectorSpec& spec, const float* v) {
  if (spec.element == math::Element::kFloat32)
    return {reinterpret_cast<const char*>(v), spec.bytes()};
  std::string bytes(spec.bytes(), '\0');
  for (size_t i = 0; i < spec.dim; ++i)
    if (v[i] > 0) bytes[i / 8] = static_cast<char>(bytes[i / 8] | 1 << i % 8);
  return bytes;
}

double distance(const Data& data, size_t q, int64_t id) {
  return *math::distance(data.spec.metric, data.spec.element, data.encoded[q].data(),
                         data.segment->vector(static_cast<size_t>(id)), data.dim);
}

double recall_of(const Answers& got, const Data& data) {
  size_t hits = 0;
  for (size_t q = 0; q < got.size(); ++q)
    for (const int64_t id : got[q]) hits += distance(data, q, id) <= data.farthest[q] ? 1 : 0;
  return static_cast<double>(hits) / static_cast<double>(got.size() * kNearest);
}

std::vector<int64_t> nearest(const Data& data, size_t q, const storage::Effort& effort) {
  std::vector<storage::RowLayer> layers{data.layer};
  layers[0].graph = data.segment->graph();
  storage::NearestStream stream(data.spec, data.encoded[q].data(), std::move(layers), effort);
  std::vector<int64_t> ids;
  ids.reserve(kNearest);
  while (ids.size() < kNearest) {
    const auto row = stream.next();
    if (!row) break;
    ids.push_back(row->id);
  }
  return ids;
}

bool is_file(const std::string& kind) {
  return kind.find('.') != std::string::npos;
}

bool has_rivals(const std::string& kind) {
  return kind.empty() || kind == "l2" || is_file(kind);
}

void make_vectors(Data& data, const std::string& kind) {
  Clustered clustered(data.dim, 1);
  data.vectors = clustered.rows(data.rows);
  data.queries = clustered.rows(kQueries);
  data.spec = {
      .element = math::Element::kFloat32, .metric = math::Metric::kCosine, .dim = data.dim};
  if (kind == "bits") data.spec = {math::Element::kBit, math::Metric::kHamming, data.dim};
  if (kind == "l1") data.spec.metric = math::Metric::kL1;
  if (kind == "none") data.spec.quantization = storage::Quantization::kNone;
  if (kind != "l2") return;
  data.spec.metric = math::Metric::kL2;
  Normal random(7);
  make_pixels(data.queries, data.dim, random);
  make_pixels(data.vectors, data.dim, random);
}

// Scaled to length 1.
void read_vectors(Data& data, const std::string& path) {
  constexpr size_t kWordsOfQuery = 33;
  model::WordVectorReader reader(path);
  data.dim = reader.dim();
  std::vector<float> vector(data.dim);
  for (size_t i = 0; reader.next(vector); ++i) {
    double squares = 0;
    for (const float x : vector) squares += static_cast<double>(x) * x;
    for (float& x : vector) x = static_cast<float>(x / std::sqrt(squares));
    const bool is_query = i % kWordsOfQuery == 0 && data.queries.size() < kQueries * data.dim;
    std::vector<float>& to = is_query ? data.queries : data.vectors;
    to.insert(to.end(), vector.begin(), vector.end());
  }
  data.rows = data.vectors.size() / data.dim;
  if (data.queries.size() < kQueries * data.dim)
    throw std::runtime_error(path + ": 33,000 words are wanted, got fewer");
  data.spec = {
      .element = math::Element::kFloat32, .metric = math::Metric::kCosine, .dim = data.dim};
}

Data make_data(size_t rows, size_t dim, const std::string& kind, const std::string& path) {
  Data data;
  data.rows = rows;
  data.dim = dim;
  is_file(kind) ? read_vectors(data, kind) : make_vectors(data, kind);
  std::filesystem::remove(path);
  std::filesystem::remove(storage::graph_beside(path));  // an earlier run's fits the same rows
  storage::SegmentWriter writer(path, data.spec, {1, 1});
  for (size_t row = 0; row < data.rows; ++row)
    writer.append(static_cast<int64_t>(row),
                  encode(data.spec, data.vectors.data() + row * data.dim));
  writer.finish([](size_t) { return true; });
  data.segment = storage::Segment::open(path, data.spec, {1, 1});
  data.layer = data.segment->layer(storage::DeadRows());
  for (size_t q = 0; q < kQueries; ++q) {
    data.encoded.push_back(encode(data.spec, data.queries.data() + q * data.dim));
    const auto truth = nearest(data, q, {.expected = kNearest, .exact = true});
    data.farthest.push_back(distance(data, q, truth.back()));
  }
  return data;
}

Space space_of(const Data& data) {
  return data.spec.metric == math::Metric::kL2 ? Space::kL2 : Space::kInnerProduct;
}

void build_ours(const Data& data, size_t threads, size_t ef_construction) {
  storage::GraphOptions options;
  options.threads = threads;
  if (ef_construction > 0) options.ef_construction = ef_construction;
  std::filesystem::remove(data.segment->graph_path());
  const double cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
  const double wall = seconds(CLOCK_MONOTONIC);
  storage::build_graph(*data.segment, data.spec, options, data.segment->graph_path(), {});
  std::printf("kindred built with %zu threads: %.1f s CPU, %.1f s wall, %.0f points per CPU s\n",
              threads, seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu, seconds(CLOCK_MONOTONIC) - wall,
              static_cast<double>(data.rows) / (seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu));
}

void build_hnswlib(const Data& data, const std::string& path, size_t ef_construction) {
  if (std::filesystem::exists(path)) return;
  const double cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
  hnswlib_native()->build(data.vectors.data(), data.rows, data.dim, space_of(data), ef_construction,
                          1, path.c_str());
  std::printf("hnswlib native built, ef_construction %zu: %.1f s CPU, %.0f points per CPU s\n",
              ef_construction, seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu,
              static_cast<double>(data.rows) / (seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu));
}

// Queries first to last - 1, in us of CPU for each, after `warming` others.
double time_of(const Variant& variant, size_t first, size_t last, size_t warming,
               Answers& answers) {
  for (size_t q = last; q < last + warming; ++q) variant.search(q % kQueries);
  const double start = seconds(CLOCK_THREAD_CPUTIME_ID);
  for (size_t q = first; q < last; ++q) answers.push_back(variant.search(q));
  return (seconds(CLOCK_THREAD_CPUTIME_ID) - start) * 1e6 / static_cast<double>(last - first);
}

void run(std::vector<Variant>& variants, const Data& data) {
  for (int round = 0; round <= kRounds; ++round) {
    std::vector<Answers> answers(variants.size());
    for (size_t turn = 0; turn < kTurns; ++turn)
      for (size_t v = variants.size(); v-- > 0;) {
        const size_t first = turn * kQueriesOfTurn;
        const bool is_another =
            v + 1 == variants.size() || variants[v].name != variants[v + 1].name;
        const double us = time_of(variants[v], first, first + kQueriesOfTurn,
                                  is_another ? kWarmingOfAnother : kWarming, answers[v]);
        if (round > 0) variants[v].us[turn].push_back(us);
      }
    if (round > 0) continue;
    for (size_t v = 0; v < variants.size(); ++v) variants[v].recall = recall_of(answers[v], data);
  }
  for (Variant& v : variants)
    std::printf("%-16s ef %4zu  recall@10 %.4f  %7.1f us\n", v.name.c_str(), v.ef, v.recall,
                v.cost());
}

Search hnswlib_search(const GraphIndex* api, void* index, size_t ef, const Data& data) {
  return [=, &data](size_t q) {
    uint32_t rows[kNearest];
    api->search(index, data.queries.data() + q * data.dim, kNearest, ef, rows);
    return std::vector<int64_t>(rows, rows + kNearest);
  };
}

std::vector<Variant> ours(const Data& data) {
  std::vector<Variant> variants;
  for (const size_t ef : {14, 16, 20, 24, 32, 40, 48, 64, 100, 128, 160, 200})
    variants.push_back({"kindred", ef, [&data, ef](size_t q) {
                          return nearest(data, q, {.expected = kNearest, .ef = ef});
                        }});
  return variants;
}

// One build of hnswlib and kindred in turns. The other build comes afterwards, and each is loaded
// twice: memory that a virtual machine has not used before is slow until its host has found it all.
void run_beside(const GraphIndex* api, const std::string& name, const std::vector<size_t>& efs,
                const std::string& path, const Data& data) {
  api->free(api->load(path.c_str(), data.dim, space_of(data)));
  void* const index = api->load(path.c_str(), data.dim, space_of(data));
  std::vector<Variant> variants;
  for (const size_t ef : efs) variants.push_back({name, ef, hnswlib_search(api, index, ef, data)});
  for (Variant& variant : ours(data)) variants.push_back(std::move(variant));
  run(variants, data);
  api->free(index);
}

}  // namespace
}  // namespace kindred::bench

int main(int argc, char** argv) {
  using namespace kindred;
  using namespace kindred::bench;
  std::setvbuf(stdout, nullptr, _IOLBF, BUFSIZ);
  const size_t rows = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 100000;
  const size_t dim = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 384;
  const std::string folder = argc > 3 ? argv[3] : "/tmp";
  const std::string path = folder + "/bench_graph.kin";
  const std::string kind = argc > 5 ? argv[5] : "";
  Data data = make_data(rows, dim, kind, path);
  const std::string name = is_file(kind)  ? std::filesystem::path(kind).filename().string()
                           : kind.empty() ? "clustered"
                                          : "clustered, " + kind;
  std::printf("%zu x %zu, %s, %zu queries, kernels %s\n", data.rows, data.dim, name.c_str(),
              kQueries, math::active().name);
  const size_t ef_construction = argc > 4 ? std::strtoull(argv[4], nullptr, 10) : 0;
  if (data.rows <= kBuiltTwice) build_ours(data, 1, ef_construction);
  build_ours(data, std::thread::hardware_concurrency(), ef_construction);
  data.segment->graph()->populate();  // as connections that last have it
  if (!has_rivals(kind)) {
    std::vector<Variant> variants = ours(data);
    if (kind != "alone")
      variants.push_back({"scan", 0, [&data](size_t q) {
                            return nearest(data, q, {.expected = kNearest, .exact = true});
                          }});
    run(variants, data);
    return 0;
  }
  const std::string rival = folder + "/bench_graph_" + std::to_string(data.rows) + "x" +
                            std::to_string(data.dim) + (kind == "l2" ? ".l2" : "") + ".hnswlib";
  build_hnswlib(data, rival, 200);
  data.vectors = {};
  run_beside(hnswlib_native(), "hnswlib native", {10, 16, 24, 32, 40, 64, 100, 128}, rival, data);
  run_beside(hnswlib_plain(), "hnswlib plain", {24, 40, 64, 128}, rival, data);
}
