// SPDX-License-Identifier: Apache-2.0
#include "model/formats/fasttext_file.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "model/checksum.h"
#include "model/fasttext_embedding.h"
#include "model/formats/input_file.h"
#include "model/little_endian.h"

namespace kindred::model {
namespace {

constexpr int32_t kMagic = 793712314;
constexpr int32_t kOldestVersion = 11, kNewestVersion = 12;
constexpr int32_t kSupervised = 3;
constexpr int32_t kMaxDim = 65536;
constexpr size_t kMaxWordBytes = 65535;

// Reads the file once from its beginning up to the rows, then rows where they lie.
class FastTextFile {
 public:
  explicit FastTextFile(const std::string& path) : file_(path) {
    read_arguments();
    read_dictionary();
    read_matrices();
  }

  const FastTextShape& shape() const noexcept { return shape_; }
  const VocabularyBuilder& words() const noexcept { return words_; }

  // The mean of the word's own row and those of its parts.
  void word_row(TokenId id, std::span<float> out);
  // REQUIRES: bucket + rows is at most the number of buckets.
  void bucket_rows(uint64_t bucket, std::span<float> out);

 private:
  template <class Number>
  Number read(const char* what);
  template <class Number>
  Number read_within(const char* what, Number lowest, Number highest);
  void read_arguments();
  void read_dictionary();
  void read_word(bool is_label);
  void read_matrices();
  void skip_output(uint64_t left);
  uint64_t read_rows_header(const char* what, uint64_t& rows, uint64_t& columns);
  void read_row(uint64_t row, std::span<float> out);

