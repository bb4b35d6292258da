// SPDX-License-Identifier: Apache-2.0
#include "storage/graphs/graph.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <thread>

#include "math/kernels.h"
#include "storage/building/graph_builder.h"
#include "storage/codes/row_codes.h"
#include "storage/file.h"
#include "storage/upkeep/graph_jobs.h"
#include "tests/support/catch.h"
#include "tests/support/graph_file.h"

using namespace kindred::storage;
using namespace kindred::test;
using kindred::math::Element;
using kindred::math::Metric;

namespace {

constexpr size_t kQueries = 40;
constexpr size_t kTen = 10;

struct Kind {
  Element element;
  Metric metric;
  std::string shape;
  double floor;  // of recall@10
  Quantization quantization = Quantization::kInt8;
  VectorSpec spec(size_t dim) const { return {element, metric, dim, 0, quantization}; }
};

const std::vector<Kind> kKinds = {
    {Element::kFloat32, Metric::kCosine, "clusters", 0.97},
    {Element::kFloat32, Metric::kL2, "pixels", 0.97},
    {Element::kFloat32, Metric::kL2, "norms", 0.9},  // a query that misses its cluster is 0.025
    {Element::kFloat32, Metric::kDot, "clusters", 0.97},
    {Element::kInt8, Metric::kCosine, "clusters", 0.97},
    {Element::kInt8, Metric::kL2, "clusters", 0.97},
    {Element::kInt8, Metric::kDot, "clusters", 0.95},
    {Element::kInt8, Metric::kL1, "clusters", 0.97},
    {Element::kBit, Metric::kHamming, "clusters", 0.97},
};

// Whose nodes have the vectors themselves: rounding, and so a graph's bytes, depend on the
// instruction set.
const std::vector<Kind> kFloatKinds = {
    {Element::kFloat32, Metric::kL1, "clusters", 0.97},
    {Element::kFloat32, Metric::kL1, "pixels", 0.97},
    {Element::kFloat32, Metric::kL1, "norms", 0.9},
    {Element::kFloat32, Metric::kCosine, "clusters", 0.97, Quantization::kNone},
    {Element::kFloat32, Metric::kL2, "pixels", 0.97, Quantization::kNone},
    {Element::kFloat32, Metric::kL2, "norms", 0.9, Quantization::kNone},
    {Element::kFloat32, Metric::kDot, "clusters", 0.97, Quantization::kNone},
};

std::vector<Kind> all_kinds() {
  std::vector<Kind> all = kKinds;
  all.insert(all.end(), kFloatKinds.begin(), kFloatKinds.end());
  return all;
}

std::string name_of(const Kind& kind) {
  return std::string(kindred::math::element_name(kind.element)) + " " +
         kindred::math::metric_name(kind.metric) + " " + kind.shape +
         (kind.quantization == Quantization::kNone ? " none" : "");
}

std::string content(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream bytes;
  bytes << file.rdbuf();
  return bytes.str();
}

void overwrite(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

// The hits of a search of the graph alone; nullopt where it finds itself damaged.
std::optional<std::vector<GraphHit>> hits(const GraphFile& file, const Graph& graph,
                                          const std::string& query, size_t ef,
                                          const GraphFilter* filter = nullptr) {
  Scorer scorer(file.spec(), query.data());
  size_t distances = 0;
  const auto found =
      graph.search(scorer.coded_query(file.segment().block()), {ef}, filter, distances);
  if (!found) return std::nullopt;
  return std::vector<GraphHit>(found->begin(), found->end());
}

bool same(const std::vector<GraphHit>& a, const std::vector<GraphHit>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const auto& x, const auto& y) { return x.key == y.key && x.row == y.row; });
}

}  // namespace

