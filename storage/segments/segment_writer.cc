// SPDX-License-Identifier: Apache-2.0
#include "storage/segments/segment_writer.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <optional>

#include "math/aligned.h"
#include "storage/codes/coarse_codes.h"
#include "storage/codes/row_codes.h"
#include "storage/error.h"

namespace kindred::storage {
namespace {

// Rows that the centre of codes is found in.
constexpr size_t kSampled = 1024;

}  // namespace

SegmentWriter::SegmentWriter(const std::string& path, const VectorSpec& spec,
                             const SegmentIdentity& identity)
    : spec_(spec),
      identity_(identity),
      file_(path, File::Mode::kCreate),
      out_(file_, kSegmentPage),
      stride_(exact_stride(spec)) {
  // A sweeper may have come between creation and lock: the caller takes another id.
  if (!file_.lock_shared()) throw StorageError(Fault::kBusy, path + ": swept while it was created");
}

void SegmentWriter::append(int64_t id, std::string_view vector) {
  out_.write(vector.data(), vector.size());
  out_.pad(math::kRowAlignment);
  ids_.push_back(id);
}

std::string SegmentWriter::vector(size_t row) {
  out_.publish();
  std::string bytes(spec_.bytes(), '\0');
  file_.read_at(kSegmentPage + row * stride_, bytes.data(), bytes.size());
  return bytes;
}

void SegmentWriter::finish(const std::function<bool(size_t row)>& counts) {
  SegmentHeader header{};
  header.magic = kSegmentMagic;
  header.version = kSegmentVersion;
  header.byte_order = kByteOrder;
  header.segment = identity_.segment;
  header.collection = identity_.collection;
  header.rows = ids_.size();
  header.dim = static_cast<uint32_t>(spec_.dim);
  header.element = static_cast<uint8_t>(spec_.element);
  header.metric = static_cast<uint8_t>(spec_.metric);
  header.prefix = static_cast<uint16_t>(spec_.prefix);
  header.exact_stride = static_cast<uint32_t>(stride_);
  header.code_stride = static_cast<uint32_t>(code_stride(spec_));
  place(header, Section::kExact) = {kSegmentPage, ids_.size() * stride_};
  out_.pad(kSegmentPage);
  write_codes(header);
  write_section(header, Section::kIds, ids_);
  write_order(header, counts);
  seal(header);
}

template <class T>
void SegmentWriter::write_section(SegmentHeader& header, Section section,
                                  const std::vector<T>& values) {
  place(header, section) = {out_.position(), values.size() * sizeof(T)};
  out_.write(values.data(), values.size() * sizeof(T));
  out_.pad(kSegmentPage);
}

// By row, as sections have them.
struct SegmentWriter::Numbers {
  Numbers(size_t rows, bool has_suffixes, bool has_biases)
      : scale(rows),
        code_norm(rows),
        residual_norm(has_suffixes ? 2 * rows : rows),
        squared(has_biases ? 2 * rows : rows) {}

  void set(size_t row, const RowNumbers& of_row) {
    scale[row] = of_row.scale;
    code_norm[row] = of_row.code_norm;
    residual_norm[row] = of_row.residual_norm;
    squared[row] = of_row.norm_squared;
    const size_t rows = scale.size();
    if (residual_norm.size() > rows) residual_norm[rows + row] = of_row.suffix_norm;
    if (squared.size() > rows) squared[rows + row] = of_row.bias;
  }

