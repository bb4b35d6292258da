// knn under filters of every share of the rows, spread at random, nearest to the query, farthest
// from it, or in a ring at middle distance: CPU of a query through SQL and its recall@10, beside
// the two things that can be done, each by itself and with what it cannot know in advance:
//
//   list      SQLite lists the ids that pass, then these rows alone are compared, exactly
//   traverse  knn() without the filter for as many rows as it takes until ten of them pass, which
//             are asked of SQLite one by one
//
// The ratio is to the better of the two.
//
//   bench_filters KINDRED.so DATABASE [rows=100000] [rounds=5] [only=far,...]
//
// DATABASE is made if it is not there, and used again if it is. A filter is `rank_q BETWEEN a AND
// b`: each query has an indexed column with the places of the rows by their distance from it.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <numeric>
#include <string>
#include <vector>

#include "bench/clustered.h"
#include "bench/sqlite_peer.h"
#include "storage/log/tail.h"
#include "storage/nearest/nearest.h"

namespace kindred::bench {
namespace {

constexpr size_t kDim = 384;
constexpr size_t kQueries = 32;
constexpr size_t kK = 10;
constexpr double kShares[] = {0.001, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 0.9};
// Traversals for more rows than that are not measured: a list is better by far.
constexpr size_t kMostTraversed = 30000;
// A measurement repeats its query until so much CPU time has passed.
constexpr double kTurn = 0.05;

enum class Shape { kRandom, kNear, kRing, kFar };
constexpr struct {
  Shape shape;
  const char* name;
} kShapes[] = {{Shape::kRandom, "random"},
               {Shape::kNear, "near"},
               {Shape::kRing, "ring"},
               {Shape::kFar, "far"}};

struct Settings {
  std::string extension;
  std::string database;
  size_t rows = 100000;
  size_t rounds = 5;
  std::string only = {};
  bool wants(const std::string& shape) const {
    return only.empty() || ("," + only + ",").find("," + shape + ",") != std::string::npos;
  }
};

// The vectors again, as a search of this program's own reads them, and the truth.
struct Data {
  explicit Data(size_t n)
      : rows(n), tail({math::Element::kFloat32, math::Metric::kCosine, kDim}, "bench") {
    Clustered source(kDim, 1);
    vectors = source.rows(n);
    queries = source.rows(kQueries);
    for (size_t i = 0; i < n; ++i) {
      const auto bytes = std::as_bytes(row(i));
      tail.append({static_cast<int64_t>(i + 1),
                   1,
                   static_cast<int64_t>(i + 1),
                   static_cast<int64_t>(storage::Op::kPut),
                   {reinterpret_cast<const char*>(bytes.data()), bytes.size()}});
    }
    for (size_t q = 0; q < kQueries; ++q) order.push_back(order_by_distance(q));
    order.push_back(shuffled());
    for (const std::vector<uint32_t>& o : order) {
      std::vector<uint32_t>& place = places.emplace_back(n);
      for (size_t i = 0; i < n; ++i) place[o[i]] = static_cast<uint32_t>(i);
    }
  }
  std::span<const float> row(size_t i) const { return {vectors.data() + i * kDim, kDim}; }
  std::span<const float> query(size_t q) const { return {queries.data() + q * kDim, kDim}; }

  // All are unit vectors.
  double similarity(size_t q, int64_t id) const {
    const std::span<const float> r = row(static_cast<size_t>(id - 1));
    return std::inner_product(r.begin(), r.end(), query(q).begin(), 0.0);
  }

  std::vector<uint32_t> order_by_distance(size_t q) const {
    std::vector<double> dots(rows);
    for (size_t i = 0; i < rows; ++i) dots[i] = similarity(q, static_cast<int64_t>(i + 1));
    std::vector<uint32_t> nearest(rows);
    std::iota(nearest.begin(), nearest.end(), 0U);
    std::sort(nearest.begin(), nearest.end(),
              [&](uint32_t a, uint32_t b) { return dots[a] > dots[b]; });
    return nearest;
  }
  std::vector<uint32_t> shuffled() const {
    std::vector<uint32_t> all(rows);
    std::iota(all.begin(), all.end(), 0U);
    Normal random(3);
    for (size_t i = rows; i > 1; --i) std::swap(all[i - 1], all[random.bits() % i]);
    return all;
  }

