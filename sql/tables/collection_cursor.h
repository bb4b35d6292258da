// Rows of a collection: all, some by conditions on their columns, or the nearest to a query.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "sql/collections/collection.h"
#include "sql/module.h"
#include "sql/search/search.h"
#include "sql/statement.h"
#include "sql/tables/listing.h"

namespace kindred::sql {

enum class PlanKind : int { kScan, kNearest };

// The hidden columns, counted from the first one, which is named like the table.
namespace hidden {
enum Column : int { kTable, kK, kDistance, kEf, kExact, kDiversity, kVisited, kIsExact };
}

class CollectionCursor : public sqlite3_vtab_cursor {
 public:
  // Sets `asked` to itself whenever a column is asked of it.
  CollectionCursor(std::shared_ptr<Collection> collection, const CollectionCursor*& asked);
  ~CollectionCursor();

  void filter(int plan, const char* plan_text, Values arguments);
  void next();
  bool eof() const { return done_; }
  int64_t rowid() const { return id_; }
  void column(sqlite3_context* context, int column);
  // Whether its rows are those of a search for this query whose MATCH is checked again.
  bool searches_for(sqlite3_value* query) const;

 private:
  void give_row_back() noexcept;
  void start_search(const std::vector<PlanTerm>& terms, Values arguments);
  void start_scan(const std::vector<PlanTerm>& terms, Values arguments);
  Condition scan_condition(const std::vector<PlanTerm>& terms, Values arguments) const;
  void hidden_column(sqlite3_context* context, int column) const;
  void vector_column(sqlite3_context* context, size_t column);
  // The row with a column that scans may leave out; nullptr if it has been deleted since the search
  // or the scan found it.
  Statement* row_with(size_t column);
  // The row's stored columns, looked up when the first one is asked for; nullptr likewise.
  Statement* looked_up();

  std::shared_ptr<Collection> collection_;
  const CollectionCursor*& asked_;
  KeptValue query_;                 // of a search whose MATCH is checked again
  std::unique_ptr<Search> search_;  // of a search
  double distance_ = 0;
  Statement scan_;         // of a scan; kept for the next one by the same SQL
  Listing listing_;        // what it reads
  Statement row_;          // a look-up
  bool by_rowid_ = false;  // of the only row that is wanted, in place of a scan
  bool row_read_ = false;  // row_ stands on id_, or behind it where it has gone
  bool row_gone_ = false;
  int64_t id_ = 0;
  bool done_ = true;
};

}  // namespace kindred::sql
