// The changes of a large transaction on their way past the log, straight into segments. What SQLite
// undoes (ROLLBACK TO, a failed statement) is undone here without a word: _rows decides which
// changes count, when a segment is finished; manifest and log, whether that still holds.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sql/collections/manifest.h"
#include "storage/format.h"
#include "storage/segments/segment_builder.h"

namespace kindred::sql {

class Collection;

class BulkSegment {
 public:
  // Whether changes go here rather than to the log.
  bool is_open() const noexcept { return builder_ != nullptr; }
  bool is_idle() const noexcept { return !is_open() && settled_.empty(); }
  void open(const Collection& collection);
  // REQUIRES: is_open().
  void put(int64_t cn, int64_t id, std::string_view vector);
  void erase(int64_t cn, int64_t id);

  // The vector of a put that this transaction sent here.
  std::optional<std::string> vector_at(int64_t cn);

  // Makes one segment of everything that came here and of the whole log, and adopts it in the
  // transaction at hand; also of what was settled before, if SQLite has undone that. Closes. Where
  // another process has the store, what came here goes to the log instead.
  void settle(Collection& collection);
  // The transaction has ended.
  void forget() noexcept;

 private:
  static constexpr uint32_t kDelete = ~uint32_t{0};
  struct Change {
    int64_t cn;
    int64_t id;
    uint32_t row;  // in the segment, or kDelete
  };
  // Kept until the transaction ends: a ROLLBACK TO may undo it, and rows that did not count then
  // may count again.
  struct Settled {
    std::vector<Change> changes;                       // by ascending cn
    std::shared_ptr<const storage::Segment> file;      // has the vectors, or else
    std::unique_ptr<storage::SegmentBuilder> builder;  // where no segment was made
    // Holds while the manifest is sealed up to there, or the log has that row.
    storage::LogPoint mark;
    std::string vector(const Change& change) const;
  };

  struct Outcome {
    std::vector<bool> counts;      // which rows of the segment answer
    std::vector<int64_t> changed;  // ids, ascending, about which the segment decides
    std::vector<int64_t> gone;     // those of them that have no vector any more
  };

  void reopen_undone(Collection& collection);
  void fold_log(Collection& collection);
  Outcome outcome(Collection& collection) const;
  void finish(Collection& collection);
  bool make_segment(const Collection& collection, Adoption& adoption,
                    const std::vector<bool>& counts);
  storage::LogPoint spill(Collection& collection, const Outcome& outcome);

  std::unique_ptr<storage::SegmentBuilder> builder_;
  std::vector<Change> changes_;
  std::vector<Settled> settled_;
  bool failed_ = false;  // in the middle of finishing one: only ROLLBACK helps
};

}  // namespace kindred::sql
