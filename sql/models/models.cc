// SPDX-License-Identifier: Apache-2.0
#include "sql/models/models.h"

#include <cstddef>
#include <list>
#include <mutex>
#include <new>

#include "sql/boundary.h"
#include "sql/database_file.h"

namespace kindred::sql {
namespace {

using model::Embedder;

// Models that stay open for a connection though nobody uses them.
constexpr long kKept = 4;

struct KeptModel {
  sqlite3* db;
  std::string database;
  int64_t id;  // random: tells models apart where there is no file, too
  std::shared_ptr<const OpenModel> model;
};

struct KeptModels {
  std::mutex mutex;
  std::list<KeptModel> models;  // guarded by mutex; last used first
};

// Never destroyed: a connection may be closed at exit. Needs no memory, as closing one must not
// fail.
KeptModels& kept() noexcept {
  alignas(KeptModels) static std::byte place[sizeof(KeptModels)];
  static KeptModels* const all = new (place) KeptModels;
  return *all;
}

// Takes entries out, and has them destroyed once the lock is free.
template <class Predicate>
void drop(Predicate&& predicate) {
  std::list<KeptModel> dropped;
  const std::lock_guard lock(kept().mutex);
  std::list<KeptModel>& models = kept().models;
  for (auto entry = models.begin(); entry != models.end();) {
    const auto at = entry++;
    if (predicate(*at)) dropped.splice(dropped.begin(), models, at);
  }
}

// Whichever connection keeps it; nullptr if none does.
std::shared_ptr<const OpenModel> find_kept(const std::string& database, int64_t id) {
  const std::lock_guard lock(kept().mutex);
  for (const KeptModel& entry : kept().models)
    if (entry.id == id && entry.database == database) return entry.model;
  return nullptr;
}

// As the connection's last used one.
void keep(sqlite3* db, const std::string& database, int64_t id,
          const std::shared_ptr<const OpenModel>& model) {
  std::list<KeptModel> entry{{db, database, id, model}};
  drop([&](const KeptModel& other) { return other.db == db && other.model == model; });
  {
    const std::lock_guard lock(kept().mutex);
    kept().models.splice(kept().models.begin(), entry);
  }
  long rank = 0;
  drop([&](const KeptModel& other) { return other.db == db && ++rank > kKept; });
}

// Built-in models live for ever.
SharedEmbedder share(const Embedder* built_in) {
  return {std::shared_ptr<void>(), built_in};
}

}  // namespace

std::shared_ptr<const OpenModel> find_open_model(sqlite3* db, const ModelRecord& record) {
  const std::string database = main_database(db);
  std::shared_ptr<const OpenModel> model = find_kept(database, record.id);
  if (model != nullptr && (model->is_damaged() || model->is_removed())) {
    model.reset();
    forget_model(db, record.id);
  }
  if (model == nullptr) model = open_model(db, record);
  keep(db, database, record.id, model);
  return model;
}

std::shared_ptr<const OpenModel> find_open_model(sqlite3* db, std::string_view name) {
  if (Embedder::find(name) != nullptr) return nullptr;
  const std::optional<ModelRecord> record = registered_model(db, name);
  return record ? find_open_model(db, *record) : nullptr;
}

SharedEmbedder find_model(sqlite3* db, std::string_view name) {
  if (const Embedder* built_in = Embedder::find(name)) return share(built_in);
  const std::shared_ptr<const OpenModel> model = find_open_model(db, name);
  if (!model) return nullptr;
  return {model, model->embedder.get()};
}

SharedEmbedder require_model(sqlite3* db, std::string_view name, const std::string& who) {
  if (SharedEmbedder model = find_model(db, name)) return model;
  std::string known;
  for (const std::string& built_in : Embedder::names())
    known += (known.empty() ? "" : ", ") + built_in;
  for (const ModelRecord& record : registered_models(db)) known += ", " + record.name;
  throw Error(SQLITE_ERROR,
              who + ": no such model: " + std::string(name) + " (known: " + known + ")");
}

std::optional<size_t> model_dimensions(sqlite3* db, std::string_view name) {
  if (const Embedder* built_in = Embedder::find(name)) return built_in->identity().dim;
  const std::optional<ModelRecord> record = registered_model(db, name);
  if (!record) return std::nullopt;
  return record->dim;
}

void forget_model(sqlite3* db, int64_t id) noexcept {
  const char* path = database_file(db, "main");
  drop([&](const KeptModel& entry) { return entry.id == id && entry.database == path; });
}

void close_models(sqlite3* db) noexcept {
  drop([db](const KeptModel& entry) { return entry.db == db; });
}

const Embedder* ModelLookup::find() {
  if (const Embedder* built_in = Embedder::find(name_)) return built_in;
  if (!id_) {
    if (!has_registry(db_)) return nullptr;
    id_ = Statement(db_, std::string("SELECT id FROM main.") + kRegistryTable + " WHERE name = ?1");
  }
  const ResetGuard reset(id_);
  if (!id_.bind(1, name_).step()) return nullptr;
  if (model_ != nullptr && found_ == id_.integer(0) && !model_->is_damaged())
    return model_->embedder.get();
  const std::optional<ModelRecord> record = registered_model(db_, name_);
  if (!record) return nullptr;
  model_ = find_open_model(db_, *record);
  found_ = record->id;
  return model_->embedder.get();
}

}  // namespace kindred::sql
