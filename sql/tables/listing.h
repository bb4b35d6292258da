// What a scan of a collection reads of its rows, and in which order: as much of a statement as an
// index of <name>_rows can answer. Carried from xBestIndex to xFilter in front of the plan's terms.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sql/collections/collection_options.h"
#include "sql/search/query_plan.h"

namespace kindred::sql {

class Listing {
 public:
  // Everything, in any order.
  Listing() = default;
  // What the statement asks for. Where it asks for no order, and has no condition that an index may
  // answer, rows come by rowid as from other virtual tables, unless no column is read: an index is
  // counted faster than the table. Takes over its order (orderByConsumed) where rows come in it
  // anyway: that of the rowid; that of an indexed column, and then of the rowid, if only the first
  // rows are wanted or the index has all that is. Not where a condition may use another index.
  Listing(sqlite3_index_info& info, const CollectionOptions& options,
          const std::vector<PlanTerm>& conditions);

  // Whether the column's value is read; if not, it is there nevertheless, by a look-up.
  bool reads(size_t column) const noexcept {
    return (columns_ >> std::min<size_t>(column, kOthers) & 1) != 0;
  }
  // "id, NULL, c0": the columns of Collection::stored_list(), at the same places.
  std::string columns(const CollectionOptions& options) const;
  // " ORDER BY c0 DESC, id DESC", or nothing.
  std::string order() const;

  // "63,3,1,"
  std::string encode() const;
  // Takes it off the text.
  static Listing decode(std::string_view& text);

 private:
  static constexpr size_t kOthers = 63;  // the bit of all columns from there on
  static constexpr int kNone = -2;
  static constexpr int kRowid = -1;

  bool comes_ordered(const sqlite3_index_info& info, const CollectionOptions& options,
                     const std::vector<PlanTerm>& conditions) const;

  uint64_t columns_ = ~uint64_t{0};
  int order_ = kNone;  // by this column
  bool descends_ = false;
};

}  // namespace kindred::sql
