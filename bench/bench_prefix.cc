// Collections whose index covers the leading dimensions of their vectors, beside one that covers
// all: bytes, recall@10 against the nearest whole vectors, and CPU time of searches through SQL.
//
//   bench_prefix EXTENSION FOLDER TEXTS QUERIES[,QUERIES] DIMENSIONS...   by `default`, a line each
//   bench_prefix EXTENSION FOLDER ROWS DIM DIMENSIONS...                  vectors made here
//
// The latter are unit vectors around 1,000 centres; the j-th element has a variance of 1 / j, so
// that a third of 1,536 dimensions has 86 % of a vector's squared length. Searches are interleaved
// in rounds; figures are medians. Databases that FOLDER has from another run are used again.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <list>
#include <sstream>
#include <string>
#include <vector>

#include "bench/clustered.h"
#include "bench/sqlite_peer.h"

namespace kindred::bench {
namespace {

constexpr size_t kNearest = 10;
constexpr size_t kRounds = 3;
constexpr size_t kMadeQueries = 150;

using Vectors = std::vector<std::vector<float>>;

Vectors embedded(Database& db, const std::string& path) {
  Vectors vectors;
  sqlite3_stmt* stmt = nullptr;
  if (sqlite3_prepare_v2(db.handle(), "SELECT embed(?1)", -1, &stmt, nullptr) != SQLITE_OK)
    throw std::runtime_error("embed() is wanted");
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    sqlite3_bind_text(stmt, 1, line.data(), static_cast<int>(line.size()), SQLITE_STATIC);
    if (sqlite3_step(stmt) == SQLITE_ROW && sqlite3_column_type(stmt, 0) == SQLITE_BLOB) {
      const auto* v = static_cast<const float*>(sqlite3_column_blob(stmt, 0));
      vectors.emplace_back(v, v + sqlite3_column_bytes(stmt, 0) / sizeof(float));
    }
    sqlite3_reset(stmt);
  }
  sqlite3_finalize(stmt);
  return vectors;
}

class Made {
 public:
  explicit Made(size_t dim) : dim_(dim), centres_(1000) {
    for (std::vector<float>& centre : centres_) {
      centre.resize(dim);
      for (float& x : centre) x = random_.next();
    }
  }
  Vectors vectors(size_t count) {
    Vectors all(count);
    for (std::vector<float>& v : all) {
      v = centres_[random_.bits() % centres_.size()];
      float squares = 0;
      for (size_t j = 0; j < dim_; ++j) {
        v[j] = (v[j] + 0.9F * random_.next()) / std::sqrt(static_cast<float>(j + 1));
        squares += v[j] * v[j];
      }
      for (float& x : v) x /= std::sqrt(squares);
    }
    return all;
  }