TEST_CASE("a graph finds the nearest rows and looks at few", "[storage][graph]") {
  for (const Kind& kind : all_kinds()) {
    INFO(name_of(kind));
    Random random(1);
    const VectorSpec spec = kind.spec(kind.element == Element::kBit ? 1024 : 64);  // 64 are scanned
    Clusters clusters(spec, kind.shape, random);
    GraphFile file(spec, clusters.vectors(20000, random));
    // Which of few questions miss their clusters is not left to the threads' chance.
    file.build({.ef_construction = 64, .threads = kind.shape == "norms" ? size_t{1} : 0});
    double recall = 0;
    for (size_t q = 0; q < kQueries; ++q) {
      const std::string query = clusters.vector(random);
      const Found found = file.search(query, kTen);
      CHECK_FALSE(found.is_exact);
      CHECK(found.visited < file.rows() / 8);
      CHECK(file.wrong_distances(query, found.rows) == 0);
      recall += file.recall(query, found.rows, kTen) / kQueries;
    }
    CAPTURE(recall);
    CHECK(recall >= kind.floor);
  }
}

TEST_CASE("nodes have principal codes where these tell neighbours apart", "[storage][graph]") {
  for (const std::string shape : {"even", "clusters", "tight"}) {
    INFO(shape);
    Random random(16);
    const VectorSpec spec{Element::kFloat32, Metric::kCosine, 64};
    Clusters clusters(spec, shape, random);
    GraphFile file(spec, clusters.vectors(20000, random));
    file.build({.ef_construction = 64});
    GraphHeader header;
    std::memcpy(&header, content(file.graph_path()).data(), sizeof header);
    CHECK(header.version == (shape == "tight" ? kGraphVersion : kPrincipalGraphVersion));
    double recall = 0;
    for (size_t q = 0; q < kQueries; ++q) {
      const std::string query = clusters.vector(random);
      const Found found = file.search(query, kTen, {.ef = 150});
      CHECK_FALSE(found.is_exact);
      CHECK(file.wrong_distances(query, found.rows) == 0);
      recall += file.recall(query, found.rows, kTen) / kQueries;
    }
    CAPTURE(recall);
    CHECK(recall >= (shape == "even" ? 0.87 : 0.97));
  }
}

TEST_CASE("a graph of a prefix finds the rows whose whole vectors are nearest",
          "[storage][graph]") {
  const auto [metric, shape] =
      GENERATE(std::pair(Metric::kCosine, "clusters"), std::pair(Metric::kL2, "clusters"),
               std::pair(Metric::kDot, "prefix"));
  INFO(kindred::math::metric_name(metric));
  Random random(15);
  const VectorSpec spec{Element::kFloat32, metric, 96, 48};
  Clusters clusters(spec, shape, random);
  GraphFile file(spec, clusters.vectors(20000, random));
  file.build({.ef_construction = 64});
  // What finds near prefixes does not find all near vectors, unless there is little behind them.
  CHECK((file.open()->ef() > kLeastEf) == (std::string(shape) == "clusters"));
  double recall = 0;
  double recall_of_many = 0;
  for (size_t q = 0; q < kQueries; ++q) {
    const std::string query = clusters.vector(random);
    const Found found = file.search(query, kTen);
    CHECK_FALSE(found.is_exact);
    CHECK(found.visited < file.rows() / 2);
    CHECK(file.wrong_distances(query, found.rows) == 0);
    recall += file.recall(query, found.rows, kTen) / kQueries;
    recall_of_many += file.recall(query, file.search(query, 50).rows, 50) / kQueries;
    const Found exact = file.search(query, kTen, {.exact = true});
    CHECK(file.recall(query, exact.rows, kTen) == 1);
  }
  CAPTURE(recall, recall_of_many, file.open()->ef());
  CHECK(recall >= 0.96);
  CHECK(recall_of_many >= 0.93);
}

