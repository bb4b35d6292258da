// What all questions to extensions share: data of a fixed seed with their exact neighbours,
// variants that take turns, recall and CPU time side by side.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ctime>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <numeric>
#include <optional>
#include <ranges>
#include <thread>

#include "bench/clustered.h"
#include "bench/sqlite_peer.h"

namespace kindred::bench {

inline constexpr size_t kDim = 384;
inline constexpr size_t kQueries = 200;
inline constexpr size_t kK = 10;

using Ids = std::vector<int64_t>;

struct Settings {
  std::string kindred;
  std::string vec0;
  std::string vectorlite;
  std::string vector;
  size_t rows = 100000;
  size_t rounds = 5;
  std::string only;
  bool wants(const std::string& part) const {
    return only.empty() || ("," + only + ",").find("," + part + ",") != std::string::npos;
  }
};

// ---- data and truth

// A row's metadata: `share` of the rows, spread at random, have 7 in the column.
struct Filter {
  const char* column;
  const char* label;
  double share;
};
inline constexpr Filter kFilters[] = {{"tenth_percent", "0.1 %", 0.001},
                                      {"one_percent", "1 %", 0.01},
                                      {"ten_percent", "10 %", 0.1},
                                      {"half", "50 %", 0.5},
                                      {"ninety_percent", "90 %", 0.9}};

struct Data {
  explicit Data(size_t n) : rows(n) {
    Clustered source(kDim, 1);
    vectors = source.rows(n);
    queries = source.rows(kQueries);
    fresh = source.rows(std::min<size_t>(n, 20000));
    Normal random(2);
    for (size_t f = 0; f < std::size(kFilters); ++f) {
      std::vector<int64_t>& values = metadata.emplace_back(n);
      for (int64_t& value : values) value = random.uniform() <= kFilters[f].share ? 7 : 3;
    }
    for (size_t q = 0; q < kQueries; ++q) {
      std::vector<double>& distances = exact.emplace_back(n);
      for (size_t i = 0; i < n; ++i) distances[i] = cosine_distance(query(q), row(i));
    }
  }
  std::span<const float> row(size_t i) const { return {vectors.data() + i * kDim, kDim}; }
  std::span<const float> query(size_t q) const { return {queries.data() + q * kDim, kDim}; }
  std::span<const float> other(size_t i) const {
    return {fresh.data() + i * kDim % fresh.size(), kDim};
  }

  static double cosine_distance(std::span<const float> a, std::span<const float> b) {
    double dot[8] = {}, aa[8] = {}, bb[8] = {};
    for (size_t d = 0; d < kDim; d += 8)
      for (size_t j = 0; j < 8; ++j) {
        const double x = a[d + j], y = b[d + j];
        dot[j] += x * y;
        aa[j] += x * x;
        bb[j] += y * y;
      }
    const auto sum = [](const double* v) { return std::accumulate(v, v + 8, 0.0); };
    return 1.0 - sum(dot) / std::sqrt(sum(aa) * sum(bb));
  }

  // Ids (from 1) of the k nearest rows that `passes` lets through.
  Ids nearest(size_t q, const std::function<bool(size_t)>& passes) const {
    Ids ids;
    for (size_t i = 0; i < rows; ++i)
      if (passes(i)) ids.push_back(static_cast<int64_t>(i + 1));
    const size_t k = std::min(kK, ids.size());
    const auto nearer = [&](int64_t a, int64_t b) {
      return exact[q][static_cast<size_t>(a - 1)] < exact[q][static_cast<size_t>(b - 1)];
    };
    std::partial_sort(ids.begin(), ids.begin() + static_cast<ptrdiff_t>(k), ids.end(), nearer);
    ids.resize(k);
    return ids;
  }

  size_t rows;
  std::vector<float> vectors;
  std::vector<float> queries;
  std::vector<float> fresh;
  std::vector<std::vector<int64_t>> metadata;  // a filter, a row
  std::vector<std::vector<double>> exact;      // a query, a row
};

// All rows in one transaction; ?1 of the INSERT is the id, ?2 the vector.
inline void fill(Database& db, const Data& data, const std::string& insert_sql) {
  Statement insert = db.prepare(insert_sql);
  db.execute("BEGIN");
  for (size_t i = 0; i < data.rows; ++i)
    insert.bind(1, static_cast<int64_t>(i + 1)).bind(2, data.row(i)).run();
  db.execute("COMMIT");
}

// ---- measuring

inline double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values.empty() ? 0 : values[values.size() / 2];
}

struct Variant {
  std::string name;
  std::function<size_t()> run;  // one round; returns the operations it did
  std::vector<double> cpu{};    // seconds an operation, a round
  std::vector<double> wall{};
};

// Waits for threads that a variant has left at work, such as one that builds a graph: they are not
// to be the next one's cost.
inline void wait_until_idle() {
  for (double busy = 1; busy > 0.005;) {
    timespec before, after;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
    busy = static_cast<double>(after.tv_sec - before.tv_sec) +
           1e-9 * static_cast<double>(after.tv_nsec - before.tv_nsec);
  }
}

// The variants in turn, round after round.
template <class Variants>
void take_turns(Variants&& variants, size_t rounds) {
  for (size_t r = 0; r < rounds; ++r)
    for (Variant& variant : variants) {
      wait_until_idle();
      size_t operations = 0;
      const Cost cost = cost_of([&] { operations = variant.run(); });
      variant.cpu.push_back(cost.cpu / static_cast<double>(operations));
      variant.wall.push_back(cost.wall / static_cast<double>(operations));
    }
}

inline std::string time_text(double seconds) {
  char text[32];
  if (seconds < 1e-3)
    std::snprintf(text, sizeof text, "%.1f us", seconds * 1e6);
  else
    std::snprintf(text, sizeof text, "%.2f ms", seconds * 1e3);
  return text;
}