  std::vector<float> scale;
  std::vector<float> code_norm;
  std::vector<float> residual_norm;  // of all rows; then, of a prefix's, the suffix_norm of all
  std::vector<float> squared;        // the same; then, of centred codes, the bias of all
};

// The exact rows are read back from the file, so that they need not stay in memory.
void SegmentWriter::write_codes(SegmentHeader& header) {
  out_.publish();
  const std::optional<Mapping> exact =
      ids_.empty() ? std::nullopt : std::optional<Mapping>(std::in_place, file_, out_.position());
  const auto row_at = [&](size_t row) { return exact->data() + kSegmentPage + row * stride_; };
  RowCentre rows(spec_);
  for (size_t row = 0; row < ids_.size() && has_centre(spec_); row += ids_.size() / kSampled + 1)
    rows.add(row_at(row));
  const std::vector<float> centre = rows.find();
  RowEncoder encoder(spec_, centre);
  Numbers numbers(ids_.size(), spec_.prefix > 0, !centre.empty());
  std::vector<int8_t> codes(header.code_stride);
  place(header, Section::kCodes) = {out_.position(), ids_.size() * codes.size()};
  const size_t releasing = Mapping::kReleaseBytes / stride_ + 1;
  for (size_t row = 0; row < ids_.size(); ++row) {
    if (row % releasing == releasing - 1) exact->release();
    numbers.set(row, encoder.encode(row_at(row), codes.data()));
    out_.write(codes.data(), codes.size());
  }
  out_.pad(kSegmentPage);
  write_section(header, Section::kScale, numbers.scale);
  write_section(header, Section::kCodeNorm, numbers.code_norm);
  write_section(header, Section::kResidualNorm, numbers.residual_norm);
  write_section(header, Section::kNormSquared, numbers.squared);
  if (header.code_stride > 0) write_coarse_codes(header, numbers, centre);
}

// The same with the codes. Their centre is zero where codes may have none (has_centre()).
void SegmentWriter::write_coarse_codes(SegmentHeader& header, const Numbers& numbers,
                                       const std::vector<float>& code_centre) {
  constexpr size_t kRowsOfCentre = 4096;
  out_.publish();
  const size_t rows = ids_.size();
  const size_t stride = header.code_stride;
  const Mapping mapping(file_, out_.position());
  const auto* codes =
      reinterpret_cast<const int8_t*>(mapping.data() + place(header, Section::kCodes).offset);
  CentreOfCodes centre(spec_);
  for (size_t row = 0; row < rows && has_centre(spec_); row += rows / kRowsOfCentre + 1)
    centre.add(codes + row * stride, numbers.scale[row]);
  std::vector<float> mean = centre.mean();
  CoarseEncoder encoder(spec_, mean);
  std::vector<CoarseNumbers> of_rows(rows);
  std::vector<int8_t> coarse(coarse_stride(spec_));
  out_.write_huge_pages();
  place(header, Section::kCoarse) = {out_.position(), rows * coarse.size()};
  const size_t releasing = Mapping::kReleaseBytes / stride + 1;
  for (size_t row = 0; row < rows; ++row) {
    if (row % releasing == releasing - 1) mapping.release();
    const RowNumbers of_row{.scale = numbers.scale[row],
                            .code_norm = numbers.code_norm[row],
                            .residual_norm = numbers.residual_norm[row]};
    of_rows[row] = encoder.encode(codes + row * stride, of_row, coarse.data());
    out_.write(coarse.data(), coarse.size());
  }
  out_.pad(kSegmentPage);
  write_section(header, Section::kCoarseNumbers, of_rows);
  mean.insert(mean.end(), code_centre.begin(), code_centre.end());
  write_section(header, Section::kCentre, mean);
  if (!code_centre.empty()) header.version = kCentredSegmentVersion;
}

// Which row each id has: the last that counts. Left out where it is row 0, 1, 2, ...
void SegmentWriter::write_order(SegmentHeader& header,
                                const std::function<bool(size_t row)>& counts) {
  std::vector<uint32_t> order;
  for (size_t row = 0; row < ids_.size(); ++row)
    if (counts(row)) order.push_back(static_cast<uint32_t>(row));
  std::stable_sort(order.begin(), order.end(),
                   [this](uint32_t a, uint32_t b) { return ids_[a] < ids_[b]; });
  size_t distinct = 0;
  for (size_t i = 0; i < order.size(); ++i)
    if (i + 1 == order.size() || ids_[order[i]] != ids_[order[i + 1]]) order[distinct++] = order[i];
  order.resize(distinct);
  header.distinct = distinct;
  if (distinct == ids_.size() && std::is_sorted(ids_.begin(), ids_.end())) order.clear();
  write_section(header, Section::kOrder, order);
}

// Checksums, then the header as the last thing written: a file without it is none.
void SegmentWriter::seal(SegmentHeader& header) {
  out_.finish();
  std::vector<uint64_t> sums = out_.sums();
  const uint64_t at = out_.position();
  const size_t bytes = sums.size() * sizeof(uint64_t);
  place(header, Section::kSums) = {at, bytes};
  constexpr size_t kOfPage = kSumBlock / sizeof(uint64_t);
  const size_t pages = blocks_of(bytes);
  sums.resize(pages * kOfPage);
  for (size_t page = 0; page < pages; ++page)
    sums.push_back(checksum(&sums[page * kOfPage], kSumBlock));
  file_.write_at(at, sums.data(), sums.size() * sizeof(uint64_t));
  header.sums_sum = checksum(&sums[pages * kOfPage], pages * sizeof(uint64_t));
  header.header_sum = checksum(&header, offsetof(SegmentHeader, header_sum));
  std::array<std::byte, kSegmentPage> page{};
  std::memcpy(page.data(), &header, sizeof header);
  file_.write_at(0, page.data(), page.size());
  file_.sync();
  sync_folder(std::filesystem::path(file_.path()).parent_path());
}

}  // namespace kindred::storage
