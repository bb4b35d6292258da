// knn() through SQL against libraries that are called directly: hnswlib and, where run_direct.sh
// has fetched it, usearch, on the same clustered unit vectors. CPU time of a query at equal
// recall@10, variants interleaved in rounds, medians, one thread.
//
//   bench_direct KINDRED.so FOLDER [rows=100000] [rounds=5]
//
// Indexes of the others are built into FOLDER where they are not there yet.
// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <ranges>

#include "bench/graph_index.h"
#include "bench/questions.h"

namespace kindred::bench {
namespace {

constexpr size_t kEfs[] = {16, 24, 32, 40, 50, 64, 80, 100, 128, 160, 200};
constexpr size_t kEfConstruction = 200;
constexpr double kTarget = 3;

struct Contender {
  std::string name;
  std::function<Ids(size_t q, size_t ef)> search;
};

Contender direct(const std::string& name, const GraphIndex* api, const Data& data,
                 const std::string& folder) {
  const std::string path = folder + "/" + name + "-" + std::to_string(data.rows) + ".index";
  if (!std::filesystem::exists(path)) {
    const Cost cost = cost_of([&] {
      api->build(data.vectors.data(), data.rows, kDim, Space::kInnerProduct, kEfConstruction,
                 std::thread::hardware_concurrency(), path.c_str());
    });
    std::printf("%s built: %.0f rows/s of CPU\n", name.c_str(),
                static_cast<double>(data.rows) / cost.cpu);
  }
  const std::shared_ptr<void> index(api->load(path.c_str(), kDim, Space::kInnerProduct), api->free);
  return {name, [api, index, &data](size_t q, size_t ef) {
            uint32_t rows[kK];
            api->search(index.get(), data.query(q).data(), kK, ef, rows);
            Ids ids(rows, rows + kK);
            for (int64_t& id : ids) ++id;
            return ids;
          }};
}

Contender through_sql(Database& db, const Data& data) {
  db.execute(
      "CREATE VIRTUAL TABLE items USING kindred(id INTEGER PRIMARY KEY, embedding float[384] "
      "distance_metric=cosine)");
  fill(db, data, "INSERT INTO items VALUES(?1, ?2)");
  db.execute("INSERT INTO items(items) VALUES('optimize')");
  const auto ask = std::make_shared<Statement>(
      db.prepare("SELECT rowid, distance FROM knn('items', ?1, 10, ?2)"));
  return {"kindred through SQL", [ask, &data](size_t q, size_t ef) {
            return ask->bind(1, data.query(q)).bind(2, static_cast<int64_t>(ef)).ids();
          }};
}

// Of each contender, by ascending ef.
std::vector<std::vector<Answered>> measure(const std::vector<Contender>& contenders,
                                           const Data& data, size_t rounds) {
  std::vector<Ids> truth;
  for (size_t q = 0; q < kQueries; ++q)
    truth.push_back(data.nearest(q, [](size_t) { return true; }));
  std::vector<Variant> variants;
  std::vector<double> recalls;
  for (const Contender& contender : contenders)
    for (const size_t ef : kEfs) {
      std::vector<Ids> answers;
      for (size_t q = 0; q < kQueries; ++q) answers.push_back(contender.search(q, ef));
      recalls.push_back(recall(answers, truth));
      variants.push_back({contender.name + ", ef = " + std::to_string(ef), [&contender, ef] {
                            for (size_t q = 0; q < kQueries; ++q) contender.search(q, ef);
                            return kQueries;
                          }});
    }
  take_turns(std::views::reverse(variants), rounds);  // as in questions.h
  std::vector<std::vector<Answered>> all(contenders.size());
  std::printf("\n| what | CPU a query | recall@10 |\n|---|---|---|\n");
  for (size_t v = 0; v < variants.size(); ++v) {
    const double cpu = median(variants[v].cpu);
    all[v / std::size(kEfs)].push_back({recalls[v], cpu});
    std::printf("| %s | %s | %.4f |\n", variants[v].name.c_str(), time_text(cpu).c_str(),
                recalls[v]);
  }
  return all;
}

void compare(const std::vector<Contender>& contenders,
             const std::vector<std::vector<Answered>>& all) {
  std::printf(
      "\n| recall@10 | against | kindred | the other | ratio | target |\n"
      "|---|---|---|---|---|---|\n");
  for (const double wanted : {0.95, 0.976, 0.99})
    for (size_t c = 1; c < contenders.size(); ++c) {
      const auto ours = most_cost_of_recall(all[0], wanted);
      const auto theirs = cost_of_recall(all[c], wanted);
      if (!ours || !theirs) continue;
      const double ratio = *theirs / *ours;
      std::printf("| %.3f | %s | %s | %s | %.2fx | %gx: %s |\n", wanted, contenders[c].name.c_str(),
                  time_text(*ours).c_str(), time_text(*theirs).c_str(), ratio, kTarget,
                  ratio >= kTarget ? "OK" : "SHORT");
    }
}

void run(const std::string& extension, const std::string& folder, size_t rows, size_t rounds) {
  const Data data(rows);
  std::printf("%zu x %zu clustered unit vectors, %zu queries, k = %zu.\n", rows, kDim, kQueries,
              kK);
  const Scratch scratch;
  Database db = scratch.fresh("kindred.db", extension);
  std::vector<Contender> contenders{through_sql(db, data)};
  contenders.push_back(direct("hnswlib", hnswlib_plain(), data, folder));
  contenders.push_back(direct("hnswlib-native", hnswlib_native(), data, folder));
#ifdef KINDRED_BENCH_USEARCH
  contenders.push_back(direct("usearch-f32", usearch_f32(), data, folder));
  contenders.push_back(direct("usearch-i8", usearch_i8(), data, folder));
#endif
  compare(contenders, measure(contenders, data, rounds));
}

}  // namespace
}  // namespace kindred::bench

int main(int argc, char** argv) {
  try {
    if (argc < 3)
      throw std::runtime_error("usage: bench_direct KINDRED.so FOLDER [rows=100000] [rounds=5]");
    size_t rows = 100000;
    size_t rounds = 5;
    for (int i = 3; i < argc; ++i) {
      if (std::strncmp(argv[i], "rows=", 5) == 0)
        rows = std::stoul(argv[i] + 5);
      else if (std::strncmp(argv[i], "rounds=", 7) == 0)
        rounds = std::stoul(argv[i] + 7);
      else
        throw std::runtime_error(std::string("unknown argument: ") + argv[i]);
    }
    kindred::bench::run(argv[1], argv[2], rows, rounds);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "bench_direct: %s\n", e.what());
    return 1;
  }
  return 0;
}
