// SPDX-License-Identifier: Apache-2.0
#include "storage/log.h"

#include <algorithm>
#include <map>
#include <utility>

namespace kindred::storage {
namespace {

// States remembered for readers of older snapshots; one before that reads on its own.
constexpr size_t kPoints = 64;

// A cache with more dead rows than this and than live ones is copied without them.
constexpr size_t kDeadRows = 10000;

bool contains(LogReader& log, const LogPoint& point) {
  return point == LogPoint{} || log.nonce_at(point.cn) == point.nonce;
}

// Appends the rows after the tail's last one. false, with the tail as far as it came, if a cut
// stands among them: then rows that the tail should have ended are missing.
bool append_newer(LogReader& log, Tail& tail) {
  const bool from_start = tail.last() == LogPoint{};
  bool complete = true;
  log.read_after(tail.last().cn, [&](const LogRow& row) {
    complete = from_start || !is(row, Op::kCut);
    if (complete) tail.append(row);
    return complete;
  });
  return complete;
}

void restrict(RowLayer& slice, const Tail& tail, const OnlyIds& only) {
  if (!only) return;
  std::vector<uint32_t>& rows = slice.only.emplace();
  for (const int64_t id : *only)
    if (const std::optional<uint32_t> row = tail.find(id, slice.cn)) rows.push_back(*row);
  std::sort(rows.begin(), rows.end());
  rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
}

void hide(RowLayer& slice, const Tail& tail, const Tail& overlay) {
  overlay.for_each_id([&](int64_t id) {
    if (const std::optional<uint32_t> row = tail.find(id, slice.cn)) slice.hidden.push_back(*row);
  });
  std::sort(slice.hidden.begin(), slice.hidden.end());
}

}  // namespace

TailCache::TailCache(const VectorSpec& spec, std::string name) : tail_(spec, std::move(name)) {}

bool TailCache::knows(const LogPoint& point) const {
  return std::find(points_.begin(), points_.end(), point) != points_.end();
}

std::optional<RowLayer> TailCache::slice(LogReader& log, const OnlyIds& only) {
  const std::lock_guard lock(mutex_);
  const LogPoint newest = log.last();
  if (!knows(newest)) {
    if (newest.cn < tail_.last().cn) return std::nullopt;
    renew(log);
  }
  RowLayer slice = tail_.slice_at(newest.cn);
  restrict(slice, tail_, only);
  return slice;
}

// Brings the tail to the reader's newest row: by the rows after its own last one where that is part
// of the same history, else from the start.
void TailCache::renew(LogReader& log) {
  if (!contains(log, tail_.last()) || !append_newer(log, tail_)) {
    tail_ = tail_.emptied();
    points_.clear();
    append_newer(log, tail_);
  }
  if (tail_.dead() > kDeadRows && tail_.dead() > tail_.rows() / 2) {
    tail_ = tail_.compacted();
    points_.clear();
  }
  if (points_.size() == kPoints) points_.erase(points_.begin());
  points_.push_back(tail_.last());
}

std::vector<RowLayer> TailCache::layers(LogReader& log, Overlay& overlay, const OnlyIds& only) {
  const std::lock_guard lock(mutex_);
  LogPoint base = contains(log, tail_.last()) ? tail_.last() : LogPoint{};
  const bool continues = overlay.base == base && overlay.tail.last() != LogPoint{} &&
                         contains(log, overlay.tail.last());
  const auto start_from = [&](const LogPoint& point) {
    base = overlay.base = point;  // before rows are read: one may be corrupt
    overlay.tail = overlay.tail.emptied(point);
  };
  if (!continues) start_from(base);
  if (!append_newer(log, overlay.tail)) {
    start_from({});
    append_newer(log, overlay.tail);
  }
  std::vector<RowLayer> slices;
  if (base != LogPoint{}) {
    slices.push_back(tail_.slice());
    hide(slices.back(), tail_, overlay.tail);
    restrict(slices.back(), tail_, only);
  }
  slices.push_back(overlay.tail.slice());
  restrict(slices.back(), overlay.tail, only);
  return slices;
}

std::shared_ptr<TailCache> shared_tail(const std::string& path, const std::string& id,
                                       const VectorSpec& spec, const std::string& name) {
  if (path.empty()) return std::make_shared<TailCache>(spec, name);
  static std::mutex mutex;
  static std::map<std::pair<std::string, std::string>, std::weak_ptr<TailCache>> caches;
  const std::lock_guard lock(mutex);
  std::erase_if(caches, [](const auto& entry) { return entry.second.expired(); });
  std::weak_ptr<TailCache>& known = caches[{path, id}];
  std::shared_ptr<TailCache> cache = known.lock();
  if (!cache) known = cache = std::make_shared<TailCache>(spec, name);
  return cache;
}

LogView::LogView(const VectorSpec& spec, std::string name, std::shared_ptr<TailCache> shared)
    : spec_(spec), name_(std::move(name)), shared_(std::move(shared)) {}

std::vector<RowLayer> LogView::slices(LogReader& log, bool writing, const OnlyIds& only) {
  if (writing) {
    if (!overlay_) overlay_ = std::make_unique<Overlay>(Tail(spec_, name_));
    return shared_->layers(log, *overlay_, only);
  }
  overlay_.reset();
  std::vector<RowLayer> slices;
  if (std::optional<RowLayer> slice = shared_->slice(log, only)) {
    history_.reset();
    slices.push_back(std::move(*slice));
    return slices;
  }
  if (!history_) history_ = std::make_unique<TailCache>(spec_, name_);
  std::optional<RowLayer> slice = history_->slice(log, only);
  if (!slice) {  // older still than what was read for the last old snapshot
    history_ = std::make_unique<TailCache>(spec_, name_);
    slice = history_->slice(log, only);
  }
  slices.push_back(std::move(*slice));
  return slices;
}

}  // namespace kindred::storage
