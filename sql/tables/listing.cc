// SPDX-License-Identifier: Apache-2.0
#include "sql/tables/listing.h"

#include <algorithm>

#include "sql/collections/shadow_tables.h"

namespace kindred::sql {
namespace {

bool is_indexed(const CollectionOptions& options, int column) {
  const auto i = static_cast<size_t>(column);
  return column >= 0 && i < options.columns.size() && options.is_stored(i) && options.is_indexed(i);
}

// One value of an index: its rows come by rowid.
bool is_equality(const PlanTerm& term) noexcept {
  return term.role == Role::kFilter &&
         (term.op == SQLITE_INDEX_CONSTRAINT_EQ || term.op == SQLITE_INDEX_CONSTRAINT_IS ||
          term.op == SQLITE_INDEX_CONSTRAINT_ISNULL);
}

bool has_limit(const sqlite3_index_info& info) {
  const auto* const constraints = info.aConstraint;
  return std::any_of(constraints, constraints + info.nConstraint, [](const auto& constraint) {
    return constraint.op == SQLITE_INDEX_CONSTRAINT_LIMIT && constraint.usable != 0;
  });
}

}  // namespace

Listing::Listing(sqlite3_index_info& info, const CollectionOptions& options,
                 const std::vector<PlanTerm>& conditions)
    : columns_(info.colUsed) {
  if (info.nOrderBy == 0 && conditions.empty() && columns_ != 0) order_ = kRowid;
  if (!comes_ordered(info, options, conditions)) return;
  const auto& first = info.aOrderBy[0];
  order_ = options.is_rowid(first.iColumn) ? kRowid : first.iColumn;
  descends_ = first.desc != 0;
  info.orderByConsumed = 1;
}

bool Listing::comes_ordered(const sqlite3_index_info& info, const CollectionOptions& options,
                            const std::vector<PlanTerm>& conditions) const {
  if (info.nOrderBy == 0) return false;
  const auto* const order = info.aOrderBy;
  const auto all = [&conditions](const auto& harmless) {
    return std::all_of(conditions.begin(), conditions.end(), harmless);
  };
  if (options.is_rowid(order[0].iColumn))
    return all([&](const PlanTerm& term) {
      return is_equality(term) || (term.role == Role::kFilter && term.column == -1) ||
             (term.column >= 0 && !is_indexed(options, term.column));
    });
  const int column = order[0].iColumn;
  if (!is_indexed(options, column) || info.nOrderBy > 2) return false;
  if (info.nOrderBy == 2 && (!options.is_rowid(order[1].iColumn) || order[1].desc != order[0].desc))
    return false;
  if (!all([&](const PlanTerm& term) {
        return (term.role == Role::kFilter && term.column == column) ||
               (term.column >= 0 && !is_indexed(options, term.column));
      }))
    return false;
  uint64_t others = columns_ & ~(uint64_t{1} << std::min<size_t>(kOthers, column));
  if (options.has_integer_key())
    others &= ~(uint64_t{1} << std::min<size_t>(kOthers, *options.key_column()));
  return has_limit(info) || (others == 0 && static_cast<size_t>(column) < kOthers);
}

std::string Listing::columns(const CollectionOptions& options) const {
  const std::optional<size_t> vector = options.vector_column();
  std::string list = vector && reads(*vector) ? "id, cn" : "id, NULL";
  for (size_t i = 0; i < options.columns.size(); ++i)
    if (options.is_stored(i)) list += reads(i) ? ", " + stored_column(i) : ", NULL";
  return list;
}

std::string Listing::order() const {
  if (order_ == kNone) return "";
  const std::string direction = descends_ ? " DESC" : "";
  const std::string by_id = "id" + direction;
  if (order_ == kRowid) return " ORDER BY " + by_id;
  return " ORDER BY " + stored_column(static_cast<size_t>(order_)) + direction + ", " + by_id;
}

std::string Listing::encode() const {
  return std::to_string(columns_) + ',' + std::to_string(order_) + ',' +
         std::to_string(descends_ ? 1 : 0) + ',';
}

Listing Listing::decode(std::string_view& text) {
  Listing listing;
  listing.columns_ = take_number<uint64_t>(text);
  listing.order_ = take_number<int>(text);
  listing.descends_ = take_number<int>(text) != 0;
  return listing;
}

}  // namespace kindred::sql
