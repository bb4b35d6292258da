// Which segments a collection has and which of their rows are dead, as the current snapshot sees
// it: <name>_segments and two settings of <name>_config.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sql/collections/shadow_tables.h"
#include "sql/statement.h"
#include "storage/log/dead_rows.h"
#include "storage/segments/segment_folder.h"

namespace kindred::sql {

struct NamedSegment {
  int64_t segment = 0;
  int64_t version = 0;  // drawn anew whenever `dead` changes
  storage::DeadRows dead;
  std::shared_ptr<const storage::Segment> file;
  storage::RowLayer layer;
  size_t live() const { return file->distinct() - dead.count(); }
};

struct SealedState {
  int64_t version = 0;                 // drawn anew whenever anything here changes
  int64_t sealed = 0;                  // the change number up to which segments hold the collection
  std::vector<NamedSegment> segments;  // by ascending id
  size_t ef = 0;                       // that a user has chosen for searches of graphs; 0 for none
  const NamedSegment* find(int64_t segment) const noexcept;
};

// How a prepared segment takes its place.
struct Adoption {
  std::shared_ptr<const storage::Segment>
      segment;                    // nullptr: of what it would hold nothing is left
  storage::DeadRows dead;         // its own rows that died while it was made
  int64_t store = 0;              // the id of the store that has it
  std::vector<int64_t> replaces;  // segments whose rows it holds
  std::vector<int64_t> changed;   // ids, ascending, whose rows in the other segments are dead
  std::optional<int64_t> sealed;  // the new change number, where it took rows from the log
};

class Manifest {
 public:
  // `tables` outlives it. `database` is the resolved path of SQLite's file, "" for none; `id` the
  // collection's random id.
  Manifest(sqlite3* db, const ShadowTables& tables, const storage::VectorSpec& spec,
           const std::string& database, int64_t id);

  // The database's folder; nullptr for a database without a file, which has no segments.
  const storage::SegmentFolder* folder() const noexcept { return folder_ ? &*folder_ : nullptr; }

  const std::string& database() const noexcept { return database_; }

  // As the snapshot has it, files mapped: those that are missing or damaged are written anew from
  // the store. The reference holds until the next call. Throws StorageError if that fails
  // (kMissing: the database was copied without its folder), Error (SQLITE_BUSY_SNAPSHOT) where the
  // snapshot is too old for the files there are.
  const SealedState& read();
  // Its change number and the number of rows that the log is sealed at, without touching files.
  int64_t sealed();
  int64_t threshold();
  // What the last call here that looked found.
  const SealedState& known() const noexcept { return state_; }

  // Whether segments in the store of this id can be adopted: all are in one store.
  bool is_store(int64_t id);
  // Writes the adoption in the transaction at hand.
  void adopt(const Adoption& adoption);
  // Names no segment any more, in the transaction at hand, and nothing in the log up to `cn`.
  void abandon(int64_t cn);

  // Drops prepared statements: the tables have another name.
  void forget_statements();

 private:
  bool read_version();
  NamedSegment open(int64_t segment, int64_t version, std::string_view dead);
  void open_file(NamedSegment& named);
  [[noreturn]] void say_copied_alone() const;
  std::string rebuilding_helps(const char* before) const;
  [[noreturn]] void refuse_setting(std::string_view key, const char* wanted, int64_t got) const;
  bool is_named_now(int64_t segment) const;
  void require_store(int64_t store, bool first);
  void kill(const NamedSegment& older, const std::vector<int64_t>& ids);

  sqlite3* db_;
  const ShadowTables& tables_;
  storage::VectorSpec spec_;
  std::string database_;
  std::optional<storage::SegmentFolder> folder_;
  int64_t id_;
  SealedState state_;
  int64_t threshold_ = 0;
  std::optional<int64_t> known_;  // the version that state_.segments is of
  Statement version_;
};

}  // namespace kindred::sql