  size_t rows;
  std::vector<float> vectors;
  std::vector<float> queries;
  storage::Tail tail;
  std::vector<std::vector<uint32_t>> order;   // rows by distance from each query; at random
  std::vector<std::vector<uint32_t>> places;  // of each row in these orders
};

void load(Database& db, const Data& data) {
  std::string columns;
  std::string parameters = "?1, ?2";
  for (size_t q = 0; q <= kQueries; ++q) {
    columns += ", rank_" + std::to_string(q) + " INTEGER";
    parameters += ", ?" + std::to_string(q + 3);
  }
  db.execute(
      "CREATE VIRTUAL TABLE items USING kindred(id INTEGER PRIMARY KEY, embedding float[384] "
      "distance_metric=cosine" +
      columns + "); BEGIN");
  Statement insert = db.prepare("INSERT INTO items VALUES(" + parameters + ")");
  for (size_t i = 0; i < data.rows; ++i) {
    insert.bind(1, static_cast<int64_t>(i + 1)).bind(2, data.row(i));
    for (size_t q = 0; q <= kQueries; ++q)
      insert.bind(static_cast<int>(q + 3), int64_t{data.places[q][i]});
    insert.run();
  }
  db.execute("COMMIT; INSERT INTO items(items) VALUES('optimize')");
}

// One query under one filter.
struct Cell {
  size_t query = 0;
  size_t column = 0;  // of the filter
  int64_t first = 0;
  int64_t last = 0;
  std::vector<int64_t> truth;  // ids, nearest first
  size_t needed = 0;           // nearest rows of all among which ten pass
};

Cell cell_of(const Data& data, Shape shape, double share, size_t q) {
  const auto passing = static_cast<int64_t>(share * static_cast<double>(data.rows));
  const auto rows = static_cast<int64_t>(data.rows);
  Cell cell;
  cell.query = q;
  cell.column = shape == Shape::kRandom ? kQueries : q;
  cell.first = shape == Shape::kFar    ? rows - passing
               : shape == Shape::kRing ? (rows - passing) / 2
                                       : 0;
  cell.last = cell.first + passing - 1;
  for (const uint32_t row : data.order[q]) {
    ++cell.needed;
    const int64_t place = data.places[cell.column][row];
    if (place >= cell.first && place <= cell.last) cell.truth.push_back(row + 1);
    if (cell.truth.size() == kK) break;
  }
  return cell;
}

// Everything that is asked, prepared.
class Asker {
 public:
  Asker(Database& db, const Data& data)
      : data_(data),
        layer_(data.tail.slice()),
        nearest_(db.prepare("SELECT rowid FROM knn('items', ?1, ?2)")) {
    // Stored columns are named after their position: id and embedding come before.
    for (size_t q = 0; q <= kQueries; ++q) {
      const std::string column = "c" + std::to_string(q + 2);
      ask_.push_back(
          db.prepare("SELECT rowid FROM items WHERE embedding MATCH ?1 AND k = 10 AND rank_" +
                     std::to_string(q) + " BETWEEN ?2 AND ?3"));
      list_.push_back(
          db.prepare("SELECT id FROM items_rows WHERE " + column + " BETWEEN ?2 AND ?3"));
      probe_.push_back(db.prepare("SELECT 1 FROM items_rows WHERE id = ?1 AND " + column +
                                  " BETWEEN ?2 AND ?3"));
    }
  }

  std::vector<int64_t> by_sql(const Cell& cell) {
    Statement& ask = ask_[cell.column];
    return ask.bind(1, data_.query(cell.query)).bind(2, cell.first).bind(3, cell.last).ids();
  }

  std::vector<int64_t> list(const Cell& cell) {
    return list_[cell.column].bind(2, cell.first).bind(3, cell.last).ids();
  }

  std::vector<int64_t> by_list(const Cell& cell) {
    std::vector<uint32_t> rows;
    for (const int64_t id : list(cell)) rows.push_back(static_cast<uint32_t>(id - 1));
    std::sort(rows.begin(), rows.end());
    std::vector<storage::RowLayer> layers{layer_};
    layers[0].only = std::move(rows);
    storage::NearestStream stream({math::Element::kFloat32, math::Metric::kCosine, kDim},
                                  data_.query(cell.query).data(), std::move(layers),
                                  {.expected = kK, .exact = true});
    std::vector<int64_t> ids;
    while (ids.size() < kK) ids.push_back(stream.next()->id);
    return ids;
  }

  std::vector<int64_t> by_traversal(const Cell& cell) {
    std::vector<int64_t> ids;
    nearest_.bind(1, data_.query(cell.query)).bind(2, static_cast<int64_t>(cell.needed));
    probe_[cell.column].bind(2, cell.first).bind(3, cell.last);
    while (ids.size() < kK && nearest_.step()) {
      const int64_t id = nearest_.integer();
      const bool passes = probe_[cell.column].bind(1, id).step();
      probe_[cell.column].reset();
      if (passes) ids.push_back(id);
    }
    nearest_.reset();
    return ids;
  }

