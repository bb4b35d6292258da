// SPDX-License-Identifier: Apache-2.0
#include "sql/collections/integrity_check.h"

#include <cstring>
#include <filesystem>
#include <memory>
#include <set>
#include <string>

#include "sql/models/models.h"
#include "sql/progress.h"
#include "sql/store_access.h"
#include "storage/error.h"
#include "storage/upkeep/preparation.h"

namespace kindred::sql {
namespace {

[[noreturn]] void fail(const Collection& collection, const std::string& what) {
  throw storage::StorageError(storage::Fault::kCorrupt, collection.name() + ": " + what);
}

// Each row newer than the segments has its put in the log, and the log's newest row of an id says
// the same as the row.
void check_log(Collection& collection, Progress& progress) {
  const std::string& rows = collection.tables().rows();
  const std::string& log = collection.tables().log();
  const int64_t sealed = collection.manifest().sealed();
  collection.log().read_after(sealed, [&](const storage::LogRow& row) {
    progress.advance();
    collection.verify(row);
    return true;
  });
  Statement lost(collection.db(), "SELECT r.id, r.cn FROM " + rows + " AS r LEFT JOIN " + log +
                                      " AS l ON l.cn = r.cn AND l.id = r.id AND l.op = 1 "
                                      "WHERE r.cn > ?1 AND l.cn IS NULL");
  if (lost.bind(1, sealed).step())
    fail(collection, "row " + std::to_string(lost.integer(0)) + " has no vector in the log at " +
                         std::to_string(lost.integer(1)));
  Statement stray(collection.db(), "SELECT l.id, l.cn FROM (SELECT id, max(cn) AS cn, op FROM " +
                                       log +
                                       " WHERE cn > ?1 AND op <> 3 GROUP BY id) AS l "
                                       "LEFT JOIN " +
                                       rows +
                                       " AS r ON r.id = l.id WHERE l.op = 1 "
                                       "AND r.cn IS NOT l.cn OR l.op = 2 AND r.cn IS NOT NULL");
  if (stray.bind(1, sealed).step())
    fail(collection, "the log's newest row of id " + std::to_string(stray.integer(0)) + ", " +
                         std::to_string(stray.integer(1)) + ", is not the row's own");
}

// The live rows of all segments, but for those that the log decides about, are the rows that are
// not newer than the segments: each once.
void check_rows(Collection& collection, Progress& progress) {
  const SealedState& state = collection.manifest().read();
  std::vector<storage::MergeInput> inputs;
  for (const NamedSegment& segment : state.segments) inputs.push_back({segment.file, segment.dead});
  std::set<int64_t> logged;
  Statement log(collection.db(),
                "SELECT DISTINCT id FROM " + collection.tables().log() + " WHERE cn > ?1");
  log.bind(1, state.sealed);
  while (log.step()) logged.insert(log.integer(0));
  Statement rows(collection.db(),
                 "SELECT id FROM " + collection.tables().rows() + " WHERE cn <= ?1 ORDER BY id");
  rows.bind(1, state.sealed);
  bool more = rows.step();
  const auto require_row = [&](int64_t id) {
    progress.advance();
    if (logged.count(id) > 0) return;
    if (more && rows.integer(0) < id)
      fail(collection, "row " + std::to_string(rows.integer(0)) + " has no vector in a segment");
    if (!more || rows.integer(0) > id)
      fail(collection, "a segment has a vector of id " + std::to_string(id) +
                           ", of which there is no row, or another segment's vector");
    more = rows.step();
  };
  storage::merge_rows(inputs, collection.vectors().bytes(),
                      [&](int64_t id, std::string_view) { require_row(id); });
  if (more)
    fail(collection, "row " + std::to_string(rows.integer(0)) + " has no vector in a segment");
}

// Where segments lie, and the store that they say has them.
struct StoreOf {
  const storage::SegmentFolder& folder;
  std::optional<int64_t> id;
};

// That store: there, and no other.
std::shared_ptr<storage::Store> checked_store(const Collection& collection, const StoreOf& of) {
  const bool there = std::filesystem::exists(of.folder.store());  // it would be created
  std::shared_ptr<storage::Store> store =
      there ? wait_for_store(collection.db(), of.folder) : nullptr;
  if (!store || store->id() != of.id)
    fail(collection, of.folder.store() + " is " + (there ? "another store" : "missing") +
                         "; the command 'rebuild' makes its own anew from whole segment files");
  return store;
}

// A segment's blocks fit their checksums, and the store has the same vectors.
void check_segment(const Collection& collection, const storage::Segment& file, const StoreOf& of,
                   Progress& progress) {
  const std::string name = "segment " + std::to_string(file.id());
  file.verify();
  if (const auto graph = file.graph(); graph && !graph->verify())
    fail(collection, "the graph of " + name +
                         " has changed: it is built anew by optimize, and not used until then");
  size_t rank = 0;
  const auto store = checked_store(collection, of);
  store->scan_segment(file.id(), [&](int64_t id, std::string_view vector) {
    progress.advance();
    const bool same =
        rank < file.distinct() && file.id_at(rank) == id && vector.size() == file.vector_bytes() &&
        std::memcmp(vector.data(), file.vector(file.row_at(rank)), vector.size()) == 0;
    if (!same)
      fail(collection, name + ": its file and the store differ at id " + std::to_string(id));
    ++rank;
    return true;
  });
  if (rank != file.distinct())
    fail(collection, name + ": the store has " + std::to_string(rank) + " rows, the file " +
                         std::to_string(file.distinct()));
}

// What a registered model of the collection lies in.
void check_model(const Collection& collection, Progress& progress) {
  const std::string& name = collection.options().model;
  if (model::Embedder::find(name) != nullptr) return;
  const std::optional<ModelRecord> record = registered_model(collection.db(), name);
  if (!record) return;  // of another database, perhaps: every use says so
  const std::shared_ptr<const OpenModel> model = find_open_model(collection.db(), *record);
  const storage::SegmentFolder folder(main_database(collection.db()));
  for (const auto& segment : {model->pack, model->rows})
    if (segment) check_segment(collection, *segment, {folder, record->store}, progress);
}

// Those of the log; of each segment those that are alive, and all of them in the store.
uint64_t rows_to_check(Collection& collection, const SealedState& state) {
  Statement log(collection.db(),
                "SELECT count(*) FROM " + collection.tables().log() + " WHERE cn > ?1");
  log.bind(1, state.sealed).step();
  auto rows = static_cast<uint64_t>(log.integer(0));
  for (const NamedSegment& segment : state.segments)
    rows += segment.live() + segment.file->distinct();
  return rows;
}

}  // namespace

void check_integrity(Collection& collection) {
  collection.session().sealing.settle(collection);
  const SealedState& state = collection.manifest().read();
  Progress progress(collection.db(), collection.name() + ": integrity-check",
                    rows_to_check(collection, state));
  check_log(collection, progress);
  check_rows(collection, progress);
  for (const NamedSegment& segment : state.segments)
    check_segment(collection, *segment.file,
                  {*collection.manifest().folder(), collection.tables().number(kConfigStore)},
                  progress);
  check_model(collection, progress);
}

}  // namespace kindred::sql
