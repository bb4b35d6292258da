// SPDX-License-Identifier: Apache-2.0
#include "storage/segments/segment.h"

#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "storage/codes/coarse_codes.h"
#include "storage/codes/row_codes.h"
#include "storage/error.h"
#include "storage/prefetch.h"

namespace kindred::storage {
namespace {

// Rows that a search scores at once: their scores stay in the processor's cache.
constexpr size_t kBlockRows = 4096;

// Rows that are copied before any is entered.
constexpr int kCopies = 512;

// How long one that is not there is not looked for again.
constexpr std::chrono::seconds kGraphLookup{1};

}  // namespace

std::shared_ptr<const Segment> Segment::open(const std::string& path, const VectorSpec& spec,
                                             const SegmentIdentity& identity) {
  return std::shared_ptr<const Segment>(new Segment(path, spec, identity));
}

Segment::Segment(const std::string& path, const VectorSpec& spec, const SegmentIdentity& identity)
    : file_(path, File::Mode::kRead), vector_bytes_(spec.bytes()), copies_(kCopies), spec_(spec) {
  if (!file_.lock_shared()) throw StorageError(Fault::kMissing, path + ": is being removed");
  const uint64_t bytes = file_.size();
  if (bytes < kSegmentPage)
    corrupt("a header of 4096 bytes is wanted, got " + std::to_string(bytes) + " bytes in all");
  mapping_.emplace(file_, bytes);
  std::memcpy(&header_, mapping_->data(), sizeof header_);
  read_header(spec, identity);
  const uint64_t n = header_.rows;
  block_.exact = section<std::byte>(Section::kExact, n * header_.exact_stride);
  block_.codes = section<int8_t>(Section::kCodes, n * header_.code_stride);
  block_.exact_stride = header_.exact_stride;
  block_.code_stride = header_.code_stride;
  block_.scale = section<float>(Section::kScale, n);
  block_.code_norm = section<float>(Section::kCodeNorm, n);
  block_.residual_norm = section<float>(Section::kResidualNorm, spec.prefix > 0 ? 2 * n : n);
  if (spec.prefix > 0) block_.suffix_norm = block_.residual_norm + n;
  const bool centred = header_.version == kCentredSegmentVersion && has_centre(spec);
  block_.norm_squared = section<float>(Section::kNormSquared, centred ? 2 * n : n);
  if (centred) block_.bias = block_.norm_squared + n;
  if (header_.version >= kFirstWithCoarse && header_.code_stride > 0) {
    block_.coarse = section<int8_t>(Section::kCoarse, n * coarse_stride(spec));
    block_.coarse_numbers = section<CoarseNumbers>(Section::kCoarseNumbers, n);
    block_.centre = section<float>(Section::kCentre, (centred ? 2 : 1) * code_stride(spec));
    if (centred) find_code_centre();
  }
  if (place_of(Section::kOrder).bytes > 0)
    order_ = section<uint32_t>(Section::kOrder, header_.distinct);
  else if (header_.distinct != n)
    corrupt("an order of its rows is wanted");
  find_ids();
}

// Whoever compares codes with a query reads it, searches of the graph too: it is verified now.
void Segment::find_code_centre() {
  const size_t elements = block_.code_stride;  // a byte each
  block_.code_centre = block_.centre + elements;
  require(block_.code_centre, elements * sizeof(float));
}

// Ids in ascending order with as many from the first to the last as there are rows need not be
// read: each is known by its row.
void Segment::find_ids() {
  block_.ids = section<int64_t>(Section::kIds, rows());
  if (order_ != nullptr || rows() == 0) return;
  require_ids(0, 1);
  require_ids(rows() - 1, 1);
  block_.first_id = block_.ids[0];
  const int64_t last = block_.ids[rows() - 1];
  const uint64_t apart = static_cast<uint64_t>(last) - static_cast<uint64_t>(block_.first_id);
  if (last >= block_.first_id && apart == rows() - 1) block_.ids = nullptr;
}

void Segment::corrupt(const std::string& what) const {
  throw StorageError(Fault::kCorrupt, file_.path() + ": " + what);
}

void Segment::read_header(const VectorSpec& spec, const SegmentIdentity& identity) {
  if (header_.magic != kSegmentMagic) corrupt("is no segment file");
  if (header_.byte_order != kByteOrder) corrupt("was written in another byte order");
  if (header_.version < 1 || header_.version > kCentredSegmentVersion)
    corrupt("version 1 to " + std::to_string(kCentredSegmentVersion) + " is wanted, got " +
            std::to_string(header_.version));
  if (!is_whole(header_)) corrupt("the header's checksum does not fit");
  require_fit(spec, identity);
  if (header_.distinct > header_.rows || header_.rows > UINT32_MAX) corrupt("has too many rows");
  read_sums();
}

void Segment::require_fit(const VectorSpec& spec, const SegmentIdentity& identity) const {
  if (header_.segment != identity.segment || header_.collection != identity.collection)
    corrupt("is another collection's or segment's");
  const bool fits = header_.dim == spec.dim && header_.prefix == spec.prefix &&
                    header_.element == static_cast<uint8_t>(spec.element) &&
                    header_.metric == static_cast<uint8_t>(spec.metric) &&
                    header_.exact_stride == exact_stride(spec) &&
                    header_.code_stride == code_stride(spec);
  if (!fits) corrupt("its vectors are not the collection's");
}

void Segment::read_sums() {
  const SectionPlace& at = place_of(Section::kSums);
  const size_t block = header_.version < kFirstWithPageSums ? kSumBlockBefore4 : kSumBlock;
  const uint64_t body = at.offset - kSegmentPage;
  if (at.offset < kSegmentPage || at.bytes != blocks_of(body, block) * sizeof(uint64_t))
    corrupt("its table of checksums is misplaced");
  const auto* sums = section<uint64_t>(Section::kSums, at.bytes / sizeof(uint64_t));
  blocks_ = CheckedBlocks(mapping_->data() + kSegmentPage, body, block, sums);
  if (header_.version < kFirstWithPageSums) return require_sums(sums, at.bytes);
  const uint64_t pages = blocks_of(at.bytes);
  const uint64_t end = at.offset + pages * kSumBlock;
  if (mapping_->size() < end + pages * sizeof(uint64_t)) corrupt("its end is missing");
  const auto* page_sums = reinterpret_cast<const uint64_t*>(mapping_->data() + end);
  require_sums(page_sums, pages * sizeof(uint64_t));
  blocks_of_sums_ =
      CheckedBlocks(mapping_->data() + at.offset, pages * kSumBlock, kSumBlock, page_sums);
  blocks_.set_blocks_of_sums(&blocks_of_sums_);
}

void Segment::require_sums(const uint64_t* sums, uint64_t bytes) const {
  if (checksum(sums, bytes) != header_.sums_sum)
    corrupt("the checksum of the checksums does not fit");
}

// A section's first element, once `count` of them are known to lie inside the file.
template <class T>
const T* Segment::section(Section section, uint64_t count) const {
  const SectionPlace& at = place_of(section);
  const uint64_t limit =
      section == Section::kSums ? mapping_->size() : place_of(Section::kSums).offset;
  if (at.bytes != count * sizeof(T) || at.offset % alignof(uint64_t) != 0 ||
      at.offset < kSegmentPage || at.offset > limit || at.bytes > limit - at.offset)
    corrupt("section " + std::to_string(static_cast<int>(section)) + " is misplaced");
  return reinterpret_cast<const T*>(mapping_->data() + at.offset);
}

void Segment::verify() const {
  if (const auto changed = blocks_.first_changed()) report_changed(*changed);
}

void Segment::verify_rows(size_t first, size_t count) const {
  require(block_.code(first), count * block_.code_stride);
  if (block_.code_stride == 0) require(block_.row(first), count * block_.exact_stride);
  for (const float* of_row :
       {block_.scale, block_.code_norm, block_.residual_norm, block_.norm_squared})
    require(of_row + first, count * sizeof(float));
  require_beside(first, count);
}

void Segment::verify_coarse(size_t first, size_t count) const {
  require(block_.coarse_code(first), count * block_.coarse_stride());
  require(block_.coarse_numbers + first, count * sizeof(CoarseNumbers));
  require(block_.centre, block_.code_stride * sizeof(float));
  require(block_.norm_squared + first, count * sizeof(float));
  require_beside(first, count);
}

// Of some rows, what codes of either length are used with, where there is such.
void Segment::require_beside(size_t first, size_t count) const {
  for (const float* of_row : {block_.suffix_norm, block_.bias})
    if (of_row != nullptr) require(of_row + first, count * sizeof(float));
  require_ids(first, count);
}

void Segment::require_ids(size_t first, size_t count) const {
  if (block_.ids != nullptr) require(block_.ids + first, count * sizeof(int64_t));
}

void Segment::verify_exact(size_t row) const {
  require(block_.row(row), block_.exact_stride);
  require_ids(row, 1);
}

const std::byte* Segment::exact_row(size_t row, std::vector<std::byte>& room) const {
  require_ids(row, 1);
  const std::byte* const at = block_.row(row);
  if (blocks_.are_known(at, block_.exact_stride)) return at;
  if (!takes_copy()) {
    require(at, block_.exact_stride);
    return at;
  }
  const size_t block = blocks_.block_bytes();
  const auto offset = static_cast<uint64_t>(at - mapping_->data());
  const uint64_t begin = offset / block * block;
  const uint64_t end = blocks_of(offset + block_.exact_stride, block) * block;
  const uint64_t limit = place_of(Section::kSums).offset;
  room.resize(std::min(end, limit) - begin);
  file_.read_at(begin, room.data(), room.size());
  const size_t first = (begin - kSegmentPage) / block;
  if (const auto changed = blocks_.first_changed_of_copy(first, room.data(), room.size()))
    report_changed(*changed);
  return room.data() + (offset - begin);
}

// The first rows that a process asks for it reads by the system, which is quicker than entering
// their pages into its table (on a virtual machine 11 us instead of 30): it may ask no more.
bool Segment::takes_copy() const noexcept {
  return blocks_.block_bytes() == kSumBlock && copies_.load(std::memory_order_relaxed) > 0 &&
         copies_.fetch_sub(1, std::memory_order_relaxed) > 0;
}

// The blocks that these bytes of the mapping are in, with what lies beside them.
void Segment::require(const void* data, size_t bytes) const {
  if (const auto changed = blocks_.first_changed(data, bytes)) report_changed(*changed);
}

void Segment::report_changed(size_t block) const {
  damaged_ = true;
  corrupt("the block at byte " + std::to_string(kSegmentPage + block * blocks_.block_bytes()) +
          " has changed");
}

void Segment::require_tables() const {
  if (tables_verified_.load(std::memory_order_relaxed)) return;
  require_ids(0, rows());
  if (order_ != nullptr) require(order_, distinct() * sizeof(uint32_t));
  tables_verified_.store(true, std::memory_order_relaxed);
}

// A row that the order misnames is taken for the last one: no program of ours wrote that.
uint32_t Segment::row_at(size_t rank) const {
  require_tables();
  if (order_ == nullptr) return static_cast<uint32_t>(rank);
  return std::min(order_[rank], static_cast<uint32_t>(header_.rows - 1));
}

// The first rank at or after `rank` whose id is at least this. Ids are distinct: it is no farther
// away than the ids are apart, and just there where none is missing between them. Otherwise it is
// looked for in steps that double, since the next id asked for is mostly near.
size_t Segment::first_at_least(int64_t id, size_t rank) const {
  if (rank < distinct() && id_at(rank) < id) {
    const uint64_t apart = static_cast<uint64_t>(id) - static_cast<uint64_t>(id_at(rank));
    if (apart < distinct() - rank && id_at(rank + apart) == id) return rank + apart;
  }
  size_t step = 1;
  size_t low = rank;
  size_t high = rank;
  while (high < distinct() && id_at(high) < id) {
    low = high + 1;
    high += step;
    step *= 2;
  }
  high = std::min(high, distinct());
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    if (id_at(middle) < id)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

// What first_at_least() will read if no id is missing between the one before ids[i], of that rank
// or the next, and some that follow: lines that are far apart and wait for each other.
void Segment::prefetch_ranks(std::span<const int64_t> ids, size_t i, size_t rank) const {
  constexpr size_t kAhead = 8;
  const auto rank_of_next = [&](size_t next) {
    const auto apart = static_cast<uint64_t>(ids[next]) - static_cast<uint64_t>(ids[i]);
    return rank + std::min<uint64_t>(apart, distinct() - 1 - rank);
  };
  if (rank >= distinct()) return;
  if (order_ == nullptr) {
    if (block_.ids != nullptr && i + kAhead < ids.size())
      prefetch(block_.ids + rank_of_next(i + kAhead), sizeof(int64_t));
    return;
  }
  if (i + 2 * kAhead < ids.size())
    prefetch(order_ + rank_of_next(i + 2 * kAhead), sizeof(uint32_t));
  if (i + kAhead < ids.size())
    prefetch(block_.ids + row_at(rank_of_next(i + kAhead)), sizeof(int64_t));
}

std::optional<size_t> Segment::rank_of(int64_t id) const {
  const size_t rank = first_at_least(id, 0);
  if (rank == distinct() || id_at(rank) != id) return std::nullopt;
  return rank;
}

std::shared_ptr<const Graph> Segment::graph() const {
  if (rows() < least_graph_rows(spec_)) return nullptr;
  const std::lock_guard lock(graph_mutex_);
  if (graph_ && !graph_->is_damaged()) return graph_;
  if (graph_ && !graph_->is_removed()) ::unlink(graph_path().c_str());  // may fail: found again
  graph_.reset();
  const auto now = std::chrono::steady_clock::now();
  if (now < graph_due_) return nullptr;
  graph_due_ = now + kGraphLookup;
  graph_ = Graph::open(graph_path(), spec_, graph_of());
  return graph_;
}

void Segment::expect_graph() const {
  const std::lock_guard lock(graph_mutex_);
  graph_due_ = {};
}

void Segment::set_graph_base(std::shared_ptr<const Segment> base) const {
  const std::lock_guard lock(graph_mutex_);
  graph_base_ = std::move(base);
}

std::shared_ptr<const Segment> Segment::take_graph_base() const {
  const std::lock_guard lock(graph_mutex_);
  return std::exchange(graph_base_, nullptr);
}

RowLayer Segment::layer(const DeadRows& dead) const {
  RowLayer layer;
  layer.owners.push_back(shared_from_this());
  layer.verifier = this;
  layer.count = rows();
  layer.block_rows = kBlockRows;
  std::vector<RowBlock> blocks;
  blocks.reserve(rows() / kBlockRows + 1);
  for (size_t first = 0; first < rows(); first += kBlockRows) {
    RowBlock block = block_;
    block.exact = block_.row(first);
    block.codes = block_.code(first);
    for (const float** of_row :
         {&block.scale, &block.code_norm, &block.residual_norm, &block.norm_squared})
      *of_row += first;
    if (block.suffix_norm != nullptr) block.suffix_norm += first;
    if (block.bias != nullptr) block.bias += first;
    if (block.coarse != nullptr) {
      block.coarse = block_.coarse_code(first);
      block.coarse_numbers += first;
    }
    block.first_id += static_cast<int64_t>(first);
    if (block.ids != nullptr) block.ids += first;
    blocks.push_back(block);
  }
  layer.blocks = std::make_shared<const std::vector<RowBlock>>(std::move(blocks));
  std::vector<uint32_t> hidden;
  if (order_ == nullptr) {
    for (size_t rank = 0; rank < std::min(dead.limit(), distinct()); ++rank)
      if (dead.contains(rank)) hidden.push_back(static_cast<uint32_t>(rank));
  } else {
    std::vector<bool> answers(rows());
    for (size_t rank = 0; rank < distinct(); ++rank)
      if (!dead.contains(rank)) answers[row_at(rank)] = true;
    for (size_t row = 0; row < answers.size(); ++row)
      if (!answers[row]) hidden.push_back(static_cast<uint32_t>(row));
  }
  if (hidden.empty()) return layer;
  layer.hidden = std::make_shared<const std::vector<uint32_t>>(std::move(hidden));
  return layer;
}

}  // namespace kindred::storage
