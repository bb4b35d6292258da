// SPDX-License-Identifier: Apache-2.0
#include "storage/log/log.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

namespace kindred::storage {
namespace {

// States remembered for readers of older snapshots; one before that reads on its own. Of the rows
// that come at once the last kPointsAtOnce are remembered, so that whoever read at the same time
// and came second finds its own state.
constexpr size_t kPoints = 256;
constexpr size_t kPointsAtOnce = 16;

// A cache with more dead rows than this and than live ones is copied without them.
constexpr size_t kDeadRows = 10000;

bool contains(LogReader& log, const LogPoint& point) {
  return point == LogPoint{log.sealed(), 0} || log.nonce_at(point.cn) == point.nonce;
}

// Appends the rows after the tail's last one. false, with the tail as far as it came, if a cut
// stands among them: then rows that the tail should have ended are missing.
bool append_newer(LogReader& log, Tail& tail) {
  const bool from_start = tail.last() == LogPoint{tail.start(), 0};
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
  if (slice.count == 0) return;
  for (const int64_t id : *only)
    if (const std::optional<uint32_t> row = tail.find(id, slice.cn)) rows.push_back(*row);
  std::sort(rows.begin(), rows.end());
  rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
}

}  // namespace

TailCache::TailCache(const VectorSpec& spec, std::string name)
    : spec_(spec), name_(name), tail_(spec, std::move(name)) {}

bool TailCache::knows(const LogPoint& point) const {
  return std::find(points_.begin(), points_.end(), point) != points_.end();
}

std::optional<LogLayers> TailCache::committed(LogReader& log, const OnlyIds& only) {
  const LogPoint start{log.sealed(), 0};
  const LogPoint newest = log.last();
  for (;;) {
    LogPoint end;
    int64_t begin = 0;
    {
      const std::lock_guard lock(mutex_);
      if (tail_.start() == start.cn && knows(newest)) return layers_at(newest, only);
      if (start.cn < tail_.start() || newest.cn < tail_.last().cn) return std::nullopt;
      end = tail_.last();
      begin = tail_.start();
    }
    const NewRows rows = read_new(log, start, begin == start.cn ? end : start);
    const std::lock_guard lock(mutex_);
    if (tail_.last() != end || tail_.start() != begin) continue;  // another reader was faster
    add(rows);
    return layers_at(newest, only);
  }
}

// What brings a tail that ends at `end` to the reader's newest row: the rows after that where it is
// part of the same history, else all from `start`.
TailCache::NewRows TailCache::read_new(LogReader& log, const LogPoint& start,
                                       const LogPoint& end) const {
  NewRows rows;
  rows.after = contains(log, end) ? end : start;
  bool complete = true;
  const auto read = [&] {
    const bool from_start = rows.after == start;
    log.read_after(rows.after.cn, [&](const LogRow& row) {
      verify(spec_, name_, row);
      complete = from_start || !is(row, Op::kCut);
      if (complete) rows.rows.emplace_back(row, std::string(row.vector));
      return complete;
    });
  };
  read();
  if (!complete) {  // a cut: rows that the tail should have ended are missing
    rows = NewRows{start, {}};
    read();
  }
  return rows;
}

void TailCache::add(const NewRows& rows) {
  if (rows.after != tail_.last() || rows.after.cn == tail_.start()) {
    tail_ = tail_.emptied(rows.after);
    points_.clear();
  }
  std::vector<LogPoint> points = {tail_.last()};
  for (const auto& [read, vector] : rows.rows) {
    LogRow row = read;
    row.vector = vector;
    tail_.append(row);
    if (is(row, Op::kCut)) points.clear();  // states before it had rows that are gone
    points.push_back(tail_.last());
  }
  const size_t most = std::min(points.size(), kPointsAtOnce);
  points_.insert(points_.end(), points.end() - static_cast<ptrdiff_t>(most), points.end());
  if (tail_.dead() > kDeadRows && tail_.dead() > tail_.rows() / 2) {
    tail_ = tail_.compacted();
    points_ = {tail_.last()};
  }
  if (points_.size() > kPoints)
    points_.erase(points_.begin(), points_.end() - static_cast<ptrdiff_t>(kPoints));
}

LogLayers TailCache::layers_at(const LogPoint& point, const OnlyIds& only) const {
  LogLayers found;
  found.layers.push_back(tail_.slice_at(point.cn));
  restrict(found.layers.back(), tail_, only);
  found.changes.push_back(tail_.changes_at(point.cn));
  return found;
}

LogLayers TailCache::with_overlay(LogReader& log, Overlay& overlay, const OnlyIds& only) {
  const LogPoint start{log.sealed(), 0};
  LogPoint end;
  LogLayers shared;
  {
    const std::lock_guard lock(mutex_);
    if (tail_.start() == start.cn) {
      end = tail_.last();
      shared = layers_at(end, only);
    }
  }
  LogPoint base = !shared.layers.empty() && contains(log, end) ? end : start;
  const bool continues =
      overlay.base == base && overlay.tail.start() == base.cn && contains(log, overlay.tail.last());
  const auto start_from = [&](const LogPoint& point) {
    base = overlay.base = point;  // before rows are read: one may be corrupt
    overlay.tail = overlay.tail.emptied(point);
  };
  if (!continues) start_from(base);
  if (!append_newer(log, overlay.tail)) {
    start_from(start);
    append_newer(log, overlay.tail);
  }
  const Changes changes = overlay.tail.changes_at(overlay.tail.last().cn);
  LogLayers found;
  if (base != start) {
    found = std::move(shared);
    found.layers.back().newer.push_back(changes);
  }
  found.layers.push_back(overlay.tail.slice());
  restrict(found.layers.back(), overlay.tail, only);
  found.changes.push_back(changes);
  return found;
}

std::shared_ptr<TailCache> shared_tail(const std::string& path, const std::string& id,
                                       const VectorSpec& spec, const std::string& name) {
  if (path.empty()) return std::make_shared<TailCache>(spec, name);
  static std::mutex mutex;
  static std::map<std::tuple<std::string, std::string, VectorSpec>, std::weak_ptr<TailCache>>
      caches;
  const std::lock_guard lock(mutex);
  std::erase_if(caches, [](const auto& entry) { return entry.second.expired(); });
  std::weak_ptr<TailCache>& known = caches[{path, id, spec}];
  std::shared_ptr<TailCache> cache = known.lock();
  if (!cache) known = cache = std::make_shared<TailCache>(spec, name);
  return cache;
}

LogView::LogView(const VectorSpec& spec, std::string name, std::shared_ptr<TailCache> shared)
    : spec_(spec), name_(std::move(name)), shared_(std::move(shared)) {}

LogLayers LogView::layers(LogReader& log, bool writing, const OnlyIds& only) {
  if (writing) {
    if (!overlay_) overlay_ = std::make_unique<Overlay>(Tail(spec_, name_));
    return shared_->with_overlay(log, *overlay_, only);
  }
  overlay_.reset();
  if (std::optional<LogLayers> found = shared_->committed(log, only)) {
    history_.reset();
    return std::move(*found);
  }
  if (!history_) history_ = std::make_unique<TailCache>(spec_, name_);
  std::optional<LogLayers> found = history_->committed(log, only);
  if (!found) {  // older still than what was read for the last old snapshot
    history_ = std::make_unique<TailCache>(spec_, name_);
    found = history_->committed(log, only);
  }
  return std::move(*found);
}

}  // namespace kindred::storage
