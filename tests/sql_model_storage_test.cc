// Models with rows apart from the pack: where they lie, and the search for nearest tokens in them.
// SPDX-License-Identifier: Apache-2.0
#include "sql/models/model_storage.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

#include "model/token_table.h"
#include "model/train/random.h"
#include "sql/models/models.h"
#include "sql/models/nearest_tokens.h"
#include "storage/rocksdb/shared_store.h"
#include "tests/support/catch.h"
#include "tests/support/database.h"
#include "tests/support/host_sqlite.h"

using namespace kindred;
using test::Database;

namespace {

constexpr size_t kDim = 64;
constexpr size_t kTokens = 700;

std::vector<uint8_t> table_file() {
  std::vector<std::string> pieces;
  for (size_t i = 0; i < kTokens; ++i) pieces.push_back("w" + std::to_string(i));
  model::Random random(5);
  std::vector<float> rows(kTokens * kDim);
  for (float& value : rows) value = random.normal();
  return model::encode_token_table(model::Vocabulary(pieces), rows, kDim);
}

// A model whose pack is the table and whose rows are the table's own once more.
sql::ModelRecord keep_model(Database& db, const std::vector<uint8_t>& file, bool with_rows) {
  const model::TokenTable table(file);
  sql::ModelRecord record;
  record.id = with_rows ? 11 : 12;
  record.name = with_rows ? "with rows" : "without";
  record.dim = kDim;
  const auto writer = sql::write_stored_model(db.handle(), record.id);
  std::vector<float> row(kDim);
  for (model::TokenId id = 0; with_rows && id < table.size(); ++id) {
    table.row(id, row);
    writer->add_row(row);
  }
  const std::span<const uint8_t> bytes(file);
  writer->append(bytes.first(1000));
  writer->append(bytes.subspan(1000));
  writer->finish(record);
  sql::create_registry(db.handle());
  sql::insert_model(db.handle(), record);
  writer->keep();
  return record;
}

std::string place(const test::ScratchDirectory& scratch) {
  return GENERATE(true, false) ? scratch.file("app.db") : ":memory:";
}

}  // namespace

TEST_CASE("pack and rows of a model are read as they were written", "[sql][models]") {
  test::use_host_sqlite();
  const test::ScratchDirectory scratch;
  Database db(place(scratch));
  const std::vector<uint8_t> file = table_file();
  const model::TokenTable table(file);
  const sql::ModelRecord record = keep_model(db, file, true);
  CHECK(record.pack_bytes == file.size());
  CHECK(record.rows == kTokens);
  const auto model = sql::find_open_model(db.handle(), "with rows");
  REQUIRE(model != nullptr);
  CHECK(sql::find_open_model(db.handle(), "with rows") == model);  // it is kept
  REQUIRE(model->packed_rows->size() == kTokens);
  REQUIRE(model->packed_rows->dim() == kDim);
  std::vector<float> row(kDim);
  size_t wrong = 0;
  for (model::TokenId id = 0; id < kTokens; ++id) {
    table.row(id, row);
    if (!std::equal(row.begin(), row.end(), model->packed_rows->row(id))) ++wrong;
  }
  CHECK(wrong == 0);
}

TEST_CASE("the nearest tokens are the same by a segment and by a scan", "[sql][models]") {
  test::use_host_sqlite();
  const test::ScratchDirectory scratch;
  Database db(place(scratch));
  const std::vector<uint8_t> file = table_file();
  const model::TokenTable table(file);
  keep_model(db, file, true);
  keep_model(db, file, false);
  std::vector<float> query(kDim);
  table.row(100, query);
  double squares = 0;
  for (const float x : query) squares += static_cast<double>(x) * x;
  std::vector<double> direction;
  for (const float x : query) direction.push_back(x / std::sqrt(squares));
  const auto nearest = [&](const std::string& name, size_t k,
                           const std::vector<model::TokenId>& excluded) {
    const auto open = sql::find_open_model(db.handle(), name);
    return sql::nearest_tokens(open.get(), *open->embedder->table(), direction, k, excluded);
  };
  const auto near = nearest("with rows", 20, {});
  REQUIRE(near.size() == 20);
  CHECK(near[0].id == 100);
  const auto others = nearest("with rows", 20, {100, near[1].id});
  const auto scanned = nearest("without", 20, {100, near[1].id});
  REQUIRE(others.size() == 20);
  REQUIRE(scanned.size() == 20);
  CHECK(others[0].id == near[2].id);
  for (size_t i = 0; i < 20; ++i) {
    CHECK(others[i].id == scanned[i].id);
    CHECK(others[i].score == scanned[i].score);
  }
  CHECK(nearest("without", 9999, {}).size() == kTokens);
  CHECK(nearest("with rows", 9999, {}).size() == kTokens);
}

TEST_CASE("a model that is not kept leaves neither files nor rows", "[sql][models]") {
  test::use_host_sqlite();
  const test::ScratchDirectory scratch;
  Database db(scratch.file("app.db"));
  const bool finished = GENERATE(true, false);
  {
    const auto writer = sql::write_stored_model(db.handle(), 5);
    writer->add_row(std::vector<float>(kDim, 1.0F));
    CHECK_THROWS_AS(writer->add_row(std::vector<float>(3)), std::logic_error);
    writer->append(table_file());
    sql::ModelRecord record;
    if (finished) writer->finish(record);
  }
  CHECK(std::filesystem::is_empty(scratch.file("app.db-kindred/segments")));
  storage::close_idle_stores(std::chrono::seconds(0));
  CHECK(storage::Store(scratch.file("app.db-kindred/rocksdb")).segments().empty());
}
