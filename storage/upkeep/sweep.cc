// SPDX-License-Identifier: Apache-2.0
#include "storage/upkeep/sweep.h"

#include <unistd.h>

#include <charconv>
#include <filesystem>
#include <map>
#include <mutex>
#include <system_error>

#include "storage/error.h"

namespace kindred::storage {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::minutes kInterval{3};
constexpr size_t kMostTaken = 100;  // files at once: a process may have 1,024

struct Due {
  std::mutex mutex;
  std::map<std::string, Clock::time_point> next;  // guarded by mutex
};

Due& due() {
  static Due* const all = new Due;
  return *all;
}

// By which the file's name begins, be it a draft or whole.
std::optional<int64_t> segment_in(const std::filesystem::path& path) {
  const std::string name = path.filename();
  int64_t segment = 0;
  const auto [rest, bad] = std::from_chars(name.data(), name.data() + name.size(), segment);
  return bad == std::errc() ? std::optional(segment) : std::nullopt;
}

bool is_older(const std::filesystem::path& path, std::chrono::seconds grace) {
  std::error_code error;
  const auto written = std::filesystem::last_write_time(path, error);
  return !error && std::filesystem::file_time_type::clock::now() - written >= grace;
}

// nullptr if somebody is at work on the file, or it has gone.
std::unique_ptr<File> locked(const std::string& path) {
  try {
    auto file = std::make_unique<File>(path, File::Mode::kRead);
    if (file->try_lock_exclusive() && !file->is_removed()) return file;
  } catch (const StorageError& error) {
    if (error.fault() != Fault::kMissing) throw;
  }
  return nullptr;
}

}  // namespace

Sweep::Sweep(const SegmentFolder& folder, std::chrono::seconds grace) : folder_(folder) {
  std::error_code error;
  for (std::filesystem::directory_iterator entry(folder.segments(), error), end;
       !error && entry != end; entry.increment(error))
    if (segment_in(entry->path()) && is_older(entry->path(), grace)) old_.push_back(entry->path());
}

bool Sweep::take_next() {
  candidates_.clear();
  for (; !old_.empty() && candidates_.size() < kMostTaken; old_.pop_back()) {
    const std::string& path = old_.back();
    const int64_t segment = *segment_in(path);
    const bool is_graph = path == folder_.graph(segment);
    const bool is_draft = !is_graph && path != folder_.file(segment);
    if (std::unique_ptr<File> file = locked(path))
      candidates_.push_back(
          {std::move(file), is_draft ? std::nullopt : std::optional<int64_t>(segment), is_graph});
  }
  return !candidates_.empty();
}

void Sweep::keep(const std::set<int64_t>& named) {
  std::erase_if(candidates_, [&](const Candidate& candidate) {
    return candidate.segment && named.count(*candidate.segment) > 0;
  });
}

// The key range goes before the file, whose lock guards both. A range without a file is nobody's:
// the file is created first.
void Sweep::remove(Store& store, const std::set<int64_t>& named) {
  const std::vector<int64_t> ranges = store.segments();
  std::set<int64_t> files;
  for (const int64_t segment : folder_.list()) files.insert(segment);
  for (const int64_t segment : ranges)
    if (named.count(segment) == 0 && files.count(segment) == 0) store.delete_segment(segment);
  for (const Candidate& candidate : candidates_) {
    if (candidate.segment && !candidate.is_graph) store.delete_segment(*candidate.segment);
    ::unlink(candidate.file->path().c_str());  // one that stays is swept another time
  }
  candidates_.clear();
}

bool is_sweep_due(const SegmentFolder& folder) {
  const std::lock_guard lock(due().mutex);
  Clock::time_point& next = due().next[folder.path()];
  const Clock::time_point now = Clock::now();
  if (now < next) return false;
  next = now + kInterval;
  return true;
}

void sweep_soon(const SegmentFolder& folder) {
  const std::lock_guard lock(due().mutex);
  due().next[folder.path()] = Clock::now();
}

}  // namespace kindred::storage