  InputFile file_;
  FastTextShape shape_;
  VocabularyBuilder words_;
  uint64_t buckets_ = 0;      // rows after those of the words
  uint64_t rows_offset_ = 0;  // of the input matrix
  std::vector<float> row_;
};

template <class Number>
Number FastTextFile::read(const char* what) {
  const std::string_view bytes = file_.peek(sizeof(Number));
  if (bytes.size() < sizeof(Number)) file_.fail(file_.offset(), what, "the end of the file");
  const auto number = load<Number>(bytes.data());
  file_.skip(sizeof(Number));
  return number;
}

template <class Number>
Number FastTextFile::read_within(const char* what, Number lowest, Number highest) {
  const uint64_t offset = file_.offset();
  const auto number = read<Number>(what);
  if (number < lowest || number > highest)
    file_.fail(offset,
               std::string(what) + " " + std::to_string(lowest) + ".." + std::to_string(highest),
               std::to_string(number));
  return number;
}

void FastTextFile::read_arguments() {
  constexpr int32_t kAny = INT32_MAX;
  read_within<int32_t>("fastText's magic number", kMagic, kMagic);
  const auto version = read_within<int32_t>("version", kOldestVersion, kNewestVersion);
  shape_.dim = static_cast<size_t>(read_within<int32_t>("dim", 1, kMaxDim));
  for (const char* unused : {"window", "epoch", "minCount", "neg"}) read<int32_t>(unused);
  const auto sequence = read_within<int32_t>("wordNgrams", 0, FastTextShape::kLongestSequence);
  read<int32_t>("loss");
  shape_.is_supervised = read_within<int32_t>("model", 1, kSupervised) == kSupervised;
  buckets_ = static_cast<uint64_t>(read_within<int32_t>("bucket", 0, kAny));
  shape_.parts.shortest = static_cast<uint32_t>(read_within<int32_t>("minn", 0, kAny));
  const int32_t most = WordParts::kLongest;
  shape_.parts.longest = static_cast<uint32_t>(read_within<int32_t>("maxn", 0, most));
  read<int32_t>("lrUpdateRate");
  read<double>("t");
  if (version == kOldestVersion && shape_.is_supervised) shape_.parts.longest = 0;
  shape_.longest_sequence =
      shape_.is_supervised ? std::max<uint32_t>(static_cast<uint32_t>(sequence), 1) : 1;
  const bool uses_buckets = shape_.parts.longest > 0 || shape_.longest_sequence > 1;
  shape_.parts.buckets = uses_buckets ? buckets_ : 0;
}

void FastTextFile::read_dictionary() {
  const uint64_t offset = file_.offset();
  const auto entries = read_within<int32_t>("entries", 1, INT32_MAX);
  const auto words = read_within<int32_t>("words", 1, entries);
  read_within<int32_t>("labels", entries - words, entries - words);
  read<int64_t>("tokens");
  if (read<int64_t>("pruned ids") >= 0)
    file_.fail(file_.offset() - 8, "a dictionary that was not pruned", "a pruned one (.ftz)");
  constexpr uint64_t kShortestEntry = 11;  // a byte and its 0, count, type
  if (static_cast<uint64_t>(entries) > (file_.size() - file_.offset()) / kShortestEntry)
    file_.fail(offset, "a file that holds " + std::to_string(entries) + " entries",
               std::to_string(file_.size()) + " bytes");
  for (int32_t i = 0; i < entries; ++i) read_word(i >= words);
}

void FastTextFile::read_word(bool is_label) {
  const uint64_t offset = file_.offset();
  std::string_view shown = file_.peek(1);
  size_t length = shown.find('\0');
  if (length == std::string_view::npos) {
    shown = file_.peek(kMaxWordBytes + 1);
    length = shown.find('\0');
  }
  if (length == 0 || length > kMaxWordBytes)
    file_.fail(offset, "a word of 1..65535 bytes and a 0", quoted(shown.substr(0, length)));
  if (!is_label && !words_.add(shown.substr(0, length)))
    file_.fail(offset, "a word that is not there yet", quoted(shown.substr(0, length)));
  file_.skip(length + 1);
  read<int64_t>("count");
  const auto type = static_cast<int8_t>(is_label ? 1 : 0);
  read_within<int8_t>("type", type, type);
}

// Reads what stands before a matrix; returns how many bytes of it the file has room for.
uint64_t FastTextFile::read_rows_header(const char* what, uint64_t& rows, uint64_t& columns) {
  const uint64_t offset = file_.offset();
  if (read_within<uint8_t>("0 or 1 (compressed)", 0, 1) == 1)
    file_.fail(offset, "a model that is not compressed", "a compressed one (.ftz)");
  rows = static_cast<uint64_t>(read_within<int64_t>(what, 0, INT64_MAX));
  columns = static_cast<uint64_t>(read_within<int64_t>(what, 0, INT64_MAX));
  return file_.size() - file_.offset();
}

void FastTextFile::read_matrices() {
  const uint64_t offset = file_.offset();
  uint64_t rows = 0, columns = 0;
  const uint64_t left = read_rows_header("size of the input", rows, columns);
  if (rows != words_.size() + buckets_ || columns != shape_.dim)
    file_.fail(offset + 1,
               std::to_string(words_.size() + buckets_) + " x " + std::to_string(shape_.dim) +
                   " as the input's size",
               std::to_string(rows) + " x " + std::to_string(columns));
  const uint64_t row_bytes = shape_.dim * sizeof(float);
  if (rows > left / row_bytes)
    file_.fail(offset + 1, "a file that holds " + std::to_string(rows) + " rows",
               std::to_string(left) + " bytes");
  rows_offset_ = file_.offset();
  row_.resize(shape_.dim);
  skip_output(rows_offset_ + rows * row_bytes);
}

// Nothing of the output is used: it has to be there, and to be the last.
void FastTextFile::skip_output(uint64_t offset) {
  constexpr size_t kHeader = 1 + 2 * sizeof(int64_t);
  uint8_t header[kHeader];
  if (file_.size() - offset < kHeader) file_.fail(offset, "an output", "the end of the file");
  file_.read_at(offset, header);
  const auto rows = load<int64_t>(&header[1]), columns = load<int64_t>(&header[9]);
  if (header[0] != 0) file_.fail(offset, "an output that is not compressed", "another");
  const uint64_t left = file_.size() - offset - kHeader, width = shape_.dim;
  const bool fits = rows >= 0 && static_cast<uint64_t>(columns) == width &&
                    left % (width * sizeof(float)) == 0 &&
                    left / (width * sizeof(float)) == static_cast<uint64_t>(rows);
  if (!fits)
    file_.fail(offset + 1,
               std::to_string(rows) + " x " + std::to_string(columns) +
                   " numbers up to the end of the file",
               std::to_string(left) + " bytes");
}

void FastTextFile::read_row(uint64_t row, std::span<float> out) {
  const uint64_t offset = rows_offset_ + row * shape_.dim * sizeof(float);
  file_.read_at(offset, {reinterpret_cast<uint8_t*>(out.data()), out.size_bytes()});
  for (size_t i = 0; i < out.size(); ++i)
    if (!std::isfinite(out[i]))
      file_.fail(offset + i * sizeof(float), "a finite number", std::to_string(out[i]));
}

void FastTextFile::word_row(TokenId id, std::span<float> out) {
  VectorSum sum(shape_.dim);
  size_t rows = 0;
  const auto add = [&](uint64_t row) {
    read_row(row, row_);
    sum.add(row_);
    ++rows;
  };
  add(id);
  shape_.parts.each(words_.token(id), [&](uint64_t bucket) { add(words_.size() + bucket); });
  for (size_t i = 0; i < out.size(); ++i)
    out[i] = static_cast<float>(sum.values()[i] / static_cast<double>(rows));
}

void FastTextFile::bucket_rows(uint64_t bucket, std::span<float> out) {
  read_row(words_.size() + bucket, out);
}

}  // namespace

bool is_fasttext(const std::string& path) {
  InputFile file(path);
  const std::string_view beginning = file.peek(sizeof kMagic);
  return beginning.size() >= sizeof kMagic && load<int32_t>(beginning.data()) == kMagic;
}

ImportResult import_fasttext(const std::string& path, PackWriter& writer,
                             const ImportProgress& progress) {
  FastTextFile file(path);
  const size_t words = file.words().size(), dim = file.shape().dim;
  const uint64_t buckets = file.shape().parts.buckets;
  Checksum rows;
  size_t done = 0;
  const auto tell = [&](size_t more) {
    constexpr size_t kStep = 1024;
    done += more;
    if (done % kStep < more || done == words + buckets) progress(done, words + buckets);
  };
  std::vector<float> row(dim);
  for (TokenId id = 0; id < words; ++id) {
    file.word_row(id, row);
    writer.add_row(row);
    rows.add(bytes_of(std::span<const float>(row)));
    tell(1);
  }
  write_fasttext_pack(writer, file.words(), file.shape());
  constexpr uint64_t kBytesAtOnce = 256 << 10;
  const uint64_t at_once = std::max<uint64_t>(1, kBytesAtOnce / (dim * sizeof(float)));
  std::vector<float> some(std::min(at_once, buckets) * dim);
  for (uint64_t bucket = 0; bucket < buckets;) {
    const uint64_t count = std::min(at_once, buckets - bucket);
    const std::span<float> part(some.data(), count * dim);
    file.bucket_rows(bucket, part);
    rows.add(bytes_of(std::span<const float>(part)));
    writer.append(bytes_of(std::span<const float>(part)));
    bucket += count;
    tell(count);
  }
  writer.append(bytes_of(rows.value()));
  return {"fasttext", dim, words};
}

}  // namespace kindred::model