TEST_CASE("equal rows share a node and are found by ascending id", "[storage][graph]") {
  for (const auto& [element, metric] :
       {std::pair(Element::kBit, Metric::kHamming), std::pair(Element::kInt8, Metric::kL1),
        std::pair(Element::kFloat32, Metric::kCosine), std::pair(Element::kFloat32, Metric::kL1)}) {
    Random random(14);
    const VectorSpec spec{element, metric, 64};
    Clusters twins(spec, "twins", random);
    GraphFile file(spec, twins.vectors(20000, random));
    file.build({.ef_construction = 64});
    CHECK(file.open()->size() == 300);
    double recall = 0;
    for (size_t q = 0; q < kQueries; ++q) {
      const std::string query = twins.vector(random);
      const Found found = file.search(query, kTen);
      CHECK_FALSE(found.is_exact);
      CHECK(file.wrong_distances(query, found.rows) == 0);
      const std::vector<Neighbor> all = file.sorted(query);
      for (size_t i = 0; i < kTen; ++i) CHECK(found.rows.at(i).id == all[i].id);
      const Found many = file.search(query, 30);
      CHECK_FALSE(many.is_exact);
      CHECK(many.rows.size() == 30);
      CHECK(file.wrong_distances(query, many.rows) == 0);
      recall += file.recall(query, many.rows, 30) / kQueries;
    }
    CHECK(recall >= 0.97);
  }
}

TEST_CASE("nothing but equal rows is a graph of one node", "[storage][graph]") {
  const VectorSpec spec{Element::kBit, Metric::kHamming, 16};
  GraphFile file(spec, std::vector<std::string>(20000, "ab"));
  file.build({});
  CHECK(file.open()->size() == 1);
  const Found found = file.search("aa", 30);
  CHECK_FALSE(found.is_exact);
  REQUIRE(found.rows.size() == 30);
  CHECK(file.wrong_distances("aa", found.rows) == 0);
  for (size_t i = 0; i < 30; ++i) CHECK(found.rows[i].id == static_cast<int64_t>(i));
  CHECK(file.search("aa", 30000).rows.size() == 20000);
}

// A row a node, and a header that says no number of nodes.
TEST_CASE("a graph of version 1 is searched as one of today", "[storage][graph][format]") {
  Random random(15);
  const VectorSpec spec{Element::kInt8, Metric::kL2, 32};
  Clusters clusters(spec, "clusters", random);
  GraphFile file(spec, clusters.vectors(2000, random));
  file.build({});
  const std::string query = clusters.vector(random);
  const auto today = hits(file, *file.open(), query, 100);
  std::string bytes = content(file.graph_path());
  GraphHeader header;
  std::memcpy(&header, bytes.data(), sizeof header);
  REQUIRE(header.version == 2);
  REQUIRE(header.nodes == header.rows);
  header.version = 1;
  header.nodes = checksum(&header, offsetof(GraphHeader, nodes));
  header.header_sum = 0;
  std::memcpy(bytes.data(), &header, sizeof header);
  overwrite(file.graph_path(), bytes);
  const auto graph = file.open();
  REQUIRE(graph);
  CHECK(graph->verify());
  CHECK(same(hits(file, *graph, query, 100).value(), today.value()));
  bytes[offsetof(GraphHeader, ef)] ^= 1;
  overwrite(file.graph_path(), bytes);
  CHECK_FALSE(file.open());
}

TEST_CASE("more effort misses fewer rows and less effort costs less", "[storage][graph]") {
  Random random(2);
  const VectorSpec spec{Element::kFloat32, Metric::kCosine, 48};
  Clusters clusters(spec, "even", random);
  GraphFile file(spec, clusters.vectors(12000, random));
  file.build({.m = 8, .ef_construction = 40});
  double least = 0;
  double most = 0;
  for (size_t q = 0; q < kQueries; ++q) {
    const std::string query = clusters.vector(random);
    const Found quickest = file.search(query, kTen, {.ef = kTen});
    const Found quick = file.search(query, kTen, {.ef = 20});
    const Found thorough = file.search(query, kTen, {.ef = 160});
    CHECK(quickest.rows.size() == kTen);
    CHECK(quickest.visited < quick.visited);
    CHECK(quick.visited < thorough.visited);
    least += file.recall(query, quick.rows, kTen) / kQueries;
    most += file.recall(query, thorough.rows, kTen) / kQueries;
  }
  CAPTURE(least, most);
  CHECK(least < 0.95);  // else the test says nothing
  CHECK(most > least + 0.04);
}

