// SPDX-License-Identifier: Apache-2.0
#include "sql/collections/mending.h"

#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "sql/models/model_registry.h"
#include "sql/store_access.h"
#include "storage/error.h"
#include "storage/random_id.h"
#include "storage/upkeep/mending.h"

namespace kindred::sql {
namespace {

// What all collections and models of a database say of the store they share.
struct Named {
  std::set<int64_t> stores;  // one, unless a folder was lost with what some collections had in it
  std::set<int64_t> segments;
  std::set<int64_t> models;  // those of them that are models'
  int64_t store() const { return stores.empty() ? storage::random_id() : *stores.begin(); }
};

Named named_in(sqlite3* db, const std::string& schema) {
  const std::string in = quote_identifier(schema) + ".";
  Statement tables(db, "SELECT c.name, s.name FROM " + in + "sqlite_schema AS s JOIN " + in +
                           "sqlite_schema AS c ON c.name || '_segments' = s.name "
                           "WHERE c.sql LIKE 'CREATE VIRTUAL TABLE%' AND s.type = 'table'");
  Named named;
  while (tables.step()) {
    const ShadowTables shadow(db, schema, std::string(tables.text(0)));
    if (sqlite3_table_column_metadata(db, schema.c_str(), std::string(tables.text(1)).c_str(),
                                      "version", nullptr, nullptr, nullptr, nullptr,
                                      nullptr) != SQLITE_OK)
      continue;  // another extension's
    Statement rows(db, "SELECT segment FROM " + shadow.segments());
    bool any = false;
    for (; rows.step(); any = true) named.segments.insert(rows.integer(0));
    const std::optional<int64_t> store = shadow.number(kConfigStore);
    if (any && store) named.stores.insert(*store);
  }
  if (schema != "main") return named;
  for (const ModelRecord& model : registered_models(db)) {
    if (!model.pack_segment) continue;
    named.models.insert(*model.pack_segment);
    if (model.rows_segment) named.models.insert(*model.rows_segment);
    if (named.stores.empty()) named.stores.insert(model.store);
  }
  named.segments.insert(named.models.begin(), named.models.end());
  return named;
}

// The store, if there is one that opens, lists its segments and is one that is named.
std::shared_ptr<storage::Store> usable_store(const Collection& collection,
                                             const std::set<int64_t>& named) {
  const storage::SegmentFolder& folder = *collection.manifest().folder();
  if (!std::filesystem::exists(folder.store())) return nullptr;
  try {
    std::shared_ptr<storage::Store> store = wait_for_store(collection.db(), folder);
    store->segments();
    if (!named.empty() && named.count(store->id()) == 0) return nullptr;
    return store;
  } catch (const storage::StorageError& error) {
    if (!error.is_damage()) throw;
    return nullptr;
  }
}

// Maps all files. Where a block is damaged, the next read() has the file written anew from the
// store; an error that comes twice is one that stays.
const SealedState& whole_files(Collection& collection) {
  for (std::set<std::string> errors;;) {
    try {
      const SealedState& state = collection.manifest().read();
      for (const NamedSegment& segment : state.segments) segment.file->verify();
      return state;
    } catch (const storage::StorageError& error) {
      if (error.fault() != storage::Fault::kCorrupt || !errors.insert(error.what()).second) throw;
    }
  }
}

// One that was lost may have been begun anew by a model that came since.
void say_store(sqlite3* db, const Named& named, int64_t store) {
  if (named.models.empty()) return;
  Statement(db, std::string("UPDATE main.") + kRegistryTable +
                    " SET store = ?1 WHERE store <> ?1 AND pack_segment IS NOT NULL")
      .bind(1, store)
      .run();
}

}  // namespace

void mend_store(Collection& collection) {
  const storage::SegmentFolder* folder = collection.manifest().folder();
  if (folder == nullptr) return;
  const SealedState& state = whole_files(collection);
  if (!folder->exists()) return;
  const Named named = named_in(collection.db(), collection.tables().schema());
  const std::shared_ptr<storage::Store> store = usable_store(collection, named.stores);
  if (!store) {
    const int64_t id = named.store();
    storage::remake_store(*folder, id, named.segments);
    return say_store(collection.db(), named, id);
  }
  std::set<int64_t> mended = named.models;
  for (const NamedSegment& segment : state.segments) mended.insert(segment.segment);
  for (const int64_t segment : mended)
    if (const auto whole = storage::whole_segment(*folder, segment))
      storage::mend_range(*store, *whole);
  say_store(collection.db(), named, store->id());
}

void replace_lost_store(const Collection& collection) {
  const storage::SegmentFolder* folder = collection.manifest().folder();
  if (folder == nullptr || !folder->exists()) return;
  const Named named = named_in(collection.db(), collection.tables().schema());
  if (usable_store(collection, named.stores) == nullptr)
    storage::remake_store(*folder, named.store(), {});
}

}  // namespace kindred::sql
