// How vectors travel from the log to segments: when a transaction's changes go past the log, when
// the log is sealed, segments merged and what was prepared adopted. One for each connection and
// collection; all of it happens in write transactions, at the moments that SQLite announces.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "sql/boundary.h"
#include "sql/collections/bulk_segment.h"
#include "storage/format.h"
#include "storage/upkeep/graph_jobs.h"
#include "storage/upkeep/preparation.h"

namespace kindred::sql {

class Collection;

class Sealing {
 public:
  // To be called before the first row of a change: decides where its rows go, to the log or, once
  // there have been many in this transaction, past it. Throws StorageError where there is no place
  // for them; nothing has been written then.
  void begin_change(Collection& collection);
  // Notes a row of the change. Hands an error of the log back instead of throwing it.
  std::optional<Error> write(Collection& collection, const storage::LogRow& row);
  // Whether changes of this transaction have gone past the log.
  bool is_past_log() const noexcept { return !bulk_.is_idle(); }
  // The vector of a put of this transaction that went past the log.
  std::optional<std::string> vector_at(int64_t cn) { return bulk_.vector_at(cn); }

  // Brings what went past the log into segments, so that the transaction can read it.
  void settle(Collection& collection);
  // The whole log into a segment, and all segments into one.
  void optimize(Collection& collection);

  // SQLite's moments.
  void sync(Collection& collection);
  void commit(const Manifest& manifest) noexcept;
  void rollback() noexcept;

 private:
  void build_graphs(Collection& collection);
  void compact(Collection& collection);
  void compact_now_and_then(Collection& collection);
  void await_preparation(Collection& collection);
  void adopt_prepared(Collection& collection);
  bool adopt_seal(Collection& collection, const storage::Preparation& seal);
  bool adopt_merge(Collection& collection, const storage::Preparation& merge);
  void find_graphless(Collection& collection);
  void prepare(Collection& collection);
  void prepare_seal(Collection& collection);
  void prepare_merge(Collection& collection);

  int64_t rows_ = 0;  // of this transaction that went to the log
  bool wrote_ = false;
  int64_t written_ = 0;        // rows since the log of a database without a file was looked at
  int64_t drained_up_to_ = 0;  // no older row is left in the log
  int64_t looked_at_ = 0;      // the manifest's version in which nothing is to be merged
  BulkSegment bulk_;
  std::shared_ptr<storage::Preparation> adopted_;  // until the transaction ends
  std::shared_ptr<storage::Preparation> begun_;    // by xSync, started by xCommit
  std::vector<int64_t> retired_;  // segments that this transaction takes out of the manifest
  std::vector<std::shared_ptr<const storage::Segment>> graphless_;  // found by xSync
  // Of what `optimize` merges, until the transaction ends.
  std::optional<storage::HeldGraphs> held_;
  storage::GraphOptions graph_options_;
  storage::VectorSpec vectors_{};
  bool optimized_ = false;  // what is retired goes at once
};

}  // namespace kindred::sql
