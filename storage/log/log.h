// What a collection's log says, in memory. SQLite's snapshot decides what is seen: a state of the
// log is named by its newest row's change number and nonce, so no cache can serve rows of another
// history. Committed rows are kept once a process (TailCache); what only one connection sees,
// because it has not committed or holds an old snapshot, it keeps for itself (LogView).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "storage/format.h"
#include "storage/log/tail.h"

namespace kindred::storage {

// The log as the caller's snapshot has it; sql/ implements it over the shadow table.
class LogReader {
 public:
  virtual ~LogReader() = default;
  // The change number up to which segments hold the collection: older rows of the log are dead
  // weight, passed over by what follows.
  virtual int64_t sealed() = 0;
  // The newest row; {sealed(), 0} if there is none.
  virtual LogPoint last() = 0;
  // The nonce of the row with this change number; nullopt if there is no such row.
  virtual std::optional<int64_t> nonce_at(int64_t cn) = 0;
  // Visits the rows after `cn` >= sealed(), ascending, until `visit` returns false.
  virtual void read_after(int64_t cn, const std::function<bool(const LogRow&)>& visit) = 0;
};

// Which ids may answer, ascending, each once; nullopt for all.
using OnlyIds = std::optional<std::span<const int64_t>>;

// Rows that one connection sees after a point of a shared cache.
struct Overlay {
  explicit Overlay(Tail empty) : tail(std::move(empty)) {}
  Tail tail;
  LogPoint base;
};

// What the log says in one snapshot.
struct LogLayers {
  std::vector<RowLayer> layers;  // newest last; each id is in at most one
  std::vector<Changes> changes;  // what hides rows of segments
};

// The tail of committed rows, for all connections of a process. Thread-safe: no lock is held while
// a reader reads, for SQLite may wait there (a busy handler) or call the host back (progress
// handler, authorizer), which may come here again by another connection. Readers that miss the same
// rows at the same time each read them; the first to come back adds them.
class TailCache {
 public:
  // `name` opens the messages of errors, e.g. "films_log".
  TailCache(const VectorSpec& spec, std::string name);

  // The rows of the reader's snapshot; what is missing is read. nullopt if the snapshot is older
  // than the cache and not one of the states it remembers.
  // REQUIRES: the reader sees committed rows only.
  std::optional<LogLayers> committed(LogReader& log, const OnlyIds& only);

  // The rows of the reader's snapshot in two layers: what the cache has in common with it, and the
  // rows after that, which are read into `overlay`. Nothing is read into the cache, so the reader
  // may see uncommitted rows.
  LogLayers with_overlay(LogReader& log, Overlay& overlay, const OnlyIds& only);

 private:
  // Rows that were read to follow a tail that ends at `after`.
  struct NewRows {
    LogPoint after;
    std::vector<std::pair<LogRow, std::string>> rows;  // with a copy of the vector
  };

  NewRows read_new(LogReader& log, const LogPoint& start, const LogPoint& end) const;
  // REQUIRES of the next three: mutex_ is held.
  bool knows(const LogPoint& point) const;
  void add(const NewRows& rows);
  LogLayers layers_at(const LogPoint& point, const OnlyIds& only) const;

  const VectorSpec spec_;
  const std::string name_;
  std::mutex mutex_;
  Tail tail_;  // guarded by mutex_; what a reader's snapshot had, never a part of it
  std::vector<LogPoint>
      points_;  // guarded by mutex_: states at which tail_ was complete, ascending
};

// The cache of a database file's collection, shared by all connections of this process that have it
// open; `path` is the file's resolved path and `id` the collection's random id. Collections of
// different specs share nothing, even if somebody has given them one id. A database without a file
// ("") is its connection's own, and so is its cache.
std::shared_ptr<TailCache> shared_tail(const std::string& path, const std::string& id,
                                       const VectorSpec& spec, const std::string& name);

// One connection's window on the log. Not thread-safe, as a connection is not.
class LogView {
 public:
  LogView(const VectorSpec& spec, std::string name, std::shared_ptr<TailCache> shared);

  // The rows of the reader's snapshot.
  // `writing`: the connection is in a write transaction and may see rows of its own.
  LogLayers layers(LogReader& log, bool writing, const OnlyIds& only);

 private:
  VectorSpec spec_;
  std::string name_;
  std::shared_ptr<TailCache> shared_;
  std::unique_ptr<Overlay> overlay_;    // of the write transaction at hand
  std::unique_ptr<TailCache> history_;  // of an old snapshot
};

}  // namespace kindred::storage