TEST_CASE("a search that is widened finds what one finds that was as wide at once, at its cost",
          "[storage][graph]") {
  Random random(12);
  const VectorSpec spec{Element::kFloat32, Metric::kL2, 48};
  Clusters clusters(spec, "clusters", random);
  GraphFile file(spec, clusters.vectors(20000, random));
  file.build({.ef_construction = 64});
  const auto graph = file.open();
  size_t at_once = 0;
  size_t widened = 0;
  size_t found = 0;
  size_t wanted = 0;
  for (size_t q = 0; q < kQueries; ++q) {
    const std::string query = clusters.vector(random);
    Scorer scorer(spec, query.data());
    const auto all =
        graph->search(scorer.coded_query(file.segment().block()), {400}, nullptr, at_once);
    REQUIRE(all);
    const std::vector<GraphHit> whole(all->begin(), all->end());
    kindred::storage::GraphSearch search(*graph, scorer.coded_query(file.segment().block()));
    for (const size_t ef : {20, 30, 100, 90, 400}) {
      const auto hits = search.widen(ef, widened);
      REQUIRE(hits);
      CHECK(hits->size() >= ef);
      CHECK(std::is_sorted(hits->begin(), hits->end(),
                           [](const auto& a, const auto& b) { return a.key < b.key; }));
      std::set<uint32_t> rows;
      for (const GraphHit& hit : *hits) rows.insert(hit.row);
      CHECK(rows.size() == hits->size());
      if (ef != 400) continue;
      wanted += whole.size();
      for (const GraphHit& hit : whole) found += rows.count(hit.row);
    }
  }
  CHECK(static_cast<double>(found) > 0.99 * static_cast<double>(wanted));
  CHECK(static_cast<double>(widened) < 1.1 * static_cast<double>(at_once));
}

TEST_CASE("one thread gives the same rows the same bytes, another seed others",
          "[storage][graph]") {
  Random random(3);
  const VectorSpec spec{Element::kFloat32, Metric::kL2, 24};
  Clusters clusters(spec, "pixels", random);
  GraphFile file(spec, clusters.vectors(3000, random));
  file.build({.seed = 5, .threads = 1});
  const std::string first = content(file.graph_path());
  file.build({.seed = 5, .threads = 1});
  CHECK(content(file.graph_path()) == first);
  file.build({.seed = 6, .threads = 1});
  CHECK(content(file.graph_path()) != first);
}

TEST_CASE("several threads build a graph as good as one does", "[storage][graph]") {
  Random random(4);
  const VectorSpec spec{Element::kFloat32, Metric::kCosine, 32};
  Clusters clusters(spec, "even", random);
  GraphFile file(spec, clusters.vectors(10000, random));
  const std::vector<std::string> queries = clusters.vectors(200, random);
  std::map<size_t, double> recall;
  for (const size_t threads : {1, 4}) {
    file.build({.ef_construction = 64, .threads = threads});
    for (const std::string& query : queries)
      recall[threads] += file.recall(query, file.search(query, kTen).rows, kTen) /
                         static_cast<double>(queries.size());
  }
  CAPTURE(recall[1], recall[4]);
  CHECK(std::abs(recall[1] - recall[4]) <= 0.01);
}

TEST_CASE("a build that is given up leaves the graph there was and no draft", "[storage][graph]") {
  Random random(5);
  const VectorSpec spec{Element::kInt8, Metric::kL2, 16};
  Clusters clusters(spec, "clusters", random);
  GraphFile file(spec, clusters.vectors(2000, random));
  file.build({.threads = 2});
  const std::string before = content(file.graph_path());
  struct GivenUp {};
  const auto give_up = [&] {
    build_graph(file.segment(), spec, {.seed = 9, .threads = 2}, file.graph_path(),
                [](size_t done, size_t) {
                  if (done > 200) throw GivenUp();
                });
  };
  CHECK_THROWS_AS(give_up(), GivenUp);
  CHECK(content(file.graph_path()) == before);
  CHECK(file.files() == 2);  // the segment and its graph
}

