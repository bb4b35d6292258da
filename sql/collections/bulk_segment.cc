// SPDX-License-Identifier: Apache-2.0
#include "sql/collections/bulk_segment.h"

#include <algorithm>
#include <utility>

#include "sql/boundary.h"
#include "sql/collections/collection.h"
#include "sql/store_access.h"
#include "storage/upkeep/preparation.h"

namespace kindred::sql {
namespace {

// Rows of <name>_rows that are read over before it is worth looking for the next one wanted.
constexpr int kReadOver = 16;

}  // namespace

void BulkSegment::open(const Collection& collection) {
  builder_ = std::make_unique<storage::SegmentBuilder>(*collection.manifest().folder(),
                                                       collection.vectors(), collection.id());
}

void BulkSegment::put(int64_t cn, int64_t id, std::string_view vector) {
  changes_.push_back({cn, id, static_cast<uint32_t>(builder_->rows())});
  builder_->append(id, vector);
}

void BulkSegment::erase(int64_t cn, int64_t id) {
  changes_.push_back({cn, id, kDelete});
}

std::optional<std::string> BulkSegment::vector_at(int64_t cn) {
  const auto find = [cn](const std::vector<Change>& changes) -> const Change* {
    const auto found =
        std::lower_bound(changes.begin(), changes.end(), cn,
                         [](const Change& change, int64_t wanted) { return change.cn < wanted; });
    return found != changes.end() && found->cn == cn && found->row != kDelete ? &*found : nullptr;
  };
  for (const Settled& settled : settled_)
    if (const Change* change = find(settled.changes)) return settled.vector(*change);
  if (const Change* change = find(changes_)) return builder_->vector(change->row);
  return std::nullopt;
}

std::string BulkSegment::Settled::vector(const Change& change) const {
  if (file == nullptr) return builder->vector(change.row);
  return {reinterpret_cast<const char*>(file->vector(change.row)), file->vector_bytes()};
}

void BulkSegment::settle(Collection& collection) {
  reopen_undone(collection);
  if (is_open()) finish(collection);
}

void BulkSegment::reopen_undone(Collection& collection) {
  for (size_t i = 0; i < settled_.size();) {
    const storage::LogPoint mark = settled_[i].mark;
    LogTable& log = collection.log();
    if (log.sealed() >= mark.cn || log.nonce_at(mark.cn) == mark.nonce) {
      ++i;
      continue;
    }
    const Settled undone = std::move(settled_[i]);
    settled_.erase(settled_.begin() + static_cast<ptrdiff_t>(i));
    if (!is_open()) open(collection);
    for (const Change& change : undone.changes)
      change.row == kDelete ? erase(change.cn, change.id)
                            : put(change.cn, change.id, undone.vector(change));
  }
}

// The log stays newer than every segment: all of it comes along.
void BulkSegment::fold_log(Collection& collection) {
  storage::LogReader& log = collection.log();
  log.read_after(log.sealed(), [&](const storage::LogRow& row) {
    collection.verify(row);
    storage::is(row, storage::Op::kPut) ? put(row.cn, row.id, row.vector) : erase(row.cn, row.id);
    return true;
  });
}

// What <name>_rows says of the ids that came here. An id whose row has a vector of an older segment
// has not changed: what came here of it was undone.
BulkSegment::Outcome BulkSegment::outcome(Collection& collection) const {
  const int64_t sealed = collection.log().sealed();
  std::vector<Change> changes = changes_;
  std::sort(changes.begin(), changes.end(),
            [](const Change& a, const Change& b) { return a.id < b.id; });
  Outcome outcome{std::vector<bool>(builder_->rows()), {}, {}};
  Statement rows(collection.db(), "SELECT id, cn FROM " + collection.tables().rows() +
                                      " WHERE id >= ?1 ORDER BY id");
  bool found = false;
  int read_over = kReadOver;
  for (const Change& change : changes) {
    while (found && rows.integer(0) < change.id && read_over++ < kReadOver) found = rows.step();
    if (read_over >= kReadOver) {
      rows.reset();
      found = rows.bind(1, change.id).step();
    }
    read_over = 0;
    const bool exists = found && rows.integer(0) == change.id;
    if (exists && change.row != kDelete && rows.integer(1) == change.cn)
      outcome.counts[change.row] = true;
    const bool gone = !exists || rows.is_null(1);
    const bool changed = gone || rows.integer(1) > sealed;
    if (!changed || (!outcome.changed.empty() && outcome.changed.back() == change.id)) continue;
    outcome.changed.push_back(change.id);
    if (gone) outcome.gone.push_back(change.id);
  }
  return outcome;
}

void BulkSegment::finish(Collection& collection) {
  if (failed_)
    throw Error(SQLITE_ABORT, collection.name() + ": an earlier error is to be undone by ROLLBACK");
  failed_ = true;  // until it is through
  const int64_t last = collection.newest_cn();
  fold_log(collection);
  const Outcome outcome = this->outcome(collection);
  Adoption adoption;
  adoption.changed = outcome.changed;
  adoption.sealed = last;
  const bool any =
      std::find(outcome.counts.begin(), outcome.counts.end(), true) != outcome.counts.end();
  Settled settled;
  settled.mark = {last, random_number()};
  if (any && !make_segment(collection, adoption, outcome.counts))
    settled.mark = spill(collection, outcome);
  else
    collection.manifest().adopt(adoption);
  std::sort(changes_.begin(), changes_.end(),
            [](const Change& a, const Change& b) { return a.cn < b.cn; });
  settled.changes = std::exchange(changes_, {});
  settled.file = adoption.segment;
  if (settled.file == nullptr) settled.builder = std::move(builder_);
  builder_.reset();
  if (settled.mark.cn > 0) settled_.push_back(std::move(settled));
  failed_ = false;
}

// false if another process has the store.
bool BulkSegment::make_segment(const Collection& collection, Adoption& adoption,
                               const std::vector<bool>& counts) {
  const storage::SegmentFolder& folder = *collection.manifest().folder();
  const std::shared_ptr<storage::Store> store = store_if_free(folder);
  if (!store) {
    storage::postpone(folder, collection.id());
    return false;
  }
  adoption.segment = builder_->finish([&](size_t row) { return counts[row]; });
  adoption.store = builder_->store();
  return true;
}

// Leaves the log's own rows where they are, and writes the others to it, but no delete that was
// undone. Returns the last one that was written; {0, 0} for none: then nothing counts any more.
storage::LogPoint BulkSegment::spill(Collection& collection, const Outcome& outcome) {
  LogTable& log = collection.log();
  storage::LogPoint written;
  for (const Change& change : changes_) {
    if (log.nonce_at(change.cn)) continue;
    const bool put = change.row != kDelete;
    const bool counts =
        put ? outcome.counts[change.row]
            : std::binary_search(outcome.gone.begin(), outcome.gone.end(), change.id);
    if (!counts) continue;
    const std::string vector = put ? builder_->vector(change.row) : std::string();
    const storage::Op op = put ? storage::Op::kPut : storage::Op::kDelete;
    const storage::LogRow row{change.cn, random_number(), change.id, static_cast<int64_t>(op),
                              vector};
    if (const std::optional<Error> error = log.try_write(row)) throw *error;
    written = {row.cn, row.nonce};
  }
  return written;
}

void BulkSegment::forget() noexcept {
  builder_.reset();
  changes_.clear();
  settled_.clear();
  failed_ = false;
}

}  // namespace kindred::sql
