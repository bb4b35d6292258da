// Rows of a collection: all, some by conditions on their columns, or the nearest to a query.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "sql/collection.h"
#include "sql/module.h"
#include "sql/search.h"
#include "sql/statement.h"

namespace kindred::sql {

enum class PlanKind : int { kScan, kNearest };

// The hidden columns, counted from the first one, which is named like the table.
namespace hidden {
enum Column : int { kTable, kK, kDistance, kVisited, kIsExact };
}

class CollectionCursor : public sqlite3_vtab_cursor {
 public:
  explicit CollectionCursor(std::shared_ptr<Collection> collection);
  ~CollectionCursor();

  void filter(int plan, const char* plan_text, Values arguments);
  void next();
  bool eof() const { return done_; }
  int64_t rowid() const { return id_; }
  void column(sqlite3_context* context, int column);

 private:
  void give_row_back() noexcept;
  void start_scan(const std::vector<PlanTerm>& terms, Values arguments);
  void hidden_column(sqlite3_context* context, int column) const;
  void vector_column(sqlite3_context* context);
  // The row's stored columns, looked up when the first one is asked for; nullptr if the row has
  // been deleted since the search found it.
  Statement* stored_row();

  std::shared_ptr<Collection> collection_;
  std::unique_ptr<Search> search_;  // of a search; else the scan goes on in row_
  double distance_ = 0;
  Statement row_;
  bool by_rowid_ = false;  // row_ is a look-up: of one row, and not by a search
  bool row_read_ = false;  // row_ stands on id_, or behind it where it has gone
  bool row_gone_ = false;
  int64_t id_ = 0;
  bool done_ = true;
};

}  // namespace kindred::sql
