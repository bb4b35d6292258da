// SPDX-License-Identifier: Apache-2.0
#include "sql/collections/manifest.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "sql/boundary.h"
#include "sql/own_connection.h"
#include "sql/store_access.h"
#include "storage/error.h"
#include "storage/segments/segment_builder.h"

namespace kindred::sql {
namespace {

// As many rows as a scan does not notice, and no more bytes than a commit may read at once.
int64_t usual_threshold(const storage::VectorSpec& spec) {
  constexpr size_t kRows = 10000;
  constexpr size_t kBytes = 16 << 20;
  return static_cast<int64_t>(std::min(kRows, kBytes / spec.bytes() + 1));
}

}  // namespace

const NamedSegment* SealedState::find(int64_t segment) const noexcept {
  const auto found =
      std::find_if(segments.begin(), segments.end(),
                   [segment](const NamedSegment& s) { return s.segment == segment; });
  return found == segments.end() ? nullptr : &*found;
}

Manifest::Manifest(sqlite3* db, const ShadowTables& tables, const storage::VectorSpec& spec,
                   const std::string& database, int64_t id)
    : db_(db), tables_(tables), spec_(spec), database_(database), id_(id) {
  if (!database.empty()) folder_.emplace(database);
}

// Whether what is known of the segments still holds.
bool Manifest::read_version() {
  if (!version_) {
    const auto setting = [&](std::string_view key) {
      return "(SELECT value FROM " + tables_.config() + " WHERE key = '" + std::string(key) + "')";
    };
    version_ = Statement(db_, "SELECT " + setting(kConfigSealed) + ", " + setting(kConfigSegments) +
                                  ", " + setting(kConfigSeal) + ", " + setting(kConfigEf));
  }
  const ResetGuard reset(version_);
  version_.step();
  state_.sealed = version_.integer(0);
  state_.version = version_.integer(1);
  threshold_ = version_.is_null(2) ? usual_threshold(spec_) : version_.integer(2);
  if (state_.sealed < 0) refuse_setting(kConfigSealed, "0 or more", state_.sealed);
  if (threshold_ < 1) refuse_setting(kConfigSeal, "1 or more", threshold_);
  state_.ef =
      version_.is_null(3) ? 0 : static_cast<size_t>(std::max<int64_t>(version_.integer(3), 1));
  const bool damaged = std::any_of(state_.segments.begin(), state_.segments.end(),
                                   [](const NamedSegment& s) { return s.file->is_damaged(); });
  return known_ == state_.version && !damaged;
}

void Manifest::refuse_setting(std::string_view key, const char* wanted, int64_t got) const {
  throw storage::StorageError(storage::Fault::kCorrupt,
                              tables_.name() + "_config: " + std::string(key) + ": " + wanted +
                                  " is wanted, got " + std::to_string(got));
}

int64_t Manifest::sealed() {
  read_version();
  return state_.sealed;
}

int64_t Manifest::threshold() {
  if (threshold_ == 0) read_version();
  return threshold_;
}

const SealedState& Manifest::read() {
  if (read_version()) return state_;
  known_.reset();
  std::vector<NamedSegment> before = std::exchange(state_.segments, {});
  if (state_.version == 0) {  // nothing has ever been sealed
    known_ = 0;
    return state_;
  }
  Statement rows(db_,
                 "SELECT segment, version, dead FROM " + tables_.segments() + " ORDER BY segment");
  while (rows.step()) {
    const auto same = std::find_if(before.begin(), before.end(), [&](const NamedSegment& s) {
      return s.segment == rows.integer(0) && s.version == rows.integer(1) && s.file != nullptr &&
             !s.file->is_damaged();
    });
    state_.segments.push_back(same != before.end()
                                  ? std::move(*same)
                                  : open(rows.integer(0), rows.integer(1), rows.blob(2)));
  }
  known_ = state_.version;
  return state_;
}

// "" for a collection whose vectors came from outside.
std::string Manifest::rebuilding_helps(const char* before) const {
  if (tables_.setting(kConfigModel).value_or("").empty()) return "";
  const std::string& name = tables_.name();
  return before + ("INSERT INTO " + name + "(" + name) +
         ") VALUES('rebuild') embeds its texts anew";
}

void Manifest::say_copied_alone() const {
  const std::string folder = folder_ ? folder_->path() : "the folder beside its file";
  throw storage::StorageError(
      storage::Fault::kMissing,
      tables_.name() + ": the database was copied without " + folder +
          ", which has the vectors: copy the folder along, or make the copy with "
          "kindred_backup()" +
          rebuilding_helps(", or ") +
          ". Columns other than the vector can be read, DROP TABLE works");
}

NamedSegment Manifest::open(int64_t segment, int64_t version, std::string_view dead) {
  NamedSegment named{segment, version, storage::DeadRows(dead), nullptr, {}};
  open_file(named);
  if (dead.size() % sizeof(uint64_t) != 0 || !named.dead.is_below(named.file->distinct()))
    throw storage::StorageError(storage::Fault::kCorrupt,
                                tables_.name() + "_segments: " + std::to_string(segment) +
                                    ": the bitmap of dead rows does not fit the segment");
  return named;
}

// A file that is missing or damaged is written anew from the store. Where the store has lost the
// segment too, a newer state of the manifest may have: then this snapshot is too old.
void Manifest::open_file(NamedSegment& named) {
  if (!folder_) say_copied_alone();
  const storage::SegmentIdentity identity{named.segment, id_};
  const auto map = [&] {
    named.file = storage::shared_segment(*folder_, spec_, identity);
    named.layer = named.file->layer(named.dead);
  };
  map_or_restore(map, [&](const std::string& damage) {
    if (!is_named_now(named.segment))
      throw Error(SQLITE_BUSY_SNAPSHOT,
                  tables_.name() + ": this transaction's state of it is gone: begin a new one");
    if (!std::filesystem::exists(folder_->store())) say_copied_alone();
    try {
      const std::shared_ptr<storage::Store> store = wait_for_store(db_, *folder_);
      storage::restore_file(*folder_, spec_, identity, tables_.number(kConfigStore).value_or(0));
    } catch (const storage::StorageError& error) {
      throw storage::StorageError(
          error.fault(),
          damage + "; " + error.what() + (error.is_damage() ? rebuilding_helps("; ") : ""));
    }
  });
}

// In the newest committed state; where another has locked that, in the snapshot at hand.
bool Manifest::is_named_now(int64_t segment) const {
  const OwnConnection fresh(database_, SQLITE_OPEN_READONLY);
  if (fresh.code() != SQLITE_OK) return true;
  try {
    Statement named(fresh.get(), "SELECT 1 FROM " + quote_identifier(tables_.name() + "_segments") +
                                     " WHERE segment = ?1");
    return named.bind(1, segment).step();
  } catch (const Error& error) {
    if (error.code() == SQLITE_ERROR) return false;  // the collection has been dropped
    if ((error.code() & 0xFF) != SQLITE_BUSY) throw;
    return true;
  }
}

void Manifest::adopt(const Adoption& adoption) {
  const bool first = read().segments.empty();
  for (const NamedSegment& older : read().segments) {
    const auto& gone = adoption.replaces;
    if (std::find(gone.begin(), gone.end(), older.segment) == gone.end())
      kill(older, adoption.changed);
    else
      Statement(db_, "DELETE FROM " + tables_.segments() + " WHERE segment = ?1")
          .bind(1, older.segment)
          .run();
  }
  if (adoption.segment) {
    Statement row(db_, "INSERT INTO " + tables_.segments() +
                           "(segment, version, rows, dead) VALUES(?1, ?2, ?3, ?4)");
    row.bind(1, adoption.segment->id()).bind(2, random_number());
    row.bind(3, static_cast<int64_t>(adoption.segment->distinct()));
    row.bind_blob(4, adoption.dead.bytes().data(), adoption.dead.bytes().size());
    row.run();
  }
  if (adoption.segment) require_store(adoption.store, first);
  if (adoption.sealed) tables_.set(kConfigSealed, *adoption.sealed);
  tables_.set(kConfigSegments, random_number());
}

void Manifest::abandon(int64_t cn) {
  Statement(db_, "DELETE FROM " + tables_.segments()).run();
  tables_.set(kConfigSealed, cn);
  tables_.set(kConfigSegments, random_number());
}

bool Manifest::is_store(int64_t id) {
  return read().segments.empty() || tables_.number(kConfigStore).value_or(id) == id;
}

// All segments of a collection are in one store: the one beside the database. The first of them may
// find another one there than segments that are gone.
void Manifest::require_store(int64_t store, bool first) {
  if (!first && !is_store(store))
    throw storage::StorageError(storage::Fault::kCorrupt,
                                folder_->store() +
                                    ": the store belongs to another database; the command "
                                    "'rebuild' makes its own anew from whole segment files");
  if (tables_.number(kConfigStore) != store) tables_.set(kConfigStore, store);
}

void Manifest::kill(const NamedSegment& older, const std::vector<int64_t>& ids) {
  storage::DeadRows dead = older.dead;
  older.file->for_each_rank(ids, [&](size_t rank) { dead.add(rank); });
  if (dead == older.dead) return;
  Statement update(
      db_, "UPDATE " + tables_.segments() + " SET version = ?2, dead = ?3 WHERE segment = ?1");
  update.bind(1, older.segment).bind(2, random_number());
  update.bind_blob(3, dead.bytes().data(), dead.bytes().size());
  update.run();
}

void Manifest::forget_statements() {
  version_ = Statement();
}

}  // namespace kindred::sql