 private:
  size_t dim_;
  Normal random_{1};
  Vectors centres_;
};

struct Collection {
  std::string name;
  std::string options;
  Database db;
  double build_cpu = 0;
  double code_bytes = 0;   // a row, in the segment file beside the vector itself
  double graph_bytes = 0;  // a row
};

struct Question {
  Collection& of;
  std::string name;
  std::string sql;
  std::vector<double> us = {};
  double recall = 0;
  double visited = 0;
};

uint64_t bytes_of(const std::string& folder, const std::string& extension) {
  uint64_t bytes = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (entry.path().extension() == extension) bytes += entry.file_size();
  return bytes;
}

void fill(Collection& collection, const Vectors& vectors) {
  Database& db = collection.db;
  const size_t dim = vectors[0].size();
  db.execute("CREATE VIRTUAL TABLE items USING kindred(v float[" + std::to_string(dim) + "]" +
             collection.options + "); BEGIN");
  Statement insert = db.prepare("INSERT INTO items(rowid, v) VALUES(?1, ?2)");
  for (size_t i = 0; i < vectors.size(); ++i)
    insert.bind(1, static_cast<int64_t>(i + 1)).bind(2, vectors[i]).run();
  db.execute("COMMIT");
  collection.build_cpu =
      cost_of([&] { db.execute("INSERT INTO items(items) VALUES('optimize')"); }).cpu;
}

void measure_files(Collection& collection, const Vectors& vectors, const std::string& path) {
  const std::string segments = path + "-kindred/segments";
  const auto rows = static_cast<double>(vectors.size());
  collection.graph_bytes = static_cast<double>(bytes_of(segments, ".graph")) / rows;
  collection.code_bytes = static_cast<double>(bytes_of(segments, ".kin")) / rows -
                          static_cast<double>(vectors[0].size() * sizeof(float));
}

void ask(std::vector<Question>& questions, const Vectors& queries) {
  std::vector<std::vector<int64_t>> truth;
  for (size_t round = 0; round <= kRounds; ++round)
    for (Question& question : questions) {
      Statement search = question.of.db.prepare(question.sql);
      std::vector<std::vector<int64_t>> answers;
      const Cost cost = cost_of([&] {
        for (const std::vector<float>& query : queries)
          answers.push_back(search.bind(1, query).ids());
      });
      if (truth.empty()) truth = answers;
      if (round > 0) question.us.push_back(cost.cpu * 1e6 / static_cast<double>(queries.size()));
      size_t found = 0;
      for (size_t q = 0; q < queries.size(); ++q)
        for (const int64_t id : answers[q])
          found += static_cast<size_t>(std::count(truth[q].begin(), truth[q].end(), id));
      question.recall = static_cast<double>(found) / static_cast<double>(queries.size() * kNearest);
    }
  for (Question& question : questions) {
    std::string visited = question.sql;
    visited.replace(visited.find("rowid"), 5, "max(visited)");
    Statement count = question.of.db.prepare(visited);
    std::vector<int64_t> all;
    for (const std::vector<float>& query : queries) all.push_back(count.bind(1, query).ids()[0]);
    std::sort(all.begin(), all.end());
    question.visited = static_cast<double>(all[all.size() / 2]);
  }
}

void print(std::vector<Question>& questions, size_t queries) {
  std::printf(
      "\n%zu queries\n\n| index covers | search | recall@10 | us CPU | distances |\n"
      "|---|---|---:|---:|---:|\n",
      queries);
  for (Question& q : questions) {
    std::sort(q.us.begin(), q.us.end());
    std::printf("| %s | %s | %.4f | %.0f (%.0f-%.0f) | %.0f |\n", q.of.name.c_str(), q.name.c_str(),
                q.recall, q.us[q.us.size() / 2], q.us.front(), q.us.back(), q.visited);
    q.us.clear();
  }
  std::fflush(stdout);
}

void run(const std::string& extension, const std::string& folder, const Vectors& vectors,
         const std::vector<Vectors>& queries, const std::vector<std::string>& dimensions) {
  std::list<Collection> collections;
  const auto make = [&](const std::string& name, const std::string& options) {
    const std::string path = folder + "/bench_prefix_" + name + ".db";
    const bool is_there = std::filesystem::exists(path);
    collections.push_back({name, options, Database(path, extension)});
    if (!is_there) fill(collections.back(), vectors);
    measure_files(collections.back(), vectors, path);
  };
  make("all", "");
  for (const std::string& d : dimensions) make(d, ", dimensions=" + d);
  make("l1", " distance_metric=l1");
  std::printf(
      "%zu x %zu\n\n| index covers | codes and numbers, bytes a row | graph, "
      "bytes a row | optimize, CPU s |\n|---|---:|---:|---:|\n",
      vectors.size(), vectors[0].size());
  std::vector<Question> questions;
  for (Collection& c : collections) {
    std::printf("| %s | %.0f | %.0f | %.1f |\n", c.name.c_str(), c.code_bytes, c.graph_bytes,
                c.build_cpu);
    questions.push_back({c, "exact", "SELECT rowid FROM knn('items', ?1, 10, NULL, 1)"});
    if (c.name == "l1") continue;
    questions.push_back({c, "graph", "SELECT rowid FROM knn('items', ?1, 10)"});
    for (const char* ef : {"200", "400", "800", "1600"})
      questions.push_back({c, std::string("ef ") + ef,
                           "SELECT rowid FROM knn('items', ?1, 10, " + std::string(ef) + ")"});
  }
  for (const Vectors& some : queries) {
    ask(questions, some);
    print(questions, some.size());
  }
}

}  // namespace
}  // namespace kindred::bench

int main(int argc, char** argv) {
  using namespace kindred::bench;
  if (argc < 6) {
    std::fprintf(stderr,
                 "bench_prefix EXTENSION FOLDER (TEXTS QUERIES | ROWS DIM) DIMENSIONS...\n");
    return 1;
  }
  const std::vector<std::string> dimensions(argv + 5, argv + argc);
  if (const size_t rows = std::strtoull(argv[3], nullptr, 10); rows > 0) {
    Made made(std::strtoull(argv[4], nullptr, 10));
    const Vectors vectors = made.vectors(rows);
    run(argv[1], argv[2], vectors, {made.vectors(kMadeQueries)}, dimensions);
    return 0;
  }
  Database db(":memory:", argv[1]);
  std::vector<Vectors> queries;
  std::istringstream files(argv[4]);
  for (std::string file; std::getline(files, file, ',');) queries.push_back(embedded(db, file));
  run(argv[1], argv[2], embedded(db, argv[3]), queries, dimensions);
}
