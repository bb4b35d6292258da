// kindred against sqlite-vec's vec0 (and vectorlite's approximate index) through SQL: the same
// data, pragmas, batch sizes and questions, prepared statements, one thread. Each figure is the
// median of rounds in which the variants take turns; ratios are of CPU time. Recall is against
// exact neighbours computed here in double precision.
//
//   bench_sql KINDRED.so VEC0.so [vectorlite=VECTORLITE.so] [vector=VECTOR.so] [rows=100000]
//             [rounds=5] [only=knn,...]
//
// Parts: knn, quantized, cold, filter, write, commit, bulk. Files go to a directory of their own
// under TMPDIR.
//
// SPDX-License-Identifier: Apache-2.0
#include <sqlite3.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstring>
#include <fstream>

#include "bench/bench_quantized.h"
#include "bench/questions.h"

namespace kindred::bench {
namespace {

// ---- the tables

std::string metadata_columns() {
  std::string columns;
  for (const Filter& filter : kFilters) columns += std::string(", ") + filter.column + " INTEGER";
  return columns;
}

enum class Columns { kVectorOnly, kMetadata };

void create(Database& db, const std::string& module, Columns columns) {
  db.execute("CREATE VIRTUAL TABLE items USING " + module +
             "(id INTEGER PRIMARY KEY, embedding float[384] distance_metric=cosine" +
             (columns == Columns::kMetadata ? metadata_columns() : "") + ")");
}

void fill(Database& db, const Data& data, Columns columns) {
  std::string places = "?1, ?2";
  if (columns == Columns::kMetadata)
    for (size_t f = 0; f < std::size(kFilters); ++f) places += ", ?" + std::to_string(f + 3);
  Statement insert = db.prepare("INSERT INTO items VALUES(" + places + ")");
  db.execute("BEGIN");
  for (size_t i = 0; i < data.rows; ++i) {
    insert.bind(1, static_cast<int64_t>(i + 1)).bind(2, data.row(i));
    if (columns == Columns::kMetadata)
      for (size_t f = 0; f < std::size(kFilters); ++f)
        insert.bind(static_cast<int>(f + 3), data.metadata[f][i]);
    insert.run();
  }
  db.execute("COMMIT");
}

// An ordinary table beside the collection, for joins and subqueries.
void create_facts(Database& db, const Data& data) {
  db.execute(
      "CREATE TABLE facts(id INTEGER PRIMARY KEY, one_percent INTEGER);"
      "CREATE INDEX facts_one_percent ON facts(one_percent); BEGIN");
  Statement insert = db.prepare("INSERT INTO facts VALUES(?1, ?2)");
  for (size_t i = 0; i < data.rows; ++i)
    insert.bind(1, static_cast<int64_t>(i + 1)).bind(2, data.metadata[1][i]).run();
  db.execute("COMMIT");
}

// ---- the parts

const char* const kKnnSql = "SELECT rowid, distance FROM knn('items', ?1, 10)";
const char* const kExactSql = "SELECT rowid, distance FROM knn('items', ?1, 10, NULL, 1)";
const char* const kVec0Sql = "SELECT id, distance FROM items WHERE embedding MATCH ?1 AND k = 10";

void print_build(Database& kindred, const Data& data) {
  const Cost cost =
      cost_of([&] { kindred.execute("INSERT INTO items(items) VALUES('optimize')"); });
  std::printf("\nGraph: optimize took %.1f s CPU, %.1f s wall, %.0f rows/s of CPU.\n", cost.cpu,
              cost.wall, static_cast<double>(data.rows) / cost.cpu);
}

void bench_knn(const Data& data, const Settings& settings, Database& kindred, Database& vec0) {
  print_head("knn, k = 10, warm");
  ask(
      data, settings,
      {{"kindred knn(), exact", &kindred, kExactSql},
       {"kindred MATCH, exact", &kindred, kVec0Sql + std::string(" AND exact = 1")},
       {"kindred knn(), graph", &kindred, kKnnSql},
       {"kindred MATCH ... LIMIT 10, graph", &kindred,
        "SELECT id FROM items WHERE embedding MATCH ?1 ORDER BY distance LIMIT 10"},
       {"vec0", &vec0, kVec0Sql}},
      [](size_t) { return true; }, 20);
}

void bench_vectorlite(const Data& data, const Settings& settings, const Scratch& scratch,
                      Database& kindred) {
  if (settings.vectorlite.empty()) return;
  Database db = scratch.fresh("vectorlite.db", settings.vectorlite);
  db.execute(
      "CREATE VIRTUAL TABLE items USING vectorlite(embedding float32[384] cosine, "
      "hnsw(max_elements=" +
      std::to_string(data.rows) + "))");
  Statement insert = db.prepare("INSERT INTO items(rowid, embedding) VALUES(?1, ?2)");
  const Cost build = cost_of([&] {
    for (size_t i = 0; i < data.rows; ++i)
      insert.bind(1, static_cast<int64_t>(i + 1)).bind(2, data.row(i)).run();
  });
  print_head("knn, k = 10, against an approximate index: vectorlite, built at " +
             std::to_string(static_cast<int>(static_cast<double>(data.rows) / build.cpu)) +
             " rows/s of CPU");
  constexpr const char* kEfs[] = {"16", "24", "32", "40", "50", "64", "80", "100", "128", "160"};
  std::vector<Question> questions;
  for (const char* ef : kEfs)
    questions.push_back(
        {std::string("kindred, ef = ") + ef, &kindred,
         std::string("SELECT rowid, distance FROM knn('items', ?1, 10, ") + ef + ")"});
  for (const char* ef : kEfs)
    questions.push_back(
        {std::string("vectorlite, ef = ") + ef, &db,
         std::string("SELECT rowid FROM items WHERE knn_search(embedding, knn_param(?1, 10, ") +
             ef + "))"});
  const std::vector<Answered> all = ask(
      data, settings, questions, [](size_t) { return true; }, 0);
  const std::span<const Answered> ours(all.data(), std::size(kEfs));
  const std::span<const Answered> theirs(all.data() + std::size(kEfs), std::size(kEfs));
  std::printf(
      "\nAt equal recall, between the efforts next to it:\n\n"
      "| recall@10 | kindred | vectorlite | ratio | target |\n|---|---|---|---|---|\n");
  for (const auto& [recall, target] : {std::pair(0.976, 2.5), std::pair(0.99, 3.0)}) {
    const auto our_cost = most_cost_of_recall(ours, recall);
    const auto their_cost = cost_of_recall(theirs, recall);
    if (!our_cost || !their_cost) continue;
    const double ratio = *their_cost / *our_cost;
    std::printf("| %.3f | %s | %s | %.2fx | %gx: %s |\n", recall, time_text(*our_cost).c_str(),
                time_text(*their_cost).c_str(), ratio, target, ratio >= target ? "OK" : "SHORT");
  }
}

void bench_filter(const Data& data, const Settings& settings, Database& kindred, Database& vec0) {
  print_head("knn, k = 10, with conditions (metadata columns; IN and JOIN on an ordinary table)");
  for (size_t f = 0; f < std::size(kFilters); ++f) {
    const std::string where = std::string(" AND ") + kFilters[f].column + " = 7";
    ask(
        data, settings,
        {{std::string("kindred MATCH, ") + kFilters[f].label, &kindred, kVec0Sql + where},
         {std::string("vec0, ") + kFilters[f].label, &vec0, kVec0Sql + where}},
        [&](size_t i) { return data.metadata[f][i] == 7; }, 1);
  }
  const std::string list = "(SELECT id FROM facts WHERE one_percent = 7)";
  const auto one_percent = [&](size_t i) { return data.metadata[1][i] == 7; };
  ask(data, settings,
      {{"kindred knn(), rowid IN (subquery), 1 %", &kindred,
        std::string(kKnnSql) + " WHERE rowid IN " + list},
       {"kindred streaming JOIN ... WHERE ... LIMIT 10, 1 %", &kindred,
        "SELECT k.rowid FROM knn('items', ?1) AS k JOIN facts ON facts.id = k.rowid "
        "WHERE one_percent = 7 ORDER BY k.distance LIMIT 10"},
       {"vec0, id IN (subquery), 1 %", &vec0, std::string(kVec0Sql) + " AND id IN " + list}},
      one_percent, 1);
}

Variant one_by_one(const std::string& name, Database& db, const std::string& sql, size_t count,
                   std::function<void(Statement&, size_t)> bind) {
  auto statement = std::make_shared<Statement>(db.prepare(sql));
  return {name, [&db, statement, count, bind, next = size_t{0}]() mutable {
            db.execute("BEGIN");
            for (size_t i = 0; i < count; ++i) {
              bind(*statement, next++);
              statement->run();
            }
            db.execute("COMMIT");
            return count;
          }};
}

void bench_write(const Data& data, const Settings& settings, Database& kindred, Database& vec0) {
  const size_t count = 500;
  const size_t stride = 7919;  // rows far apart
  const auto row = [&](size_t i) { return static_cast<int64_t>(i * stride % data.rows + 1); };
  const auto each = [&](const std::string& sql, const auto& bind) {
    std::vector<Variant> variants = {one_by_one("kindred", kindred, sql, count, bind),
                                     one_by_one("vec0", vec0, sql, count, bind)};
    take_turns(variants, settings.rounds);
    print(variants, {}, 1);
  };
  print_head("UPDATE of the vector by key, 500 in a transaction");
  each("UPDATE items SET embedding = ?2 WHERE id = ?1",
       [&](Statement& statement, size_t i) { statement.bind(1, row(i)).bind(2, data.other(i)); });
  print_head("DELETE by key, 500 in a transaction");
  each("DELETE FROM items WHERE id = ?1",
       [&](Statement& statement, size_t i) { statement.bind(1, row(i)); });
  print_head("INSERT of one row and knn for it, each its own transaction");
  std::vector<Variant> variants;
  for (Database* db : {&kindred, &vec0}) {
    auto insert =
        std::make_shared<Statement>(db->prepare("INSERT INTO items VALUES(?1, ?2, 3, 3, 3, 3, 3)"));
    auto search = std::make_shared<Statement>(db->prepare(kVec0Sql));
    variants.push_back(
        {db == &kindred ? "kindred" : "vec0", [&, insert, search, next = size_t{0}]() mutable {
           for (size_t i = 0; i < 10; ++i, ++next) {
             const auto id = static_cast<int64_t>(data.rows + 1 + next);
             insert->bind(1, id).bind(2, data.other(next)).run();
             if (search->bind(1, data.other(next)).ids().front() != id)
               throw std::runtime_error("the row just inserted is not the nearest");
           }
           return size_t{10};
         }});
  }
  take_turns(variants, settings.rounds);
  print(variants, {}, 1);
}

void bench_commit(const Data& data, const Settings& settings, const Scratch& scratch) {
  static constexpr size_t kCount = 500;
  static constexpr const char* kModes[][2] = {
      {"WAL", "NORMAL"}, {"WAL", "FULL"}, {"DELETE", "FULL"}};
  for (const auto& [journal, synchronous] : kModes) {
    Database kindred = scratch.fresh("kindred-commit.db", settings.kindred);
    Database vec0 = scratch.fresh("vec0-commit.db", settings.vec0);
    std::vector<Variant> variants;
    for (Database* db : {&kindred, &vec0}) {
      create(*db, db == &kindred ? "kindred" : "vec0", Columns::kVectorOnly);
      db->execute(std::string("PRAGMA journal_mode=") + journal +
                  "; PRAGMA synchronous=" + synchronous);
      auto insert = std::make_shared<Statement>(db->prepare("INSERT INTO items VALUES(?1, ?2)"));
      variants.push_back(
          {db == &kindred ? "kindred" : "vec0", [&data, insert, next = size_t{0}]() mutable {
             for (size_t i = 0; i < kCount; ++i, ++next)
               insert->bind(1, static_cast<int64_t>(next + 1))
                   .bind(2, data.row(next % data.rows))
                   .run();
             return kCount;
           }});
    }
    take_turns(variants, settings.rounds * 2);
    print_head(std::string("INSERT of one row, each its own commit, ") + journal +
               ", synchronous=" + synchronous);
    print(variants, {}, 1);
  }
}

void bench_bulk(const Data& data, const Settings& settings, const Scratch& scratch) {
  for (const Columns columns : {Columns::kVectorOnly, Columns::kMetadata}) {
    std::vector<double> megabytes(2);
    std::vector<Variant> variants;
    for (const std::string module : {"kindred", "vec0"}) {
      double& size = megabytes[variants.size()];
      variants.push_back({module, [&, module, columns] {
                            Database db = scratch.fresh(
                                "bulk.db", module == "vec0" ? settings.vec0 : settings.kindred);
                            create(db, module, columns);
                            fill(db, data, columns);
                            size = db.megabytes();
                            return data.rows;
                          }});
    }
    take_turns(variants, std::min<size_t>(settings.rounds, 3));
    char title[160];
    std::snprintf(
        title, sizeof title,
        "INSERT of %zu rows in one transaction, %s (kindred %.1f MB, vec0 %.1f MB)", data.rows,
        columns == Columns::kVectorOnly ? "id and vector" : "id, vector and five metadata columns",
        megabytes[0], megabytes[1]);
    print_head(title);
    print(variants, {}, 1);
  }
}

// ---- cold: a process of its own that opens a file and asks twice

int ask_cold(const std::string& extension, const std::string& path, const std::string& query_path,
             const std::string& sql) {
  std::vector<float> query(kDim);
  std::ifstream(query_path, std::ios::binary)
      .read(reinterpret_cast<char*>(query.data()), static_cast<std::streamsize>(kDim * 4));
  std::unique_ptr<Database> db;
  const Cost open = cost_of([&] { db = std::make_unique<Database>(path, extension); });
  Statement statement = db->prepare(sql);
  const Cost first = cost_of([&] { statement.bind(1, query).run(); });
  const Cost second = cost_of([&] { statement.bind(1, query).run(); });
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::printf("%s | %s | %s | %s | %.0f |\n", time_text(open.cpu).c_str(),
              time_text(first.cpu).c_str(), time_text(first.wall).c_str(),
              time_text(second.cpu).c_str(), static_cast<double>(usage.ru_maxrss) / 1024);
  return 0;
}

void bench_cold(const Data& data, const Settings& settings, const Scratch& scratch,
                const char* program) {
  std::printf(
      "\n### First knn of a new process (file in the system's cache)\n\n"
      "| what | open, CPU | first query, CPU | wall | second query, CPU | peak RSS, MB |\n"
      "|---|---|---|---|---|---|\n");
  const std::string query = scratch.file("query");
  std::ofstream(query, std::ios::binary)
      .write(reinterpret_cast<const char*>(data.queries.data()),
             static_cast<std::streamsize>(kDim * 4));
  for (int round = 0; round < 3; ++round)
    for (const std::string name : {"kindred", "vec0"}) {
      std::printf("| %s | ", name.c_str());
      std::fflush(stdout);
      const std::string& extension = name == "vec0" ? settings.vec0 : settings.kindred;
      const std::string command = std::string("'") + program + "' cold '" + extension + "' '" +
                                  scratch.file(name + ".db") + "' '" + query + "' \"" +
                                  (name == "vec0" ? kVec0Sql : kKnnSql) + "\"";
      if (std::system(command.c_str()) != 0) throw std::runtime_error("failed: " + command);
    }
}

// ---- the whole

std::string cpu_model() {
  std::ifstream info("/proc/cpuinfo");
  std::string line;
  std::string model;
  std::string sets;
  while (std::getline(info, line)) {
    if (line.starts_with("model name") && model.empty()) model = line.substr(line.find(':') + 2);
    if (!line.starts_with("flags") || !sets.empty()) continue;
    for (const char* set : {"avx2", "fma", "avx512f", "avx512bw", "avx512_vnni"})
      if ((line + " ").find(std::string(" ") + set + " ") != std::string::npos)
        sets += std::string(" ") + set;
  }
  return model + ";" + sets;
}

void print_machine(const Settings& settings, const Data& data) {
  Database db(":memory:", settings.kindred);
  Database peer(":memory:", settings.vec0);
  std::printf("Machine: %s; %ld cores. SQLite %s.\n%s\nPeer: sqlite-vec %s.\n", cpu_model().c_str(),
              sysconf(_SC_NPROCESSORS_ONLN), sqlite3_libversion(),
              db.text("SELECT kindred_info()").c_str(), peer.text("SELECT vec_version()").c_str());
  double first = 0;
  double hundredth = 0;
  double mean = 0;
  for (size_t q = 0; q < kQueries; ++q) {
    std::vector<double> sorted = data.exact[q];
    std::sort(sorted.begin(), sorted.end());
    first += (1 - sorted[0]) / kQueries;
    hundredth += (1 - sorted[std::min<size_t>(99, data.rows - 1)]) / kQueries;
    mean += 1 - std::accumulate(sorted.begin(), sorted.end(), 0.0) / static_cast<double>(data.rows);
  }
  std::printf(
      "Data: %zu x %zu clustered unit vectors, %zu held-out queries: mean cosine %.2f, "
      "nearest %.2f, hundredth %.2f.\n",
      data.rows, kDim, kQueries, mean / kQueries, first, hundredth);
}

void run(const Settings& settings, const char* program) {
  const Data data(settings.rows);
  print_machine(settings, data);
  const Scratch scratch;
  if (settings.wants("bulk")) bench_bulk(data, settings, scratch);
  if (settings.wants("commit")) bench_commit(data, settings, scratch);
  Database kindred = scratch.fresh("kindred.db", settings.kindred);
  Database vec0 = scratch.fresh("vec0.db", settings.vec0);
  for (Database* db : {&kindred, &vec0}) {
    create(*db, db == &kindred ? "kindred" : "vec0", Columns::kMetadata);
    fill(*db, data, Columns::kMetadata);
    create_facts(*db, data);
    db->megabytes();
    if (db == &kindred) print_build(kindred, data);
  }
  if (settings.wants("knn")) bench_knn(data, settings, kindred, vec0);
  if (settings.wants("knn")) bench_vectorlite(data, settings, scratch, kindred);
  if (settings.wants("quantized")) bench_quantized(data, settings, scratch, kindred);
  if (settings.wants("cold")) bench_cold(data, settings, scratch, program);
  if (settings.wants("filter")) bench_filter(data, settings, kindred, vec0);
  if (settings.wants("write")) bench_write(data, settings, kindred, vec0);
}

Settings parse(int argc, char** argv) {
  Settings settings;
  settings.kindred = argv[1];
  settings.vec0 = argv[2];
  for (int i = 3; i < argc; ++i) {
    const std::string argument = argv[i];
    const size_t equals = argument.find('=');
    const std::string name = argument.substr(0, equals);
    const std::string value = equals == std::string::npos ? "" : argument.substr(equals + 1);
    if (name == "vectorlite")
      settings.vectorlite = value;
    else if (name == "vector")
      settings.vector = value;
    else if (name == "rows")
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
  using namespace kindred::bench;
  try {
    if (argc == 6 && std::strcmp(argv[1], "cold") == 0)
      return ask_cold(argv[2], argv[3], argv[4], argv[5]);
    if (argc < 3) throw std::runtime_error("usage: bench_sql KINDRED.so VEC0.so [name=value ...]");
    run(parse(argc, argv), argv[0]);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "bench_sql: %s\n", e.what());
    return 1;
  }
  return 0;
}
