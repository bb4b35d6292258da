// What rounds of changes do to a graph, through SQL: in each, a share of the rows is deleted, as
// many are updated and as many inserted, then `optimize` merges. After each round: CPU of optimize,
// recall@10 and CPU of a query, beside a database that has the same rows from the beginning, whose
// graph is built anew.
//
//   bench_churn KINDRED.so [rows=50000] [percent=20] [rounds=3]
//
// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <map>
#include <string>

#include "bench/questions.h"

namespace kindred::bench {
namespace {

const char* const kSql = "SELECT rowid FROM knn('items', ?1, 10)";

void create(Database& db) {
  db.execute("CREATE VIRTUAL TABLE items USING kindred(embedding float[384] distance_metric=l2)");
}

Cost optimize(Database& db) {
  return cost_of([&] { db.execute("INSERT INTO items(items) VALUES('optimize')"); });
}

// The rows as they are to be, and every change of them made in the database, too.
class Churn {
 public:
  Churn(Database& db, size_t rows) : db_(db), source_(kDim, 1), random_(7) {
    create(db);
    queries_ = source_.rows(kQueries);
    change([&] { insert(rows); });
  }

  void round(size_t count) {
    change([&] {
      erase(count);
      Statement update = db_.prepare("UPDATE items SET embedding = ?2 WHERE rowid = ?1");
      for (size_t i = 0; i < count; ++i) {
        const int64_t id = any();
        rows_[id] = source_.rows(1);
        update.bind(1, id).bind(2, rows_[id]).run();
      }
      insert(count);
    });
  }

  void fill(Database& db) const {
    create(db);
    db.execute("BEGIN");
    Statement insert = db.prepare("INSERT INTO items(rowid, embedding) VALUES(?1, ?2)");
    for (const auto& [id, vector] : rows_) insert.bind(1, id).bind(2, vector).run();
    db.execute("COMMIT");
  }

  void measure(Database& db, const std::string& name, const Cost& optimized) const {
    Statement usual = db.prepare(kSql);
    Statement exact = db.prepare("SELECT rowid FROM knn('items', ?1, 10, NULL, 1)");
    std::vector<Ids> found;
    std::vector<Ids> truth;
    for (size_t q = 0; q < kQueries; ++q) {
      found.push_back(usual.bind(1, query(q)).ids());
      truth.push_back(exact.bind(1, query(q)).ids());
    }
    std::vector<double> cpu;
    for (int i = 0; i < 5; ++i)
      cpu.push_back(cost_of([&] {
                      for (size_t q = 0; q < kQueries; ++q) usual.bind(1, query(q)).run();
                    }).cpu /
                    kQueries);
    std::printf("| %s | %zu | %.1f s | %.4f | %s |\n", name.c_str(), rows_.size(), optimized.cpu,
                recall(found, truth), time_text(median(cpu)).c_str());
    std::fflush(stdout);
  }

 private:
  static constexpr size_t kQueries = 500;

  std::span<const float> query(size_t q) const { return {queries_.data() + q * kDim, kDim}; }

  template <class Body>
  void change(Body&& body) {
    db_.execute("BEGIN");
    body();
    db_.execute("COMMIT");
  }

  void insert(size_t count) {
    Statement insert = db_.prepare("INSERT INTO items(rowid, embedding) VALUES(?1, ?2)");
    for (size_t i = 0; i < count; ++i) {
      const std::vector<float>& vector = rows_[++last_] = source_.rows(1);
      insert.bind(1, last_).bind(2, vector).run();
    }
  }

  void erase(size_t count) {
    Statement erase = db_.prepare("DELETE FROM items WHERE rowid = ?1");
    for (size_t i = 0; i < count; ++i) {
      const int64_t id = any();
      rows_.erase(id);
      erase.bind(1, id).run();
    }
  }

  int64_t any() {
    const auto from = rows_.lower_bound(static_cast<int64_t>(random_.bits() % (last_ + 1)));
    return from == rows_.end() ? rows_.begin()->first : from->first;
  }

  Database& db_;
  Clustered source_;
  Normal random_;
  int64_t last_ = 0;
  std::map<int64_t, std::vector<float>> rows_;
  std::vector<float> queries_;
};

void run(const std::string& kindred, size_t rows, size_t percent, size_t rounds) {
  const Scratch scratch;
  Database db = scratch.fresh("churned.db", kindred);
  Churn churn(db, rows);
  std::printf("| what | rows | optimize, CPU | recall@10 | query, CPU |\n|---|---|---|---|---|\n");
  churn.measure(db, "built", optimize(db));
  for (size_t round = 1; round <= rounds; ++round) {
    churn.round(rows * percent / 100);
    const Cost merged = optimize(db);
    churn.measure(db, "round " + std::to_string(round), merged);
    Database fresh = scratch.fresh("fresh.db", kindred);
    churn.fill(fresh);
    churn.measure(fresh, "the same rows, fresh", optimize(fresh));
    std::filesystem::remove_all(scratch.file("fresh.db-kindred"));
  }
}

}  // namespace
}  // namespace kindred::bench

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: bench_churn KINDRED.so [rows] [percent] [rounds]\n");
    return 1;
  }
  const auto number = [&](int i, size_t usual) {
    return argc > i ? std::strtoull(argv[i], nullptr, 10) : usual;
  };
  kindred::bench::run(argv[1], number(2, 50000), number(3, 20), number(4, 3));
  return 0;
}
