// SPDX-License-Identifier: Apache-2.0
#include "storage/upkeep/mending.h"

#include <cstddef>
#include <cstring>
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include "storage/error.h"
#include "storage/segments/segment_builder.h"
#include "storage/segments/segment_format.h"

namespace kindred::storage {
namespace {

bool is_useless(const StorageError& error) {
  return error.is_damage() || error.fault() == Fault::kBusy;  // a sweeper has it
}

// What the file says of itself. Throws kCorrupt where its checksum says otherwise, or no collection
// has such vectors.
SegmentHeader header_of(const std::string& path) {
  SegmentHeader header{};
  File(path, File::Mode::kRead).read_at(0, &header, sizeof header);
  if (!is_whole(header))
    throw StorageError(Fault::kCorrupt, path + ": the header's checksum does not fit");
  if (header.dim == 0 || header.dim > math::kMaxDimensions || header.prefix >= header.dim ||
      header.element > static_cast<uint8_t>(math::Element::kBit) ||
      header.metric > static_cast<uint8_t>(math::Metric::kHamming))
    throw StorageError(Fault::kCorrupt, path + ": has vectors of no known kind");
  return header;
}

bool holds(const Store& store, const Segment& segment) {
  size_t rank = 0;
  bool same = true;
  try {
    store.scan_segment(segment.id(), [&](int64_t id, std::string_view vector) {
      same = rank < segment.distinct() && segment.id_at(rank) == id &&
             vector.size() == segment.vector_bytes() &&
             std::memcmp(vector.data(), segment.vector(segment.row_at(rank)), vector.size()) == 0;
      ++rank;
      return same;
    });
  } catch (const StorageError& error) {
    if (!is_useless(error)) throw;
    return false;
  }
  return same && rank == segment.distinct();
}

std::string name_aside(const std::string& store) {
  const std::string name = store + ".damaged";
  if (!std::filesystem::exists(name)) return name;
  for (int number = 2;; ++number)
    if (const std::string next = name + "." + std::to_string(number);
        !std::filesystem::exists(next))
      return next;
}

// A folder that is gone at the end of the scope, unless it has another name by then.
struct Draft {
  explicit Draft(const std::string& folder) : path(folder) { remove(); }
  ~Draft() { remove(); }
  Draft(const Draft&) = delete;
  Draft& operator=(const Draft&) = delete;
  void remove() const noexcept {
    std::error_code ignored;  // what stays takes space until the next attempt
    std::filesystem::remove_all(path, ignored);
  }
  const std::string path;
};

}  // namespace

std::shared_ptr<const Segment> whole_segment(const SegmentFolder& folder, int64_t segment) {
  const std::string path = folder.file(segment);
  try {
    const SegmentHeader header = header_of(path);
    const VectorSpec spec{static_cast<math::Element>(header.element),
                          static_cast<math::Metric>(header.metric), header.dim, header.prefix,
                          header.code_stride > 0 ? Quantization::kInt8 : Quantization::kNone};
    std::shared_ptr<const Segment> whole = Segment::open(path, spec, {segment, header.collection});
    whole->verify();
    return whole;
  } catch (const StorageError& error) {
    if (!is_useless(error)) throw;
    return nullptr;
  }
}

bool mend_range(Store& store, const Segment& segment) {
  if (holds(store, segment)) return false;
  store.delete_segment(segment.id());
  ingest_segment(store, segment);
  return true;
}

void mend_lost_ranges(const SegmentFolder& folder, Store& store, const std::set<int64_t>& named) {
  std::set<int64_t> lost = named;
  for (const int64_t segment : store.segments()) lost.erase(segment);
  for (const int64_t segment : lost)
    if (const std::shared_ptr<const Segment> whole = whole_segment(folder, segment))
      ingest_segment(store, *whole);
}

void remake_store(const SegmentFolder& folder, int64_t id, const std::set<int64_t>& named) {
  std::vector<std::shared_ptr<const Segment>> whole;
  std::set<int64_t> lost = named;
  for (const int64_t segment : folder.list()) {
    whole.push_back(whole_segment(folder, segment));
    if (whole.back() != nullptr)
      lost.erase(segment);
    else
      whole.pop_back();
  }
  if (!lost.empty())
    throw StorageError(Fault::kCorrupt,
                       folder.store() + ": the store is damaged, and " +
                           folder.file(*lost.begin()) +
                           " is, too: bring both back from a backup, or drop the collection");
  const Draft draft(folder.store() + ".new");
  {
    Store store(draft.path, id);
    for (const std::shared_ptr<const Segment>& segment : whole) ingest_segment(store, *segment);
  }
  replace_store(folder.store(), draft.path, name_aside(folder.store()));
}

}  // namespace kindred::storage
