// SPDX-License-Identifier: Apache-2.0
#include "storage/segments/segment_format.h"

#include <algorithm>
#include <cstddef>

#include "storage/file.h"

namespace kindred::storage {

bool is_whole(SegmentHeader& header) noexcept {
  if (header.version >= kFirstWithCoarse)
    return header.header_sum == checksum(&header, offsetof(SegmentHeader, header_sum));
  constexpr size_t kSummed = offsetof(SegmentHeader, sections) +
                             kSectionsBefore3 * sizeof(SectionPlace) + sizeof(uint64_t);
  SectionPlace* const behind = header.sections.data() + kSectionsBefore3;
  header.sums_sum = behind->offset;
  header.header_sum = behind->bytes;
  const bool fits = header.header_sum == checksum(&header, kSummed);
  std::fill(behind, header.sections.data() + header.sections.size(), SectionPlace{});
  return fits;
}

}  // namespace kindred::storage