TEST_CASE("a graph that another has finished meanwhile is not built again", "[storage][graph]") {
  Random random(8);
  const VectorSpec spec{Element::kInt8, Metric::kL2, 16};
  Clusters clusters(spec, "clusters", random);
  GraphFile file(spec, clusters.vectors(least_graph_rows(spec), random));
  CHECK(lacks_graph(file.segment(), spec));  // and does not look again so soon
  file.build({.threads = 2});
  size_t reports = 0;
  build_graph_now(file.segment(), spec, {.threads = 2}, [&](size_t, size_t) { ++reports; });
  CHECK(reports == 0);
  CHECK(file.segment().graph() != nullptr);
}

// Graphs are built one after the other.
TEST_CASE("no graph is built in the background for rows that are being merged",
          "[storage][graph]") {
  Random random(9);
  const VectorSpec spec{Element::kInt8, Metric::kL2, 16};
  Clusters clusters(spec, "clusters", random);
  const std::vector<std::string> vectors = clusters.vectors(least_graph_rows(spec), random);
  const GraphFile merged(spec, vectors), other(spec, vectors), last(spec, vectors);
  const auto is_built = [&](const GraphFile& file) {
    build_graph_soon(file.shared_segment(), spec, {.threads = 1});
    for (int i = 0; i < 3000 && !std::filesystem::exists(file.graph_path()); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    return std::filesystem::exists(file.graph_path());
  };
  {
    const HeldGraphs held({merged.graph_path()});
    build_graph_soon(merged.shared_segment(), spec, {.threads = 1});
    CHECK(is_built(other));
    CHECK_FALSE(std::filesystem::exists(merged.graph_path()));
  }
  build_graph_soon(merged.shared_segment(), spec, {.threads = 1});
  give_up_graph(merged.graph_path());
  CHECK(is_built(last));
  CHECK_FALSE(std::filesystem::exists(merged.graph_path()));
  CHECK(is_built(merged));
}

// Run by the next test, in a process of its own for each instruction set.
TEST_CASE("a graph is built and searched for another process", "[.graph-child]") {
  const char* const folder = std::getenv("KINDRED_GRAPH_FOLDER");
  const char* const isa = std::getenv("KINDRED_FORCE_ISA");
  if (folder == nullptr || isa == nullptr) return;
  for (const Kind& kind : kKinds) {
    Random random(6);
    const VectorSpec spec = kind.spec(40);
    Clusters clusters(spec, kind.shape, random);
    const GraphFile file(spec, std::string(folder) + "/" + name_of(kind));
    const std::string path = std::string(folder) + "/" + name_of(kind) + " " + isa;
    REQUIRE(build_graph(file.segment(), spec, {.threads = 1}, path, {}));
    const auto graph = Graph::open(path, spec, file.segment().graph_of());
    REQUIRE(graph);
    std::ofstream answers(path + " answers");
    for (int q = 0; q < 50; ++q) {
      const std::string query = clusters.vector(random);
      const Found found = file.search_with(graph, query, kTen, {});
      for (const Neighbor& row : found.rows) answers << row.id << ' ';
    }
  }
}

TEST_CASE("all instruction sets build the same graph and find the same rows in it",
          "[storage][graph]") {
  const ScratchDirectory folder;
  for (const Kind& kind : kKinds) {
    Random random(7);
    const VectorSpec spec = kind.spec(40);
    Clusters clusters(spec, kind.shape, random);
    GraphFile::write_segment(folder.file(name_of(kind)), spec, clusters.vectors(1500, random));
  }
  const std::string self = std::filesystem::read_symlink("/proc/self/exe").string();
  std::map<std::string, std::string> first;
  for (const kindred::math::Kernels* kernels : kindred::math::runnable()) {
    INFO(kernels->name);
    const std::string command = "KINDRED_GRAPH_FOLDER='" + folder.path() +
                                "' KINDRED_FORCE_ISA=" + kernels->name + " '" + self +
                                "' '[.graph-child]' > /dev/null";
    REQUIRE(std::system(command.c_str()) == 0);
    for (const Kind& kind : kKinds)
      for (const std::string what : {"", " answers"}) {
        INFO(name_of(kind) << what);
        const std::string made = content(folder.file(name_of(kind) + " " + kernels->name + what));
        CHECK_FALSE(made.empty());
        CHECK((first.emplace(name_of(kind) + what, made).first->second == made));
      }
  }
}

TEST_CASE("a graph file that is lost, cut, longer, another's or no file is not opened",
          "[storage][graph][damage]") {
  Random random(8);
  const VectorSpec spec{Element::kFloat32, Metric::kCosine, 20};
  Clusters clusters(spec, "clusters", random);
  GraphFile file(spec, clusters.vectors(1500, random));
  const auto open = [&](const VectorSpec& of, const SegmentIdentity& identity, size_t rows) {
    return Graph::open(file.graph_path(), of, {identity, rows, file.segment().graph_of().sum});
  };
  const SegmentIdentity own = GraphFile::kIdentity;
  CHECK_FALSE(open(spec, own, 1500));
  file.build({});
  REQUIRE(open(spec, own, 1500));
  SECTION("another segment's, collection's or of other vectors") {
    CHECK_FALSE(open(spec, {own.segment + 1, own.collection}, 1500));
    CHECK_FALSE(open(spec, {own.segment, own.collection + 1}, 1500));
    GraphOf of_other_bytes = file.segment().graph_of();
    ++of_other_bytes.sum;
    CHECK_FALSE(Graph::open(file.graph_path(), spec, of_other_bytes));
    CHECK_FALSE(open(spec, own, 1499));
    CHECK_FALSE(open(spec, own, 1501));
    CHECK_FALSE(open({Element::kFloat32, Metric::kCosine, 21}, own, 1500));
    CHECK_FALSE(open({Element::kFloat32, Metric::kL2, 20}, own, 1500));
    CHECK_FALSE(open({Element::kInt8, Metric::kCosine, 20}, own, 1500));
  }
  SECTION("something else of that name") {
    std::filesystem::remove(file.graph_path());
    std::filesystem::create_directory(file.graph_path());
    CHECK_FALSE(open(spec, own, 1500));
  }
  SECTION("cut anywhere, or with something behind its end") {
    const std::string bytes = content(file.graph_path());
    std::vector<size_t> lengths = {0, 1, 100, bytes.size() - 1, bytes.size() - 8};
    for (size_t page = 0; page < bytes.size(); page += kGraphPage)
      for (const size_t length : {page, page + 1, page + 4095}) lengths.push_back(length);
    for (const size_t length : lengths) {
      if (length >= bytes.size()) continue;
      INFO(length << " of " << bytes.size());
      overwrite(file.graph_path(), bytes.substr(0, length));
      CHECK_FALSE(open(spec, own, 1500));
    }
    overwrite(file.graph_path(), bytes + '\0');
    CHECK_FALSE(open(spec, own, 1500));
    overwrite(file.graph_path(), bytes);
    CHECK(open(spec, own, 1500));
  }
}

TEST_CASE("a flipped bit in a graph is found out or changes no answer",
          "[storage][graph][damage]") {
  Random random(9);
  const auto [element, quantization] =
      GENERATE(table<Element, Quantization>({{Element::kFloat32, Quantization::kInt8},
                                             {Element::kFloat32, Quantization::kNone},
                                             {Element::kInt8, Quantization::kInt8}}));
  const VectorSpec spec{element, Metric::kL2, 64, 0, quantization};
  Clusters clusters(spec, element == Element::kInt8 ? "clusters" : "norms", random);
  std::vector<std::string> vectors = clusters.vectors(1500, random);
  for (size_t i = 0; i < 200; ++i) vectors[7 * i] = vectors[7 * (i % 60)];  // some are equal
  GraphFile file(spec, vectors);
  file.build({.m = 8});
  const std::string query = clusters.vector(random);
  const std::string bytes = content(file.graph_path());
  const auto intact = hits(file, *file.open(), query, 1500);
  REQUIRE(intact);
  REQUIRE(intact->size() > 1400);
  GraphHeader header;
  std::memcpy(&header, bytes.data(), sizeof header);
  const GraphPlan plan(header);
  REQUIRE(header.levels > 1);
  REQUIRE(has_principal_codes(header) == has_codes(spec));
  const std::vector<std::pair<uint64_t, uint64_t>> sections = {
      {0, sizeof(GraphHeader)}, {plan.nodes, plan.rows}, {plan.rows, plan.ends},
      {plan.ends, plan.upper},  {plan.upper, plan.sums}, {plan.sums, plan.end}};
  std::vector<uint64_t> every(24, ~uint64_t{0});  // row i passes
  const GraphFilter all{every, file.rows(), 1000000};
  for (const auto& [begin, end] : sections)
    for (int i = 0; i < 200; ++i) {
      const uint64_t at = begin + random.bits() % (end - begin);
      INFO("byte " << at);
      std::string damaged = bytes;
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << random.below(8)));
      overwrite(file.graph_path(), damaged);
      const auto graph = file.open();
      if (at < sizeof(GraphHeader) || at >= plan.sums) REQUIRE_FALSE(graph);
      if (!graph) continue;
      const auto found = hits(file, *graph, query, 1500);
      if (found)
        REQUIRE(same(*found, *intact));
      else
        REQUIRE(graph->is_damaged());
      REQUIRE((hits(file, *file.open(), query, 1500, &all).value_or(*intact).size()) ==
              intact->size());
      REQUIRE_FALSE(file.open()->verify());
      const Found answer = file.search_with(graph, query, 15, {.ef = 100});
      REQUIRE(file.wrong_distances(query, answer.rows) == 0);
      REQUIRE(file.recall(query, answer.rows, 15) > 0.9);
    }
}

