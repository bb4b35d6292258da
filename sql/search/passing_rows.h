// The rows that fulfil a request's conditions, nearest first.
//
// Either SQLite lists the rows that pass and these are searched, or rows are asked one by one in
// ascending distance. Which costs less depends on how many pass, near the query and anywhere; what
// is begun here to find out is gone on with.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "sql/collections/collection.h"
#include "sql/search/row_filter.h"
#include "sql/search/search_request.h"
#include "storage/nearest/nearest.h"

namespace kindred::sql {

class PassingRows {
 public:
  // `wanted`: rows that the caller will take if it is given a k; else it may take any number.
  // REQUIRES: request.query is set; both outlive this.
  PassingRows(Collection& collection, const SearchRequest& request, uint64_t wanted);

  // Within the request's range of distances; nullopt after the last.
  std::optional<storage::Neighbor> next();

  // What rows are searched with: the request's, or what its other parts ask for.
  const storage::Effort& effort() const noexcept { return effort_; }
  // Whether the rows given so far are certain to be the nearest.
  bool is_exact() const noexcept { return stream_->is_exact(); }
  // Distances computed so far.
  size_t visited() const noexcept { return visited_ + stream_->visited(); }

 private:
  void search(std::vector<storage::RowLayer> layers, const storage::Effort& effort);
  void begin_asking(std::vector<storage::RowLayer> layers);
  enum class By { kAny, kScan };
  void search_listed(const std::vector<int64_t>& ids, By by);
  std::optional<storage::Neighbor> next_passing();
  bool gather();
  bool is_list_better();
  double left_to_ask(double step) const;
  void stop_asking();

  Collection& collection_;
  const SearchRequest& request_;
  storage::Effort effort_;
  std::unique_ptr<storage::NearestStream> stream_;
  size_t visited_ = 0;  // by a stream that was given up
  uint64_t given_ = 0;
  // While candidates are asked one by one: how many of those next to the query were asked first and
  // have passed, how many have been asked in turn, how many are to pass at a time, those that have
  // passed, farthest first, and the last of them that has been given.
  std::optional<RowFilter> filter_;
  size_t peeked_ = 0;
  size_t peeked_passed_ = 0;
  size_t asked_ = 0;
  size_t batch_ = 1;
  std::vector<storage::Neighbor> passed_;
  std::optional<storage::Neighbor> last_;
};

}  // namespace kindred::sql
