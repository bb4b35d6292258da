// SPDX-License-Identifier: Apache-2.0
#include "storage/segments/segment_folder.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <charconv>
#include <filesystem>
#include <map>
#include <mutex>
#include <system_error>

#include "storage/error.h"

namespace kindred::storage {
namespace {

constexpr std::string_view kSuffix = ".kin";

void check(const std::string& path, const char* what, const std::error_code& error) {
  if (!error) return;
  const Fault fault = error == std::errc::no_space_on_device ? Fault::kFull : Fault::kIo;
  throw StorageError(fault, path + ": " + what + ": " + error.message());
}

}  // namespace

std::string SegmentFolder::file(int64_t segment) const {
  return segments() + "/" + std::to_string(segment) + std::string(kSuffix);
}

std::string SegmentFolder::graph(int64_t segment) const {
  return graph_beside(file(segment));
}

void SegmentFolder::touch(int64_t segment) const {
  ::utimensat(AT_FDCWD, file(segment).c_str(), nullptr, 0);  // a grace that may fail to be given
}

bool SegmentFolder::exists() const {
  std::error_code error;
  return std::filesystem::is_directory(folder_, error);
}

void SegmentFolder::create() const {
  if (create_folder(folder_, database_)) sync_folder(std::filesystem::path(folder_).parent_path());
  if (create_folder(segments(), folder_)) sync_folder(folder_);
}

std::vector<int64_t> SegmentFolder::list() const {
  std::vector<int64_t> found;
  std::error_code error;
  std::filesystem::directory_iterator entries(segments(), error);
  if (error == std::errc::no_such_file_or_directory) return found;
  for (; !error && entries != std::filesystem::directory_iterator(); entries.increment(error)) {
    const std::string name = entries->path().filename();
    int64_t segment = 0;
    const auto [end, bad] = std::from_chars(name.data(), name.data() + name.size(), segment);
    if (bad == std::errc() && std::string_view(end) == kSuffix) found.push_back(segment);
  }
  check(segments(), "list", error);
  return found;
}

std::shared_ptr<const Segment> shared_segment(const SegmentFolder& folder, const VectorSpec& spec,
                                              const SegmentIdentity& identity) {
  static std::mutex mutex;
  static std::map<std::string, std::weak_ptr<const Segment>> open;
  const std::string path = folder.file(identity.segment);
  const std::lock_guard lock(mutex);
  std::erase_if(open, [](const auto& entry) { return entry.second.expired(); });
  std::shared_ptr<const Segment> segment = open[path].lock();
  if (segment && !segment->has_its_name()) segment.reset();
  if (segment && segment->is_damaged()) throw StorageError(Fault::kCorrupt, path + ": is damaged");
  if (segment)
    segment->require_fit(spec, identity);
  else
    open[path] = segment = Segment::open(path, spec, identity);
  return segment;
}

}  // namespace kindred::storage
