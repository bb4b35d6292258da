// SPDX-License-Identifier: Apache-2.0
#include "storage/upkeep/preparation.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <exception>
#include <map>
#include <mutex>
#include <queue>

#include "storage/error.h"
#include "storage/segments/segment_builder.h"
#include "storage/upkeep/background.h"
#include "storage/upkeep/graph_jobs.h"

namespace kindred::storage {
namespace {

using Clock = std::chrono::steady_clock;

// How long a failure (another process has the store, the disk is full) keeps the next try away.
constexpr std::chrono::seconds kRetry{1};

struct Slot {
  std::shared_ptr<Preparation> current;
  Clock::time_point not_before{};
};

struct Slots {
  std::mutex mutex;
  std::map<std::pair<std::string, int64_t>, Slot> by_collection;  // guarded by mutex
};

// Never destroyed: connections may outlive statics.
Slots& slots() {
  static Slots* const all = new Slots;
  return *all;
}

void give_up_at_exit() {
  if (is_exiting()) throw StorageError(Fault::kBusy, "the process exits");
}

// nullptr for none.
std::shared_ptr<const Segment> largest_with_graph(const std::vector<MergeInput>& inputs) {
  std::shared_ptr<const Segment> largest;
  for (const MergeInput& input : inputs)
    if (input.segment->graph() != nullptr &&
        (largest == nullptr || input.segment->rows() > largest->rows()))
      largest = input.segment;
  return largest;
}

}  // namespace

void LogRows::reserve(size_t rows, size_t vector_bytes) {
  entries_.reserve(rows);
  make_room(rows * vector_bytes);
}

// Of huge pages: entering 15 MB by small ones is two thirds of a seal's time in a commit.
void LogRows::make_room(size_t bytes) {
  ChunkMemory larger = make_chunk_memory(bytes, bytes < kHugePage ? Pages::kUsual : Pages::kHuge);
  if (used_ > 0) std::memcpy(larger.get(), vectors_.get(), used_);
  vectors_ = std::move(larger);
  room_ = bytes;
}

void LogRows::add(const LogRow& row) {
  hi_ = {row.cn, row.nonce};
  const bool put = is(row, Op::kPut);
  entries_.push_back({row.id, put ? used_ : kDelete});
  if (!put) return;
  const size_t end = used_ + row.vector.size();
  if (end > room_) make_room(std::max(end, 2 * room_));
  std::memcpy(vectors_.get() + used_, row.vector.data(), row.vector.size());
  used_ = end;
}

void LogRows::settle() {
  std::stable_sort(entries_.begin(), entries_.end(),
                   [](const Entry& a, const Entry& b) { return a.id < b.id; });
  size_t kept = 0;
  for (size_t i = 0; i < entries_.size(); ++i)
    if (i + 1 == entries_.size() || entries_[i].id != entries_[i + 1].id)
      entries_[kept++] = entries_[i];
  entries_.resize(kept);
}

std::vector<int64_t> LogRows::ids() const {
  std::vector<int64_t> ids;
  ids.reserve(entries_.size());
  for (const Entry& entry : entries_) ids.push_back(entry.id);
  return ids;
}

bool LogRows::has_puts() const noexcept {
  return std::any_of(entries_.begin(), entries_.end(),
                     [](const Entry& entry) { return entry.at != kDelete; });
}

Preparation::Preparation(const SegmentFolder& folder, const VectorSpec& spec, int64_t collection,
                         LogRows rows)
    : folder_(folder),
      spec_(spec),
      collection_(collection),
      rows_(std::make_unique<LogRows>(std::move(rows))),
      lo_(rows_->lo()),
      hi_(rows_->hi()),
      ids_(rows_->ids()) {}

Preparation::Preparation(const SegmentFolder& folder, const VectorSpec& spec, int64_t collection,
                         std::vector<MergeInput> inputs)
    : folder_(folder), spec_(spec), collection_(collection), inputs_(std::move(inputs)) {}

void Preparation::make(const std::function<void()>& pulse) {
  try {
    make_segment(pulse);
  } catch (...) {
    state_.store(State::kFailed, std::memory_order_release);
    throw;
  }
  rows_.reset();
  state_.store(State::kDone, std::memory_order_release);
}

void Preparation::make_segment(const std::function<void()>& pulse) {
  if (rows_ && !rows_->has_puts()) return;
  SegmentBuilder builder(folder_, spec_, collection_);
  if (rows_)
    rows_->for_each_put(spec_.bytes(),
                        [&](int64_t id, std::string_view vector) { builder.append(id, vector); });
  merge_rows(inputs_, spec_.bytes(), [&](int64_t id, std::string_view vector) {
    if (builder.rows() % 4096 == 0) pulse();
    builder.append(id, vector);
  });
  if (builder.rows() == 0) return;
  segment_ = builder.finish([](size_t) { return true; });
  store_ = builder.store();
  if (lacks_graph(*segment_, spec_)) segment_->set_graph_base(largest_with_graph(inputs_));
}

void merge_rows(const std::vector<MergeInput>& inputs, size_t bytes,
                const std::function<void(int64_t id, std::string_view vector)>& visit) {
  struct Next {
    int64_t id;
    size_t input;
    size_t rank;
    bool operator>(const Next& other) const noexcept { return id > other.id; }
  };
  std::priority_queue<Next, std::vector<Next>, std::greater<>> next;
  const auto push = [&](size_t input, size_t rank) {
    const MergeInput& from = inputs[input];
    while (rank < from.segment->distinct() && from.dead.contains(rank)) ++rank;
    if (rank < from.segment->distinct()) next.push({from.segment->id_at(rank), input, rank});
  };
  for (size_t input = 0; input < inputs.size(); ++input) push(input, 0);
  while (!next.empty()) {
    const Next row = next.top();
    next.pop();
    const Segment& segment = *inputs[row.input].segment;
    const auto* vector = reinterpret_cast<const char*>(segment.vector(segment.row_at(row.rank)));
    visit(row.id, {vector, bytes});
    push(row.input, row.rank + 1);
  }
}

std::shared_ptr<Preparation> preparation_of(const SegmentFolder& folder, int64_t collection) {
  Slots& all = slots();
  const std::lock_guard lock(all.mutex);
  const auto found = all.by_collection.find({folder.path(), collection});
  if (found == all.by_collection.end() || !found->second.current) return nullptr;
  if (found->second.current->has_failed()) {
    found->second.current.reset();
    found->second.not_before = Clock::now() + kRetry;
  }
  return found->second.current;
}

bool may_prepare(const SegmentFolder& folder, int64_t collection) {
  return !preparation_of(folder, collection) && !is_postponed(folder, collection);
}

bool is_postponed(const SegmentFolder& folder, int64_t collection) {
  Slots& all = slots();
  const std::lock_guard lock(all.mutex);
  const auto found = all.by_collection.find({folder.path(), collection});
  return found != all.by_collection.end() && Clock::now() < found->second.not_before;
}

void postpone(const SegmentFolder& folder, int64_t collection) {
  Slots& all = slots();
  const std::lock_guard lock(all.mutex);
  all.by_collection[{folder.path(), collection}].not_before = Clock::now() + kRetry;
}

void start(std::shared_ptr<Preparation> preparation) {
  {
    Slots& all = slots();
    const std::lock_guard lock(all.mutex);
    Slot& slot = all.by_collection[{preparation->folder().path(), preparation->collection()}];
    if (slot.current) return;
    slot.current = preparation;
  }
  const std::shared_ptr<Preparation> begun = preparation;
  try {
    in_background(Lane::kSegments, [preparation = std::move(preparation)]() mutable {
      try {
        preparation->make(give_up_at_exit);
      } catch (const std::exception&) {
        // Nothing has changed: the rows are where they were, and it is tried again later.
      }
      preparation.reset();  // so that segments it replaces can be swept
    });
  } catch (...) {
    end(begun, /*discarded=*/false);  // nobody will make it
    throw;
  }
}

void end(const std::shared_ptr<Preparation>& preparation, bool discarded) {
  {
    Slots& all = slots();
    const std::lock_guard lock(all.mutex);
    const auto found =
        all.by_collection.find({preparation->folder().path(), preparation->collection()});
    if (found != all.by_collection.end() && found->second.current == preparation)
      found->second.current.reset();
  }
  if (!discarded || !preparation->segment()) return;
  in_background(Lane::kSegments,
                [preparation] { discard(preparation->folder(), preparation->segment()->id()); });
}

}  // namespace kindred::storage
