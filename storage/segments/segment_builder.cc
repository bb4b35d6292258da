// SPDX-License-Identifier: Apache-2.0
#include "storage/segments/segment_builder.h"

#include <unistd.h>

#include <filesystem>
#include <system_error>
#include <vector>

#include "storage/error.h"
#include "storage/random_id.h"
#include "storage/rocksdb/shared_store.h"

namespace kindred::storage {
namespace {

// A sweeper gets between creating a file and locking it once in a blue moon.
constexpr int kAttempts = 5;

bool all(size_t) {
  return true;
}

}  // namespace

SegmentBuilder::SegmentBuilder(const SegmentFolder& folder, const VectorSpec& spec,
                               int64_t collection)
    : folder_(folder), spec_(spec) {
  folder_.create();
  for (int attempt = 1; !writer_; ++attempt) {
    identity_ = {random_id(), collection};
    try {
      path_ = folder_.file(identity_.segment);
      writer_.emplace(path_, spec, identity_);
    } catch (const StorageError& error) {
      if (error.fault() != Fault::kBusy || attempt == kAttempts) throw;
    }
  }
}

SegmentBuilder::SegmentBuilder(const SegmentFolder& folder, const VectorSpec& spec,
                               const SegmentIdentity& identity)
    : folder_(folder), spec_(spec), identity_(identity) {
  folder_.create();
  path_ = folder_.file(identity.segment);
  writer_.emplace(path_, spec, identity);
}

SegmentBuilder::~SegmentBuilder() {
  if (store_ == 0) ::unlink(path_.c_str());
}

std::shared_ptr<const Segment> SegmentBuilder::finish(
    const std::function<bool(size_t row)>& counts) {
  writer_->finish(counts);
  std::shared_ptr<const Segment> segment = shared_segment(folder_, spec_, identity_);
  const std::shared_ptr<Store> store = shared_store(folder_.store());
  ingest_segment(*store, *segment);
  store_ = store->id();
  writer_.reset();
  return segment;
}

void ingest_segment(Store& store, const Segment& segment) {
  const size_t releasing = Mapping::kReleaseBytes / segment.vector_bytes() + 1;
  SegmentIngest ingest = store.ingest(segment.id());
  for (size_t rank = 0; rank < segment.distinct(); ++rank) {
    if (rank % releasing == releasing - 1) segment.release_pages();
    const auto* vector = reinterpret_cast<const char*>(segment.vector(segment.row_at(rank)));
    ingest.add(segment.id_at(rank), {vector, segment.vector_bytes()});
  }
  ingest.finish();
}

void discard(const SegmentFolder& folder, int64_t segment) noexcept {
  try {
    shared_store(folder.store())->delete_segment(segment);
    ::unlink(folder.file(segment).c_str());
  } catch (const std::exception&) {
    // The sweep finds it.
  }
}

namespace {

// A graph fits its copy where the rows lie as they lay; what a power loss leaves of it is found by
// whoever reads.
void copy_graph(const Segment& segment, const Segment& copy, const SegmentFolder& folder) {
  const GraphOf from = segment.graph_of();
  const GraphOf to = copy.graph_of();
  if (from.rows != to.rows || from.sum != to.sum || from.identity.segment != to.identity.segment ||
      from.identity.collection != to.identity.collection ||
      !std::filesystem::exists(segment.graph_path()))
    return;
  const std::string draft = copy.graph_path() + "." + std::to_string(random_id());
  std::filesystem::copy_file(segment.graph_path(), draft);
  std::filesystem::permissions(draft,
                               std::filesystem::status(folder.file(copy.id())).permissions());
  std::filesystem::rename(draft, copy.graph_path());
}

}  // namespace

int64_t copy_segment(const Segment& segment, const VectorSpec& spec, int64_t collection,
                     const SegmentFolder& to) {
  SegmentBuilder builder(to, spec, SegmentIdentity{segment.id(), collection});
  for (size_t row = 0; row < segment.rows(); ++row) {
    const auto* vector = reinterpret_cast<const char*>(segment.vector(row));
    builder.append(segment.block().id(row), {vector, spec.bytes()});
  }
  std::vector<bool> counts(segment.rows());
  for (size_t rank = 0; rank < segment.distinct(); ++rank) counts[segment.row_at(rank)] = true;
  const std::shared_ptr<const Segment> copy =
      builder.finish([&](size_t row) { return counts[row]; });
  copy_graph(segment, *copy, to);
  return builder.store();
}

void restore_file(const SegmentFolder& folder, const VectorSpec& spec,
                  const SegmentIdentity& identity, int64_t store_id) {
  const std::string name = "segment " + std::to_string(identity.segment);
  if (!std::filesystem::exists(folder.store()))
    throw StorageError(Fault::kMissing, folder.store() +
                                            ": the store is missing beside the "
                                            "database: copy the folder along with it");
  const std::shared_ptr<Store> store = shared_store(folder.store());
  if (store->id() != store_id)
    throw StorageError(Fault::kMissing, folder.store() + ": the store belongs to another database");
  folder.create();
  const std::string draft = folder.file(identity.segment) + "." + std::to_string(random_id());
  try {
    SegmentWriter writer(draft, spec, identity);
    store->scan_segment(identity.segment, [&](int64_t id, std::string_view vector) {
      if (vector.size() != spec.bytes())
        throw StorageError(Fault::kCorrupt, folder.store() + ": " + name + ": a vector of " +
                                                std::to_string(vector.size()) + " bytes");
      writer.append(id, vector);
      return true;
    });
    writer.finish(all);
    std::filesystem::rename(draft, folder.file(identity.segment));
    sync_folder(folder.segments());
  } catch (...) {
    ::unlink(draft.c_str());
    throw;
  }
}

}  // namespace kindred::storage
