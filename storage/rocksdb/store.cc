// SPDX-License-Identifier: Apache-2.0
#include "storage/rocksdb/store.h"

#include <stdexcept>
#include <utility>

#include "storage/rocksdb/rocksdb_library.h"

namespace kindred::storage {

Store::Store(const std::string& folder, std::optional<int64_t> id)
    : backend_(rocksdb_library().open(folder, id)) {}

Store::~Store() = default;

void Store::prepare_process() {
  rocksdb_library().prepare_process();
}

bool Store::is_forked() noexcept {
  const RocksdbLibrary* const library = rocksdb_library_if_loaded();
  return library != nullptr && library->is_forked();
}

int64_t Store::id() const noexcept {
  return backend_->id();
}

SegmentIngest Store::ingest(int64_t segment) {
  if (segment < 0) throw std::logic_error("Store::ingest(): segment is negative");
  return SegmentIngest(backend_->ingest(segment));
}

std::optional<std::string> Store::get(int64_t segment, int64_t id) const {
  return backend_->get(segment, id);
}

void Store::scan_segment(int64_t segment, const VisitRow& visit) const {
  backend_->scan_segment(segment, visit);
}

std::optional<int64_t> Store::count(int64_t segment) const {
  return backend_->count(segment);
}

std::vector<int64_t> Store::segments() const {
  return backend_->segments();
}

void Store::delete_segment(int64_t segment) {
  backend_->delete_segment(segment);
}

bool Store::needs_reopening() const noexcept {
  return backend_->needs_reopening();
}

void replace_store(const std::string& folder, const std::string& fresh, const std::string& aside) {
  rocksdb_library().replace_store(folder, fresh, aside);
}

SegmentIngest::SegmentIngest(std::unique_ptr<SegmentFile> file) : file_(std::move(file)) {}
SegmentIngest::SegmentIngest(SegmentIngest&&) noexcept = default;
SegmentIngest::~SegmentIngest() = default;

void SegmentIngest::add(int64_t id, std::string_view vector) {
  std::unique_ptr<SegmentFile> file = std::move(file_);  // given up unless the row goes in
  if (file == nullptr) throw std::logic_error("SegmentIngest::add(): the segment was given up");
  file->add(id, vector);
  file_ = std::move(file);
}

int64_t SegmentIngest::finish() {
  const std::unique_ptr<SegmentFile> file = std::move(file_);
  if (file == nullptr) throw std::logic_error("SegmentIngest::finish(): the segment was given up");
  return file->finish();
}

}  // namespace kindred::storage
