// Writes one segment file (segment_format.h), front to back: vectors as they come, the rest from
// them at the end. Memory stays at about 40 bytes a row whatever the vectors' size.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/file.h"
#include "storage/format.h"
#include "storage/segments/segment_format.h"

namespace kindred::storage {

class SegmentWriter {
 public:
  // Creates the file, locked shared so that no sweeper takes it for an orphan.
  SegmentWriter(const std::string& path, const VectorSpec& spec, const SegmentIdentity& identity);

  // REQUIRES: spec.bytes() bytes at `vector`.
  void append(int64_t id, std::string_view vector);
  size_t rows() const noexcept { return ids_.size(); }
  // The vector of a row that was appended. REQUIRES: not finished.
  std::string vector(size_t row);

  // Completes the file and makes it and its name durable. Of rows with one id the last counts;
  // those that `counts` denies do not count at all: they stay as bytes that nothing finds.
  // The writer is of no use afterwards but keeps the lock.
  void finish(const std::function<bool(size_t row)>& counts);

 private:
  struct Numbers;
  void write_codes(SegmentHeader& header);
  void write_coarse_codes(SegmentHeader& header, const Numbers& numbers,
                          const std::vector<float>& code_centre);
  void write_order(SegmentHeader& header, const std::function<bool(size_t row)>& counts);
  template <class T>
  void write_section(SegmentHeader& header, Section section, const std::vector<T>& values);
  void seal(SegmentHeader& header);

  VectorSpec spec_;
  SegmentIdentity identity_;
  File file_;
  SequentialWriter out_;
  size_t stride_;
  std::vector<int64_t> ids_;
};

}  // namespace kindred::storage
