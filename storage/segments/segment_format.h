// The bytes of a segment file, little-endian. A segment holds vectors of one collection that no
// longer change; docs/format.md describes it.
//
//   file     := header page (4,096 bytes), sections (each starts at a multiple of 4,096)
//   sections := exact, codes, scale, code_norm, residual_norm, norm_squared, coarse codes, their
//               numbers, centre, ids, order, sums; page_sums
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace kindred::storage {

inline constexpr uint64_t kSegmentMagic = 0x314745534e494b4bULL;  // "KKINSEG1"
// Of version 5 int8 codes are of rows less a centre (row_codes.h); of data that have none worth it
// files are of version 4. Before version 4 a checksum covered 64 KiB, and sums_sum was that of the
// checksums themselves; before version 3 there were no coarse codes, nor places for them in the
// header; before version 2 codes covered all elements.
inline constexpr uint32_t kSegmentVersion = 4;
inline constexpr uint32_t kCentredSegmentVersion = 5;
inline constexpr uint32_t kFirstWithPageSums = 4;
inline constexpr uint32_t kFirstWithCoarse = 3;
inline constexpr size_t kSegmentPage = 4096;
inline constexpr size_t kSumBlockBefore4 = 64 << 10;

enum class Section : uint32_t {
  kExact,  // vectors as they came, rows of a stride divisible by 64
  kCodes,  // int8 codes of float32 vectors, the same; empty where has_codes() (row_codes.h) says no
  kIds,    // int64: the collection's rowid of each row
  kOrder,  // uint32: rows in ascending id, each id once; empty if the rows are so themselves
  kScale,  // float32 a row, as the next three: see math/quantize.h
  kCodeNorm,
  kResidualNorm,   // of all rows; then, where codes cover a prefix, the suffix_norm of all rows
  kNormSquared,    // of all rows; then, where codes have a centre, the bias of all rows
  kSums,           // XXH3-64 of each 4 KiB of all other sections, which lie before it; from the
                   // next page on, outside of all sections, page_sums: that of each page of it
  kCoarse,         // see coarse_codes.h; empty where kCodes is, as the next two
  kCoarseNumbers,  // CoarseNumbers of each row
  kCentre,  // float32: one row's elements, of the stride of kCodes: that of coarse codes; then
            // that of codes, where they have one
  kCount,
};
// Sections that headers before version 3 have places for.
inline constexpr size_t kSectionsBefore3 = static_cast<size_t>(Section::kSums) + 1;

struct SectionPlace {
  uint64_t offset;
  uint64_t bytes;
};

struct SegmentHeader {
  uint64_t magic;
  uint32_t version;
  uint32_t byte_order;
  int64_t segment;     // random id, also the file's name and the key range in RocksDB
  int64_t collection;  // random id of the collection
  uint64_t rows;
  uint64_t distinct;  // ids; fewer than rows where an id was written more than once
  uint32_t dim;
  uint8_t element;
  uint8_t metric;
  uint16_t prefix;        // elements that codes cover; 0: all
  uint32_t exact_stride;  // bytes
  uint32_t code_stride;
  std::array<SectionPlace, static_cast<size_t>(Section::kCount)> sections;
  uint64_t sums_sum;    // XXH3-64 of page_sums
  uint64_t header_sum;  // XXH3-64 of all bytes before
};
static_assert(sizeof(SegmentHeader) <= kSegmentPage);

// Whether the header has its checksum. One of an older version becomes one of today's, but for the
// number.
bool is_whole(SegmentHeader& header) noexcept;

inline SectionPlace& place(SegmentHeader& header, Section section) noexcept {
  return header.sections[static_cast<size_t>(section)];
}

}  // namespace kindred::storage