// What a program with a defect might write: sums that fit, links and rows that lead anywhere.
TEST_CASE("a graph of any bytes whose sums fit is read within its bounds",
          "[storage][graph][damage]") {
  Random random(10);
  const VectorSpec spec{Element::kFloat32, Metric::kL2, 64};
  const std::string shape = GENERATE("clusters", "even");
  INFO(shape);
  Clusters clusters(spec, shape, random);
  std::vector<std::string> vectors = clusters.vectors(1500, random);
  for (size_t i = 0; i < 200; ++i) vectors[7 * i] = vectors[7 * (i % 60)];  // some are equal
  GraphFile file(spec, vectors);
  file.build({.m = 8});
  const std::string bytes = content(file.graph_path());
  std::vector<uint64_t> every(24, ~uint64_t{0});
  const GraphFilter all{every, file.rows(), 1000000};
  for (int round = 0; round < 30; ++round) {
    INFO("round " << round);
    std::string other = bytes;
    GraphHeader header;
    std::memcpy(&header, bytes.data(), sizeof header);
    const GraphPlan plan(header);
    const int64_t one_in = int64_t{1} << (round % 8);
    for (size_t at = plan.nodes; at < plan.sums; at += 4)
      if (random.one_in(one_in)) {
        auto word = static_cast<uint32_t>(random.bits());
        if (random.one_in(2)) word %= 2000;  // in or just beyond the graph
        std::memcpy(&other[at], &word, sizeof word);
      }
    file.seal(other);
    overwrite(file.graph_path(), other);
    const auto graph = file.open();
    REQUIRE(graph);
    for (const GraphFilter* filter : {static_cast<const GraphFilter*>(nullptr), &all})
      for (const size_t ef : {size_t{1}, size_t{50}, size_t{5000}}) {
        const auto found = hits(file, *graph, clusters.vector(random), ef, filter);
        for (const GraphHit& hit : found.value()) REQUIRE(hit.row < 1500);
      }
  }
}
