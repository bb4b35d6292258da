// kindred through SQL where a bench of peers would take hours or has nothing to compare:
//
//   large  many rows: loading, building, recall and CPU of a query by effort, a new process
//   raw    vectors of any length under L2 and the inner product, values up to 255 among them
//
//   bench_scale KINDRED.so large|raw [rows] [folder]
//
// Recall is against knn(..., exact), which the tests compare with brute force. A folder that is
// given keeps its database for another run.
//
// SPDX-License-Identifier: Apache-2.0
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "bench/questions.h"

namespace kindred::bench {
namespace {

constexpr size_t kAsked = 500;

std::span<const float> row(const std::vector<float>& rows, size_t i) {
  return {rows.data() + i * kDim, kDim};
}

void create(Database& db, const std::string& metric) {
  db.execute("CREATE VIRTUAL TABLE items USING kindred(id INTEGER PRIMARY KEY, v float[" +
             std::to_string(kDim) + "] distance_metric=" + metric + ")");
}

// Rows with ids from `first` on.
void insert(Database& db, const std::vector<float>& rows, size_t first) {
  Statement statement = db.prepare("INSERT INTO items(id, v) VALUES(?1, ?2)");
  db.execute("BEGIN");
  for (size_t i = 0; i < rows.size() / kDim; ++i)
    statement.bind(1, static_cast<int64_t>(first + i)).bind(2, row(rows, i)).run();
  db.execute("COMMIT");
}

std::string knn(const std::string& rest) {
  return "SELECT rowid FROM knn('items', ?1, 10" + rest + ")";
}

// The answers to all queries, and what one cost.
struct Answers {
  std::vector<Ids> ids;
  double cpu;
};

Answers ask(Database& db, const std::vector<float>& queries, const std::string& rest) {
  Statement statement = db.prepare(knn(rest));
  Answers answers{std::vector<Ids>(queries.size() / kDim), 0};
  const auto all = [&] {
    for (size_t q = 0; q < answers.ids.size(); ++q)
      answers.ids[q] = statement.bind(1, row(queries, q)).ids();
  };
  all();  // warm
  answers.cpu = cost_of(all).cpu / static_cast<double>(answers.ids.size());
  return answers;
}

void print_answers(Database& db, const std::vector<float>& queries) {
  const Answers exact = ask(db, queries, ", NULL, 1");
  std::printf("| effort | recall@10 | CPU of a query |\n|---|---:|---:|\n");
  for (const char* ef : {"NULL", "20", "40", "64", "100", "160"}) {
    const Answers found = ask(db, queries, std::string(", ") + ef);
    std::printf("| ef %s | %.4f | %s |\n", ef, recall(found.ids, exact.ids),
                time_text(found.cpu).c_str());
  }
  std::printf("| exact | | %s |\n", time_text(exact.cpu).c_str());
}

// Milliseconds on the wall of a sqlite3 process, the median of 21.
double shell(const std::vector<std::string>& arguments) {
  std::vector<double> times;
  for (int i = 0; i < 21; ++i)
    times.push_back(cost_of([&] {
                      const pid_t child = fork();
                      if (child == 0) {
                        std::vector<char*> argv;
                        for (const std::string& a : arguments)
                          argv.push_back(const_cast<char*>(a.c_str()));
                        argv.push_back(nullptr);
                        if (std::freopen("/dev/null", "w", stdout) != nullptr)
                          execvp(argv[0], argv.data());
                        _exit(127);
                      }
                      int status = 0;
                      waitpid(child, &status, 0);
                      if (status != 0) throw std::runtime_error("sqlite3 failed");
                    }).wall *
                    1e3);
  return median(times);
}

std::string hex(std::span<const float> v) {
  std::string text;
  for (const auto byte : std::as_bytes(v)) {
    char two[3];
    std::snprintf(two, sizeof two, "%02x", static_cast<unsigned>(byte));
    text += two;
  }
  return text;
}

void print_cold(const std::string& extension, const std::string& path,
                std::span<const float> query) {
  const std::string load = ".load " + extension;
  const std::string rows = "SELECT rowid FROM knn('items', x'" + hex(query) + "', 10)";
  const double bare = shell({"sqlite3", path, "SELECT count(*) FROM items_config"});
  const double loaded = shell({"sqlite3", path, "-cmd", load, "SELECT 1"});
  const double asked = shell({"sqlite3", path, "-cmd", load, rows});
  std::printf(
      "a new sqlite3 process: %.1f ms; that loads kindred %.1f; that asks one knn too %.1f: "
      "%.1f ms more than the first\n",
      bare, loaded, asked, asked - bare);
}

void large(const std::string& extension, size_t rows, const std::string& folder) {
  const std::string path = folder + "/large.db";
  const bool kept = std::filesystem::exists(path);
  Clustered clustered(kDim, 1);
  const std::vector<float> queries = clustered.rows(kAsked);
  {
    Database db(path, extension);
    if (!kept) {
      create(db, "cosine");
      const Cost load = cost_of([&] {
        constexpr size_t kBatch = 50000;
        for (size_t first = 0; first < rows; first += kBatch)
          insert(db, clustered.rows(std::min(kBatch, rows - first)), first + 1);
      });
      const Cost build =
          cost_of([&] { db.execute("INSERT INTO items(items) VALUES('optimize')"); });
      std::printf(
          "%zu rows: made and loaded in %.1f s of CPU, %.1f on the wall; optimize %.1f and "
          "%.1f s\n",
          rows, load.cpu, load.wall, build.cpu, build.wall);
    }
  }
  {
    std::optional<Database> opened;  // closing it is not counted
    const Cost first = cost_of([&] {
      opened.emplace(path, extension);
      Statement statement = opened->prepare(knn(""));
      statement.bind(1, row(queries, 0)).ids();
    });
    opened.reset();
    std::printf("open and first query in a process that has kindred loaded: %.2f ms of CPU\n",
                first.cpu * 1e3);
    print_cold(extension, path, row(queries, 1));
    Database db(path, extension);
    print_answers(db, queries);
  }
}

void raw(const std::string& extension, size_t count, const std::string& folder) {
  for (const char* metric : {"l2", "dot"}) {
    Clustered clustered(kDim, 1);
    Normal random(7);
    std::vector<float> queries = clustered.rows(kAsked);
    std::vector<float> rows = clustered.rows(count);
    make_pixels(queries, kDim, random);
    make_pixels(rows, kDim, random);
    const std::string path = folder + "/raw-" + metric + ".db";
    Database db(path, extension);
    create(db, metric);
    insert(db, rows, 1);
    const Cost build = cost_of([&] { db.execute("INSERT INTO items(items) VALUES('optimize')"); });
    std::printf("\n%zu rows of 0 to 255, %s: optimize %.1f s of CPU\n", count, metric, build.cpu);
    print_answers(db, queries);
  }
}

}  // namespace
}  // namespace kindred::bench

int main(int argc, char** argv) {
  using namespace kindred::bench;
  try {
    if (argc < 3) throw std::runtime_error("usage: bench_scale KINDRED.so PART [rows] [folder]");
    std::setvbuf(stdout, nullptr, _IOLBF, BUFSIZ);
    const Scratch scratch;
    const std::string extension = std::filesystem::absolute(argv[1]).string();
    const std::string part = argv[2], folder = argc > 4 ? argv[4] : scratch.file("");
    const size_t rows = argc > 3 ? std::stoul(argv[3]) : 100000;
    std::filesystem::create_directories(folder);
    if (part != "large" && part != "raw")
      throw std::runtime_error("large or raw is wanted, got " + part);
    part == "large" ? large(extension, rows, folder) : raw(extension, rows, folder);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "bench_scale: %s\n", e.what());
    return 1;
  }
  return 0;
}