inline void print_head(const std::string& title) {
  std::printf(
      "\n### %s\n\n| what | CPU an operation | wall | a second of CPU | CPU of the last row "
      "/ this | recall@10 | target |\n|---|---|---|---|---|---|---|\n",
      title.c_str());
}

// `target`: how many times faster than the last variant, the peer, all others are meant to be.
inline void print(const std::vector<Variant>& variants, const std::vector<double>& recalls,
                  double target) {
  const double peer = median(variants.back().cpu);
  for (size_t v = 0; v < variants.size(); ++v) {
    const double cpu = median(variants[v].cpu);
    char recall[16] = "";
    if (v < recalls.size()) std::snprintf(recall, sizeof recall, "%.4f", recalls[v]);
    char mark[32] = "";
    if (v + 1 < variants.size() && target > 0)
      std::snprintf(mark, sizeof mark, "%gx: %s", target, peer / cpu >= target ? "OK" : "SHORT");
    std::printf("| %s | %s | %s | %.0f | %.2fx | %s | %s |\n", variants[v].name.c_str(),
                time_text(cpu).c_str(), time_text(median(variants[v].wall)).c_str(), 1 / cpu,
                peer / cpu, recall, mark);
  }
  std::fflush(stdout);
}

inline double recall(const std::vector<Ids>& answers, const std::vector<Ids>& truth) {
  size_t found = 0;
  size_t wanted = 0;
  for (size_t q = 0; q < answers.size(); ++q) {
    wanted += truth[q].size();
    for (const int64_t id : truth[q])
      found += std::find(answers[q].begin(), answers[q].end(), id) != answers[q].end() ? 1 : 0;
  }
  return static_cast<double>(found) / static_cast<double>(wanted);
}

// ---- the questions

struct Question {
  std::string name;
  Database* db;
  std::string sql;  // ?1 is the query's vector
};

// Queries in a turn: ten or as many as take 50 ms, so that what is measured is not how a processor
// wakes up and fills its caches.
inline size_t batch_of(double seconds_a_query) {
  constexpr double kTurn = 0.05;
  return std::clamp<size_t>(static_cast<size_t>(kTurn / seconds_a_query), 10, 10000);
}

struct Answered {
  double recall;
  double cpu;  // seconds a query
};

// Asks every variant every query once for its recall, then measures them in turns.
inline std::vector<Answered> ask(const Data& data, const Settings& settings,
                                 const std::vector<Question>& questions,
                                 const std::function<bool(size_t)>& passes, double target) {
  std::vector<Ids> truth;
  for (size_t q = 0; q < kQueries; ++q) truth.push_back(data.nearest(q, passes));
  std::vector<Statement> statements;
  std::vector<Variant> variants;
  std::vector<double> recalls;
  for (const Question& question : questions)
    statements.push_back(question.db->prepare(question.sql));
  for (size_t v = 0; v < questions.size(); ++v) {
    std::vector<Ids> answers;
    const Cost cost = cost_of([&] {
      for (size_t q = 0; q < kQueries; ++q)
        answers.push_back(statements[v].bind(1, data.query(q)).ids());
    });
    recalls.push_back(recall(answers, truth));
    const size_t batch = batch_of(cost.cpu / kQueries);
    variants.push_back({questions[v].name, [&, v, batch, next = size_t{0}]() mutable {
                          for (size_t i = 0; i < batch; ++i)
                            statements[v].bind(1, data.query(next++ % kQueries)).run();
                          return batch;
                        }});
  }
  // Of efforts the greatest first, so that it pays for rows that have not been read for a while.
  take_turns(std::views::reverse(variants), settings.rounds);
  print(variants, recalls, target);
  std::vector<Answered> answered;
  for (size_t v = 0; v < variants.size(); ++v)
    answered.push_back({recalls[v], median(variants[v].cpu)});
  return answered;
}

// What a recall costs, between the two efforts that are next to it; `by_effort` ascends. nullopt
// where none reaches it, or the least is beyond.
inline std::optional<double> cost_of_recall(std::span<const Answered> by_effort, double recall) {
  for (size_t i = 1; i < by_effort.size(); ++i) {
    const Answered& less = by_effort[i - 1];
    const Answered& more = by_effort[i];
    if (less.recall > recall || more.recall < recall || more.recall == less.recall) continue;
    const double share = (recall - less.recall) / (more.recall - less.recall);
    return less.cpu + share * (more.cpu - less.cpu);
  }
  return std::nullopt;
}

// The same at most: the cost of the least effort where that finds more. Of ours alone: it would
// make others slower than they are.
inline std::optional<double> most_cost_of_recall(std::span<const Answered> by_effort,
                                                 double recall) {
  if (!by_effort.empty() && by_effort.front().recall > recall) return by_effort.front().cpu;
  return cost_of_recall(by_effort, recall);
}

// A directory that goes with its object.
class Scratch {
 public:
  Scratch() {
    const char* root = std::getenv("TMPDIR");
    const std::string chosen_by_mkdtemp(6, 'X');
    std::string pattern =
        std::string(root != nullptr ? root : "/tmp") + "/kindred-bench-" + chosen_by_mkdtemp;
    if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no directory: " + pattern);
    path_ = pattern;
  }
  ~Scratch() {
    std::error_code ignored;  // nobody to tell
    std::filesystem::remove_all(path_, ignored);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  std::string file(const std::string& name) const { return path_ + "/" + name; }
  Database fresh(const std::string& name, const std::string& extension) const {
    for (const char* suffix : {"", "-wal", "-shm"}) std::filesystem::remove(file(name) + suffix);
    return Database(file(name), extension);
  }

 private:
  std::string path_;
};

}  // namespace kindred::bench
