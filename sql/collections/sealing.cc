// SPDX-License-Identifier: Apache-2.0
#include "sql/collections/sealing.h"

#include <algorithm>
#include <limits>
#include <map>
#include <utility>

#include "sql/boundary.h"
#include "sql/collections/collection.h"
#include "sql/collections/sweeping.h"
#include "sql/progress.h"
#include "sql/store_access.h"
#include "storage/upkeep/sweep.h"

namespace kindred::sql {
namespace {

// Log rows after which a transaction waits for no background thread, in thresholds.
constexpr int64_t kForeground = 4;

// A transaction goes past the log when it has written this part of a threshold.
constexpr int64_t kBulkShare = 2;

// Sealed log rows that a transaction removes: SQLite overwrites them with zeros (SECURE_DELETE),
// which takes 10 us a row.
constexpr int64_t kRemoved = 128;

// So many segments of one size class become one of the next: each row is rewritten once a class.
constexpr size_t kFanOut = 4;

// Rows between two pulses of Preparation::make(), about.
constexpr uint64_t kPulseRows = 4096;

int size_class(size_t rows, int64_t threshold) {
  int tier = 0;
  for (rows /= 2; rows >= static_cast<size_t>(threshold); rows /= kFanOut) ++tier;
  return tier;
}

bool is_mostly_alive(const NamedSegment& segment) {
  return segment.dead.count() * 4 <= segment.file->distinct();
}

}  // namespace

void Sealing::begin_change(Collection& collection) {
  wrote_ = true;
  if (!bulk_.is_open() && collection.manifest().folder() != nullptr &&
      rows_ >= collection.manifest().threshold() / kBulkShare && collection.tables().has_segments())
    bulk_.open(collection);
}

std::optional<Error> Sealing::write(Collection& collection, const storage::LogRow& row) {
  if (!bulk_.is_open()) {
    ++rows_;
    return collection.log().try_write(row);
  }
  is(row, storage::Op::kPut) ? bulk_.put(row.cn, row.id, row.vector) : bulk_.erase(row.cn, row.id);
  return std::nullopt;
}

void Sealing::settle(Collection& collection) {
  if (bulk_.is_idle()) return;
  bulk_.settle(collection);
  rows_ = 0;
}

void Sealing::optimize(Collection& collection) {
  wrote_ = true;
  if (collection.manifest().folder() == nullptr) return compact(collection);
  const storage::SegmentFolder& folder = *collection.manifest().folder();
  collection.tables().upgrade();
  folder.create();
  const std::shared_ptr<storage::Store> store = wait_for_store(collection.db(), folder);
  await_preparation(collection);
  if (!bulk_.is_open()) bulk_.open(collection);
  settle(collection);
  collection.log().remove_sealed(std::numeric_limits<int64_t>::max());
  std::vector<storage::MergeInput> inputs;
  bool dead = false;
  size_t rows = 0;
  for (const NamedSegment& segment : collection.manifest().read().segments) {
    inputs.push_back({segment.file, segment.dead});
    rows += segment.live();
    dead = dead || segment.dead.count() > 0;
  }
  optimized_ = true;
  std::shared_ptr<const storage::Segment> merged;  // knows the graph that its own can begin with
  if (inputs.size() > 1 || dead) {
    std::vector<std::string> graphs;
    for (const storage::MergeInput& input : inputs) graphs.push_back(input.segment->graph_path());
    held_.emplace(std::move(graphs));
    storage::Preparation merge(folder, collection.vectors(), collection.id(), std::move(inputs));
    Progress progress(collection.db(), collection.name() + ": optimize", rows);
    merge.make([&] { progress.advance(kPulseRows); });
    adopt_merge(collection, merge);
    merged = merge.segment();
  }
  build_graphs(collection);
}

void Sealing::build_graphs(Collection& collection) {
  for (const NamedSegment& segment : collection.manifest().read().segments) {
    Progress progress(collection.db(), collection.name() + ": graph", segment.file->rows());
    storage::build_graph_now(*segment.file, collection.vectors(), collection.options().graph,
                             [&](size_t done, size_t) { progress.advance_to(done); });
  }
}

// What the background thread is at, it would otherwise finish in vain.
void Sealing::await_preparation(Collection& collection) {
  constexpr int kPause = 1;  // millisecond
  const storage::SegmentFolder& folder = *collection.manifest().folder();
  InterruptCheck stop_if_interrupted(collection.db());
  for (;; sqlite3_sleep(kPause)) {
    stop_if_interrupted();
    const auto prepared = storage::preparation_of(folder, collection.id());
    if (!prepared || prepared->is_done()) break;
  }
  adopt_prepared(collection);
}

// A database without a file keeps all vectors in the log: removes the rows that no longer count.
void Sealing::compact(Collection& collection) {
  const int64_t last = collection.next_cn();
  const auto cut = static_cast<int64_t>(storage::Op::kCut);
  if (const std::optional<Error> error =
          collection.log().try_write({last, random_number(), 0, cut, {}}))
    throw *error;
  const std::string& rows = collection.tables().rows();
  Statement(collection.db(), "DELETE FROM " + collection.tables().log() +
                                 " AS l WHERE cn < ?1 AND NOT EXISTS (SELECT 1 FROM " + rows +
                                 " AS r WHERE r.id = l.id AND r.cn = l.cn)")
      .bind(1, last)
      .run();
}

void Sealing::compact_now_and_then(Collection& collection) {
  written_ += rows_;
  if (written_ < collection.manifest().threshold()) return;
  written_ = 0;
  Statement count(collection.db(), "SELECT (SELECT count(*) FROM " + collection.tables().log() +
                                       "), (SELECT count(*) FROM " + collection.tables().rows() +
                                       ")");
  count.step();
  const int64_t dead = count.integer(0) - count.integer(1);
  const bool much = dead > count.integer(1) / 4;
  count.reset();
  if (much) compact(collection);
}

void Sealing::sync(Collection& collection) {
  begun_.reset();
  if (!wrote_ || !collection.is_there()) return;
  const storage::SegmentFolder* folder = collection.manifest().folder();
  if (folder == nullptr) return compact_now_and_then(collection);
  if (storage::is_sweep_due(*folder))
    sweep(collection.manifest().database(), *folder, /*at_once=*/false);
  bulk_.settle(collection);
  adopt_prepared(collection);
  find_graphless(collection);
  const int64_t logged = collection.newest_cn() - collection.log().sealed();
  const int64_t threshold = collection.manifest().threshold();  // any number: no products of it
  const bool upgraded = collection.tables().has_segments();
  if (upgraded && (logged - 1) / kForeground >= threshold &&
      !storage::is_postponed(*folder, collection.id())) {
    bulk_.open(collection);
    bulk_.settle(collection);
    rows_ = 0;
  } else if (upgraded) {
    prepare(collection);
  }
  if (drained_up_to_ == collection.log().sealed()) return;
  const int64_t most = std::max(kRemoved, 2 * rows_);  // so that the log shrinks
  if (collection.log().remove_sealed(most) < most) drained_up_to_ = collection.log().sealed();
}

void Sealing::adopt_prepared(Collection& collection) {
  const std::shared_ptr<storage::Preparation> prepared =
      storage::preparation_of(*collection.manifest().folder(), collection.id());
  if (!prepared || !prepared->is_done()) return;
  // Database and folder may have been replaced since.
  const bool elsewhere =
      prepared->segment() &&
      (!prepared->segment()->has_its_name() || !collection.manifest().is_store(prepared->store()));
  if (elsewhere) return storage::end(prepared, /*discarded=*/true);
  const bool named =
      prepared->segment() && collection.manifest().read().find(prepared->segment()->id());
  const bool adopted = named || (prepared->is_merge() ? adopt_merge(collection, *prepared)
                                                      : adopt_seal(collection, *prepared));
  if (adopted)
    adopted_ = prepared;
  else
    storage::end(prepared, /*discarded=*/true);
}

// false if another process has sealed the same rows.
bool Sealing::adopt_seal(Collection& collection, const storage::Preparation& seal) {
  LogTable& log = collection.log();
  if (log.sealed() != seal.lo() || log.nonce_at(seal.hi().cn) != seal.hi().nonce) return false;
  Adoption adoption;
  adoption.segment = seal.segment();
  adoption.store = seal.store();
  adoption.changed = seal.ids();
  adoption.sealed = seal.hi().cn;
  collection.manifest().adopt(adoption);
  return true;
}

// Rows of the inputs that died since the merge began are dead in what it made. false if one of the
// inputs is gone, or rows live again that the merge left out: of a database that was restored.
bool Sealing::adopt_merge(Collection& collection, const storage::Preparation& merge) {
  Adoption adoption;
  adoption.segment = merge.segment();
  adoption.store = merge.store();
  for (const storage::MergeInput& input : merge.inputs()) {
    const NamedSegment* named = collection.manifest().read().find(input.segment->id());
    if (named == nullptr) return false;
    adoption.replaces.push_back(named->segment);
    if (!named->dead.contains(input.dead)) return false;
    for (size_t rank = 0; rank < std::min(named->dead.limit(), input.segment->distinct()); ++rank)
      if (named->dead.contains(rank) && !input.dead.contains(rank))
        adoption.dead.add(merge.segment()->rank_of(input.segment->id_at(rank)).value());
  }
  collection.manifest().adopt(adoption);
  retired_.insert(retired_.end(), adoption.replaces.begin(), adoption.replaces.end());
  for (const storage::MergeInput& input : merge.inputs())
    storage::give_up_graph(input.segment->graph_path());  // if all is undone, it is asked for again
  return true;
}

// Segments whose graphs are to be built after this transaction's commit.
void Sealing::find_graphless(Collection& collection) {
  graphless_.clear();
  for (const NamedSegment& segment : collection.manifest().read().segments)
    if (segment.file->rows() >= storage::kLeastUnaskedRows &&
        storage::lacks_graph(*segment.file, collection.vectors()))
      graphless_.push_back(segment.file);
  graph_options_ = collection.options().graph;
  vectors_ = collection.vectors();
}

// What the background thread is to do after this transaction's commit.
void Sealing::prepare(Collection& collection) {
  if (adopted_ || !storage::may_prepare(*collection.manifest().folder(), collection.id())) return;
  if (collection.newest_cn() - collection.log().sealed() > collection.manifest().threshold())
    prepare_seal(collection);
  else
    prepare_merge(collection);
}

void Sealing::prepare_seal(Collection& collection) {
  LogTable& log = collection.log();
  storage::LogRows rows(log.sealed());
  const int64_t logged = collection.newest_cn() - log.sealed();
  const int64_t threshold = collection.manifest().threshold();
  const int64_t room = logged / kForeground < threshold ? logged : kForeground * threshold;
  rows.reserve(static_cast<size_t>(room), collection.vectors().bytes());
  log.read_after(log.sealed(), [&](const storage::LogRow& row) {
    collection.verify(row);
    rows.add(row);
    return true;
  });
  rows.settle();
  begun_ = std::make_shared<storage::Preparation>(
      *collection.manifest().folder(), collection.vectors(), collection.id(), std::move(rows));
}

// Segments of one size class that have become too many, or one with many dead rows.
void Sealing::prepare_merge(Collection& collection) {
  const SealedState& state = collection.manifest().read();
  if (state.version == looked_at_) return;
  looked_at_ = state.version;
  std::map<int, std::vector<storage::MergeInput>> classes;
  for (const NamedSegment& segment : state.segments) {
    const int tier = size_class(segment.live(), collection.manifest().threshold());
    classes[tier].push_back({segment.file, segment.dead});
    if (!is_mostly_alive(segment)) classes[-1] = {{segment.file, segment.dead}};
  }
  for (auto& [tier, inputs] : classes) {
    if (tier >= 0 && inputs.size() < kFanOut) continue;
    begun_ = std::make_shared<storage::Preparation>(
        *collection.manifest().folder(), collection.vectors(), collection.id(), std::move(inputs));
    return;
  }
}

// SQLite takes no error from here: what is not begun or swept now is later, and of what was adopted
// the next transaction finds that it is named.
void Sealing::commit(const Manifest& manifest) noexcept {
  const auto ignore = [](int, const char*) noexcept {};
  guard(
      [&] {
        if (adopted_) storage::end(adopted_, /*discarded=*/false);
        if (begun_) storage::start(std::move(begun_));
        for (auto& segment : graphless_)
          storage::build_graph_soon(std::move(segment), vectors_, graph_options_);
        for (const int64_t segment : retired_) manifest.folder()->touch(segment);
      },
      ignore);
  const bool sweeps = optimized_ && !retired_.empty();
  rollback();
  if (!sweeps) return;
  guard(
      [&] {
        if (has_no_old_readers(manifest.database()))
          sweep(manifest.database(), *manifest.folder(), /*at_once=*/true);
      },
      ignore);
}

void Sealing::rollback() noexcept {
  bulk_.forget();
  adopted_.reset();
  begun_.reset();
  retired_.clear();
  graphless_.clear();
  held_.reset();
  optimized_ = false;
  rows_ = 0;
  wrote_ = false;
}

}  // namespace kindred::sql