 private:
  const Data& data_;
  storage::RowLayer layer_;
  Statement nearest_;
  std::vector<Statement> ask_;
  std::vector<Statement> list_;
  std::vector<Statement> probe_;
};

// Rows as near as the tenth, but for rounding, are as good.
double recall(const Data& data, const std::vector<int64_t>& ids, const Cell& cell) {
  const double tenth = data.similarity(cell.query, cell.truth.back()) - 1e-6;
  const auto found = std::count_if(ids.begin(), ids.end(), [&](int64_t id) {
    const int64_t place = data.places[cell.column][static_cast<size_t>(id - 1)];
    return place >= cell.first && place <= cell.last && data.similarity(cell.query, id) >= tenth;
  });
  return static_cast<double>(found) / static_cast<double>(kK);
}

// Seconds of one call, of as many as make a turn.
double time_of(const std::function<void()>& call) {
  size_t calls = 1;
  for (;; calls *= 4) {
    const double cpu = cost_of([&] {
                         for (size_t i = 0; i < calls; ++i) call();
                       }).cpu;
    if (cpu >= kTurn / 2) return cpu / static_cast<double>(calls);
  }
}

// Mean over the queries of the fastest of the rounds, in us: other programs only add to it.
struct Times {
  double sql = 0;
  double list = 0;
  double filter = 0;  // of `list`: listing
  double traverse = 0;
};

Times measure(Asker& asker, const std::vector<Cell>& cells, size_t rounds) {
  Times mean;
  for (const Cell& cell : cells) {
    std::vector<double> times[4];
    for (size_t r = 0; r < rounds; ++r) {
      times[0].push_back(time_of([&] { asker.by_sql(cell); }));
      times[1].push_back(time_of([&] { asker.by_list(cell); }));
      times[2].push_back(time_of([&] { asker.list(cell); }));
      if (cell.needed <= kMostTraversed)
        times[3].push_back(time_of([&] { asker.by_traversal(cell); }));
      else
        times[3].push_back(INFINITY);
    }
    double* const sums[] = {&mean.sql, &mean.list, &mean.filter, &mean.traverse};
    for (size_t i = 0; i < 4; ++i) {
      const double fastest = *std::min_element(times[i].begin(), times[i].end());
      *sums[i] += fastest * 1e6 / static_cast<double>(cells.size());
    }
  }
  return mean;
}

// The ratio.
double print_cell(Asker& asker, const Data& data, Shape shape, const char* name, double share,
                  size_t rounds) {
  std::vector<Cell> cells;
  double found = 0;
  double traversed = 0;
  size_t needed = 0;
  size_t fewest = kK;
  for (size_t q = 0; q < kQueries; ++q) {
    cells.push_back(cell_of(data, shape, share, q));
    const std::vector<int64_t> ids = asker.by_sql(cells.back());
    fewest = std::min(fewest, ids.size());
    found += recall(data, ids, cells.back()) / kQueries;
    if (recall(data, asker.by_list(cells.back()), cells.back()) < 1)
      throw std::runtime_error("the list gives other rows than those that pass");
    if (cells.back().needed <= kMostTraversed)
      traversed += recall(data, asker.by_traversal(cells.back()), cells.back()) / kQueries;
    needed += cells.back().needed;
  }
  const Times times = measure(asker, cells, rounds);
  const double ratio = times.sql / std::min(times.list, times.traverse);
  std::printf("| %s | %.1f %% | %.0f us | %.3f | %.0f us (%.0f) | ", name, share * 100, times.sql,
              found, times.list, times.filter);
  if (std::isfinite(times.traverse))
    std::printf("%.0f us of %zu rows, %.3f", times.traverse, needed / kQueries, traversed);
  else
    std::printf("of %zu rows", needed / kQueries);
  std::printf(" | %.2f |%s\n", ratio, fewest < kK ? " TOO FEW ROWS" : "");
  std::fflush(stdout);
  return ratio;
}

void run(const Settings& settings) {
  const Data data(settings.rows);
  const bool kept = std::filesystem::exists(settings.database);
  Database db(settings.database, settings.extension);
  if (!kept) load(db, data);
  Asker asker(db, data);
  std::printf(
      "%zu x %zu, %zu queries, k = 10.\n\n| rows that pass | share | through SQL | recall | list "
      "(of it "
      "listing) | traverse | ratio |\n|---|---:|---:|---:|---:|---:|---:|\n",
      data.rows, kDim, kQueries);
  double worst = 0;
  for (const auto& [shape, name] : kShapes)
    for (const double share : kShares)
      if (settings.wants(name))
        worst = std::max(worst, print_cell(asker, data, shape, name, share, settings.rounds));
  std::printf("\nWorst ratio: %.2f (wanted: 2).\n", worst);
}

Settings parse(int argc, char** argv) {
  if (argc < 3)
    throw std::runtime_error("usage: bench_filters KINDRED.so DATABASE [name=value ...]");
  Settings settings{argv[1], argv[2]};
  for (int i = 3; i < argc; ++i) {
    const std::string argument = argv[i];
    const size_t equals = std::min(argument.find('='), argument.size() - 1);
    const std::string name = argument.substr(0, equals);
    const std::string value = argument.substr(equals + 1);
    if (name == "rows")
      settings.rows = std::stoul(value);
    else if (name == "rounds")
      settings.rounds = std::stoul(value);
    else if (name == "only")
      settings.only = value;
    else
      throw std::runtime_error("unknown argument: " + argument);
  }
  return settings;
}

}  // namespace
}  // namespace kindred::bench

int main(int argc, char** argv) {
  try {
    kindred::bench::run(kindred::bench::parse(argc, argv));
  } catch (const std::exception& e) {
    std::fprintf(stderr, "bench_filters: %s\n", e.what());
    return 1;
  }
  return 0;
}
