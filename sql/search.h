// One search of a collection: the nearest rows that fulfil what SQLite handed over, in ascending
// distance. Shared by knn() and the collection's own MATCH.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sql/collection.h"
#include "sql/condition.h"
#include "sql/module.h"
#include "sql/query_plan.h"
#include "sql/row_filter.h"
#include "storage/nearest.h"

namespace kindred::sql {

// Distances that count: from `lower` to `upper`, each inclusive or not.
struct DistanceRange {
  double lower;
  double upper;
  bool with_lower = true;
  bool with_upper = true;
  DistanceRange() noexcept;
  bool is_below(double distance) const noexcept;  // nearer than the range
  bool is_above(double distance) const noexcept;  // farther
  // Narrows the range by one constraint. A bound that is NULL leaves nothing.
  void add(int op, sqlite3_value* bound);
};

class Search {
 public:
  // Reads the plan's arguments; nothing is searched yet. `who` opens messages: "knn()", "films".
  // Throws what a bad query vector, k or list is worth.
  Search(Collection& collection, const std::vector<PlanTerm>& plan, Values arguments,
         const std::string& who);

  // The next row; nullopt after the last.
  std::optional<storage::Neighbor> next() { return diversity_ > 0 ? next_diverse() : next_near(); }
  // The k it was given.
  std::optional<uint64_t> k() const noexcept { return k_; }
  int64_t ef() const noexcept { return static_cast<int64_t>(effort_.ef); }
  double diversity() const noexcept { return diversity_; }
  bool must_be_exact() const noexcept { return effort_.exact; }
  // Whether the rows given so far are certain to be the nearest.
  bool is_exact() const noexcept { return !stream_ || stream_->is_exact(); }
  // Distances computed so far.
  size_t visited() const noexcept { return visited_ + (stream_ ? stream_->visited() : 0); }

 private:
  void read(const PlanTerm& term, sqlite3_value* value, const std::string& who);
  void read_k(sqlite3_value* value, const std::string& who);
  void read_hint(sqlite3_value* value);
  void read_ef(sqlite3_value* value, const std::string& who);
  void read_exact(sqlite3_value* value, const std::string& who);
  void read_diversity(sqlite3_value* value, const std::string& who);
  void read_filter(const PlanTerm& term, sqlite3_value* value);
  void read_list(const PlanTerm& term, sqlite3_value* list, const std::string& who);
  void add_ids(sqlite3_value* list);

  void start();
  void start_filtered(std::vector<storage::RowLayer> layers);
  void search(std::vector<storage::RowLayer> layers, const storage::Effort& effort);
  enum class By { kAny, kScan };
  void search_listed(const std::vector<int64_t>& ids, By by);
  std::optional<storage::Neighbor> next_near();
  std::optional<storage::Neighbor> next_diverse();
  std::optional<storage::Neighbor> next_passing();
  bool gather();
  bool is_list_better();
  double left_to_ask(double step) const;
  void stop_probing();

  Collection& collection_;
  std::optional<std::string> query_;  // the vector's bytes; nullopt: nothing is near it
  std::optional<uint64_t> k_;         // read before any filter
  size_t expected_ = 0;
  storage::Effort effort_;
  uint64_t given_ = 0;
  double diversity_ = 0;
  bool by_rowid_ = false;     // rows of one distance are to come by rowid
  bool with_others_ = false;  // SQLite leaves out some of the rows that are given
  uint64_t limit_ = 0;        // rows that are searched for, where k_ is given
  std::optional<std::vector<storage::Neighbor>> diverse_;  // what is left of them, last first
  bool nothing_ = false;                                   // a NULL among the inputs
  DistanceRange range_;
  Condition condition_;
  std::optional<std::vector<int64_t>> only_;  // ids that may answer
  std::unique_ptr<storage::NearestStream> stream_;
  size_t visited_ = 0;  // by a stream that was given up
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
  double cost_before_ = 0;  // what asking had cost when a batch last was whole
};

}  // namespace kindred::sql
