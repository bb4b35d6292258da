// Segments that a process prepares in the background, for the next write transaction to adopt: of
// committed rows of the log (a seal), or of other segments (a merge). One at a time for each
// collection, whichever connection began it. SQLite is not touched here.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/chunk_memory.h"
#include "storage/format.h"
#include "storage/log/dead_rows.h"
#include "storage/segments/segment.h"
#include "storage/segments/segment_folder.h"

namespace kindred::storage {

// Rows of the log from `lo` (exclusive) to `hi`, the newest of each id.
class LogRows {
 public:
  explicit LogRows(int64_t lo) : lo_(lo), hi_{lo, 0} {}
  // Makes room for so many rows at once: growing would copy all of them, in a commit.
  void reserve(size_t rows, size_t vector_bytes);
  // Rows come in the log's order.
  void add(const LogRow& row);
  // Sorts by id and leaves the newest row of each. To be called once, after the last add().
  void settle();

  int64_t lo() const noexcept { return lo_; }
  const LogPoint& hi() const noexcept { return hi_; }
  std::vector<int64_t> ids() const;
  // Calls visit(id, vector) for each id that has one, ascending.
  template <class Visit>
  void for_each_put(size_t bytes, Visit&& visit) const {
    for (const Entry& entry : entries_)
      if (entry.at != kDelete) visit(entry.id, vector_at(entry.at, bytes));
  }
  bool has_puts() const noexcept;

 private:
  static constexpr size_t kDelete = ~size_t{0};
  struct Entry {
    int64_t id;
    size_t at;  // in vectors_
  };

  void make_room(size_t bytes);
  std::string_view vector_at(size_t at, size_t bytes) const noexcept {
    return {reinterpret_cast<const char*>(vectors_.get()) + at, bytes};
  }

  int64_t lo_;
  LogPoint hi_;
  std::vector<Entry> entries_;
  ChunkMemory vectors_;
  size_t used_ = 0;  // bytes of vectors_
  size_t room_ = 0;
};

struct MergeInput {
  std::shared_ptr<const Segment> segment;
  DeadRows dead;  // when the merge began
};

// Shared between the thread that makes it and connections; what is named with "done" may be read
// when is_done().
class Preparation {
 public:
  Preparation(const SegmentFolder& folder, const VectorSpec& spec, int64_t collection,
              LogRows rows);
  Preparation(const SegmentFolder& folder, const VectorSpec& spec, int64_t collection,
              std::vector<MergeInput> inputs);

  // Makes the segment. Calls `pulse` every few thousand rows, which may throw to give up. Throws
  // StorageError: kBusy if another process has the store; has_failed() from then on.
  void make(const std::function<void()>& pulse);

  bool is_done() const noexcept { return state_.load(std::memory_order_acquire) == State::kDone; }
  bool has_failed() const noexcept {
    return state_.load(std::memory_order_acquire) == State::kFailed;
  }

  bool is_merge() const noexcept { return !inputs_.empty(); }
  // Done: the segment; nullptr if it would have no rows.
  const std::shared_ptr<const Segment>& segment() const noexcept { return segment_; }
  int64_t store() const noexcept { return store_; }
  // A seal's: where it begins and ends, and the ids it decides about, ascending.
  int64_t lo() const noexcept { return lo_; }
  const LogPoint& hi() const noexcept { return hi_; }
  const std::vector<int64_t>& ids() const noexcept { return ids_; }
  // A merge's.
  const std::vector<MergeInput>& inputs() const noexcept { return inputs_; }

  const SegmentFolder& folder() const noexcept { return folder_; }
  int64_t collection() const noexcept { return collection_; }

 private:
  enum class State { kMaking, kDone, kFailed };

  void make_segment(const std::function<void()>& pulse);

  SegmentFolder folder_;
  VectorSpec spec_;
  int64_t collection_;
  std::unique_ptr<LogRows> rows_;  // until it is made
  int64_t lo_ = 0;
  LogPoint hi_;
  std::vector<int64_t> ids_;
  std::vector<MergeInput> inputs_;
  std::shared_ptr<const Segment> segment_;
  int64_t store_ = 0;
  std::atomic<State> state_{State::kMaking};
};

// Calls visit(id, vector, input) for the live rows of all inputs by ascending id.
// REQUIRES: an id is alive in at most one of them.
void merge_rows(const std::vector<MergeInput>& inputs, size_t bytes,
                const std::function<void(int64_t id, std::string_view vector)>& visit);

// The preparation of a collection under way or done in this process; nullptr for none. One that
// failed is forgotten and begun anew a second later at the earliest.
std::shared_ptr<Preparation> preparation_of(const SegmentFolder& folder, int64_t collection);
// Whether a new one may begin.
bool may_prepare(const SegmentFolder& folder, int64_t collection);
// Whether sealing has failed less than a second ago; and notes that it has.
bool is_postponed(const SegmentFolder& folder, int64_t collection);
void postpone(const SegmentFolder& folder, int64_t collection);
// Begins it, unless another has been begun meanwhile.
void start(std::shared_ptr<Preparation> preparation);
// Forgets it: it has been adopted, or (`discarded`) never will be and its files go.
void end(const std::shared_ptr<Preparation>& preparation, bool discarded);

}  // namespace kindred::storage
