// Each peer is used as its own guide says: vec0 with a coarse bit column beside the floats, asked
// for 8 times k and looked at again (the guide's oversampling; 32 times for a better recall);
// sqlite-vector with INT8, which it recommends for cosine, preloaded.
// SPDX-License-Identifier: Apache-2.0
#include "bench/bench_quantized.h"

namespace kindred::bench {
namespace {

const char* const kBits = "INSERT INTO items VALUES(?1, vec_quantize_binary(?2))";
const char* const kBitsSql =
    "SELECT id, distance FROM items WHERE bits MATCH vec_quantize_binary(?1) AND k = 10";

std::string looked_at_again(size_t oversampling) {
  return "WITH coarse AS (SELECT id, embedding FROM items WHERE bits MATCH "
         "vec_quantize_binary(?1) AND k = " +
         std::to_string(kK * oversampling) +
         ") SELECT id, vec_distance_cosine(embedding, ?1) AS distance FROM coarse ORDER BY 2 "
         "LIMIT 10";
}

Database vector_database(const Data& data, const Settings& settings, const Scratch& scratch) {
  Database db = scratch.fresh("vector.db", settings.vector);
  db.execute("CREATE TABLE items(id INTEGER PRIMARY KEY, embedding BLOB)");
  fill(db, data, "INSERT INTO items VALUES(?1, ?2)");
  db.execute(
      "SELECT vector_init('items', 'embedding', 'dimension=384,type=FLOAT32,distance=COSINE');"
      "SELECT vector_quantize('items', 'embedding', 'qtype=INT8');"
      "SELECT vector_quantize_preload('items', 'embedding')");
  std::printf("\nsqlite-vector %s, backend %s\n", db.text("SELECT vector_version()").c_str(),
              db.text("SELECT vector_backend()").c_str());
  return db;
}

}  // namespace

void bench_quantized(const Data& data, const Settings& settings, const Scratch& scratch,
                     Database& kindred) {
  const std::string bits = "(id INTEGER PRIMARY KEY, bits bit[384] distance_metric=hamming)";
  Database own_bits = scratch.fresh("kindred-bits.db", settings.kindred);
  own_bits.execute("CREATE VIRTUAL TABLE items USING kindred" + bits);
  fill(own_bits, data, kBits);
  Database peer_bits = scratch.fresh("vec0-bits.db", settings.vec0);
  peer_bits.execute("CREATE VIRTUAL TABLE items USING vec0(id INTEGER PRIMARY KEY, bits bit[384])");
  fill(peer_bits, data, kBits);
  Database peer_both = scratch.fresh("vec0-both.db", settings.vec0);
  peer_both.execute(
      "CREATE VIRTUAL TABLE items USING vec0(id INTEGER PRIMARY KEY, "
      "embedding float[384] distance_metric=cosine, bits bit[384])");
  fill(peer_both, data, "INSERT INTO items VALUES(?1, ?2, vec_quantize_binary(?2))");
  std::vector<Question> questions = {
      {"kindred knn(), exact", &kindred,
       "SELECT rowid, distance FROM knn('items', ?1, 10, NULL, 1)"},
      {"kindred bit[384]", &own_bits, kBitsSql},
      {"vec0 bit[384]", &peer_bits, kBitsSql},
      {"vec0 bit[384] and float[384], 80 looked at again", &peer_both, looked_at_again(8)},
      {"vec0 bit[384] and float[384], 320 looked at again", &peer_both, looked_at_again(32)}};
  std::optional<Database> vector;
  if (!settings.vector.empty()) {
    vector.emplace(vector_database(data, settings, scratch));
    questions.push_back(
        {"sqlite-vector, exact scan", &*vector,
         "SELECT rowid, distance FROM vector_full_scan('items', 'embedding', ?1, 10)"});
    questions.push_back(
        {"sqlite-vector, INT8, preloaded", &*vector,
         "SELECT rowid, distance FROM vector_quantize_scan('items', 'embedding', ?1, 10)"});
  }
  print_head("knn, k = 10, warm, beside quantised vectors (recall is against the float vectors)");
  ask(
      data, settings, questions, [](size_t) { return true; }, 0);
}

}  // namespace kindred::bench
