// SPDX-License-Identifier: Apache-2.0
#include "model/formats/word_vectors.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <optional>
#include <system_error>

#include "model/checksum.h"
#include "model/little_endian.h"
#include "model/word_embedding.h"

namespace kindred::model {
namespace {

constexpr size_t kMaxLine = size_t{4} << 20;
constexpr size_t kMaxHeader = 64;

bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

std::string_view without_end(std::string_view line) {
  while (!line.empty() && (is_blank(line.back()) || line.back() == '\r')) line.remove_suffix(1);
  return line;
}

// Takes the first field off the rest of a line; empty at its end.
std::string_view take_field(std::string_view& rest) {
  size_t begin = 0;
  while (begin < rest.size() && is_blank(rest[begin])) ++begin;
  size_t end = begin;
  while (end < rest.size() && !is_blank(rest[end])) ++end;
  const std::string_view field = rest.substr(begin, end - begin);
  rest.remove_prefix(end);
  return field;
}

// The same from its end.
std::string_view take_last_field(std::string_view& rest) {
  rest = without_end(rest);
  size_t begin = rest.size();
  while (begin > 0 && !is_blank(rest[begin - 1])) --begin;
  const std::string_view field = rest.substr(begin);
  rest = rest.substr(0, begin);
  return field;
}

// Where the number that begins at `at` ends; nullptr if none does. What float32 cannot hold becomes
// 0 or infinity.
const char* parse_number(const char* at, const char* end, float& value) {
  if (at != end && *at == '+') {
    ++at;
    if (at != end && *at == '-') return nullptr;
  }
  const auto [stop, error] = std::from_chars(at, end, value);
  if (error == std::errc()) return stop;
  if (error != std::errc::result_out_of_range) return nullptr;
  double wide = 0;
  const bool fits = std::from_chars(at, end, wide).ec == std::errc();
  const std::string_view text(at, static_cast<size_t>(stop - at));
  const bool is_small = fits ? std::abs(wide) < 1 : text.find('-', 1) != text.npos;  // 1e-999
  value = is_small ? 0.0F : INFINITY;
  return stop;
}

bool is_number(std::string_view field) {
  float ignored = 0;
  return !field.empty() && parse_number(field.data(), field.data() + field.size(), ignored) ==
                               field.data() + field.size();
}

// Reads exactly row.size() numbers with blanks before each; false if it is anything else.
bool parse_row(std::string_view numbers, std::span<float> row) {
  const char* at = numbers.data();
  const char* const end = at + numbers.size();
  for (float& value : row) {
    if (at == end || !is_blank(*at)) return false;
    do ++at;
    while (at != end && is_blank(*at));
    at = parse_number(at, end, value);
    if (at == nullptr) return false;
  }
  return at == end;
}

// What stands before the last `dim` fields of a line; nullopt if there are fewer than dim + 1.
std::optional<std::string_view> word_before(std::string_view line, size_t dim) {
  for (size_t i = 0; i < dim; ++i)
    if (take_last_field(line).empty()) return std::nullopt;
  const std::string_view word = without_end(line);
  return word.empty() ? std::nullopt : std::optional(word);
}

struct Header {
  uint64_t rows, dim;
  size_t bytes;
};

std::optional<uint64_t> parse_count(std::string_view field) {
  uint64_t count = 0;
  const char* const end = field.data() + field.size();
  const auto [stop, error] = std::from_chars(field.data(), end, count);
  if (error != std::errc() || stop != end) return std::nullopt;
  return count;
}

// A first line of exactly two integers.
std::optional<Header> parse_header(std::string_view beginning) {
  const size_t length = beginning.substr(0, kMaxHeader).find('\n');
  if (length == std::string_view::npos) return std::nullopt;
  std::string_view line = without_end(beginning.substr(0, length));
  const auto rows = parse_count(take_field(line));
  const auto dim = parse_count(take_field(line));
  if (!rows || !dim || !line.empty()) return std::nullopt;
  return Header{*rows, *dim, length + 1};
}

bool is_text(std::string_view bytes) {
  return std::none_of(bytes.begin(), bytes.end(), [](char c) {
    return static_cast<unsigned char>(c) < ' ' && c != '\t' && c != '\n' && c != '\r';
  });
}

// How many numbers end the line, but for one field at least, which is the word; 0 if it is no line
// of text.
size_t numbers_at_end(std::string_view line) {
  if (!is_text(line)) return 0;
  for (size_t numbers = 0;; ++numbers) {
    const std::string_view field = take_last_field(line);
    if (field.empty()) return numbers == 0 ? 0 : numbers - 1;
    if (!is_number(field)) return numbers;
  }
}

// The first line that is there as a whole, "" if there is none within the longest that is read.
std::string_view first_line(InputFile& file, size_t skipped) {
  size_t shown = 0;
  for (std::string_view bytes = file.peek(skipped + 1); bytes.size() > shown;
       bytes = file.peek(std::min(2 * shown, skipped + kMaxLine))) {
    const size_t length = bytes.find('\n', std::max(shown, skipped));
    if (length != std::string_view::npos) return bytes.substr(skipped, length - skipped);
    shown = bytes.size();
  }
  return {};
}

// Without a first line of counts: the numbers of the first row, 0 if it is none. One number would
// make any list of words and counts a model.
size_t dim_of_lines(InputFile& file) {
  constexpr size_t kFewest = 2;
  const size_t numbers = numbers_at_end(first_line(file, 0));
  return numbers >= kFewest && numbers <= WordVectorReader::kMaxDim ? numbers : 0;
}

// Rows of text may be damaged and binary ones be short: a row that reads as text is text, and so is
// what has no byte of control.
bool are_lines(InputFile& file, const Header& header) {
  constexpr size_t kLooked = 4096;
  const std::string_view line = first_line(file, header.bytes);
  if (!line.empty() && numbers_at_end(line) >= header.dim) return true;
  const std::string_view beginning = file.peek(header.bytes + kLooked);
  return is_text(beginning.substr(header.bytes, kLooked));
}

bool all_finite(std::span<const float> row) {
  constexpr uint32_t kExponent = 0x7f800000;
  uint32_t is_bad = 0;  // no early end, so that it is done many at a time
  for (const float& value : row)
    is_bad |= static_cast<uint32_t>((load<uint32_t>(&value) & kExponent) == kExponent);
  return is_bad == 0;
}

// Rows on their way from the reader to the writer. The words of a block are looked for when all of
// them are known: one by one they would wait for memory more than half of their time.
class RowBlock {
 public:
  explicit RowBlock(size_t dim)
      : dim_(dim), most_(std::clamp(kBytes / (dim * sizeof(float)), size_t{1}, kMost)) {
    values_.resize(most_ * dim);
  }

  // Reads the next rows; false if there are none.
  bool read(WordVectorReader& reader, const VocabularyBuilder& words) {
    text_.clear();
    for (count_ = 0; count_ < most_ && reader.next({&values_[count_ * dim_], dim_}); ++count_) {
      const std::string_view word = reader.word();
      words_[count_] = {text_.size(), word.size(), words.expect(word)};
      text_ += word;
    }
    return count_ > 0;
  }
  // Gives their words ids and drops the rows of those that have one.
  void add_to(VocabularyBuilder& words) {
    size_t kept = 0;
    for (size_t i = 0; i < count_; ++i) {
      if (!words.add({&text_[words_[i].begin], words_[i].bytes}, words_[i].hash)) continue;
      if (kept < i) std::copy_n(&values_[i * dim_], dim_, &values_[kept * dim_]);
      ++kept;
    }
    count_ = kept;
  }
  // All rows one after the other.
  std::span<const float> values() const { return {values_.data(), count_ * dim_}; }

 private:
  static constexpr size_t kBytes = 16384, kMost = 32;  // they stay in a first-level cache

  struct Word {
    size_t begin, bytes;  // of text_
    uint32_t hash;
  };

  size_t dim_, most_, count_ = 0;
  std::array<Word, kMost> words_;
  std::string text_;
  std::vector<float> values_;
};

}  // namespace

WordVectorReader::WordVectorReader(const std::string& path) : file_(path) {
  read_header();
}

void WordVectorReader::read_header() {
  const auto header = parse_header(file_.peek(kMaxHeader));
  if (!header) {
    const size_t dim = dim_of_lines(file_);
    if (dim == 0)
      file_.fail(0, "\"<words> <dim>\" or a word and its numbers",
                 quoted(file_.peek(kMaxHeader).substr(0, kMaxHeader)));
    dim_ = dim;
    return;
  }
  if (header->rows == 0) file_.fail(0, "at least one word", "0");
  if (header->dim == 0 || header->dim > kMaxDim)
    file_.fail(0, "dim 1.." + std::to_string(kMaxDim), std::to_string(header->dim));
  layout_ = are_lines(file_, *header) ? Layout::kHeaderAndLines : Layout::kBinary;
  const uint64_t left = file_.size() - header->bytes;
  const uint64_t shortest = layout_ == Layout::kBinary ? 2 + 4 * header->dim : 2 * header->dim + 2;
  if (header->rows > left / shortest)
    file_.fail(0,
               "a file that holds " + std::to_string(header->rows) + " words of dim " +
                   std::to_string(header->dim),
               std::to_string(file_.size()) + " bytes");
  rows_ = header->rows;
  dim_ = header->dim;
  file_.skip(header->bytes);
}

bool WordVectorReader::next(std::span<float> row) {
  if (layout_ == Layout::kLines) return next_line(row);
  if (rows_read_ == rows_) {
    require_end();
    return false;
  }
  if (layout_ == Layout::kBinary)
    next_binary(row);
  else if (!next_line(row))
    file_.fail(file_.offset(), std::to_string(rows_) + " words",
               std::to_string(rows_read_) + " before the end");
  ++rows_read_;
  return true;
}

bool WordVectorReader::next_line(std::span<float> row) {
  uint64_t offset = 0;
  std::string_view line;
  while (line.empty()) {
    offset = file_.offset();
    const auto next = file_.line(kMaxLine);
    if (!next) return false;
    line = without_end(*next);
  }
  std::string_view numbers = line;
  word_ = take_field(numbers);
  if (is_blank(line.front()) || !parse_row(numbers, row)) {
    const auto word = word_before(line, dim());
    if (!word) file_.fail(offset, "a word and " + std::to_string(dim()) + " numbers", quoted(line));
    word_ = *word;
    if (!parse_row(line.substr(word->size()), row)) {
      std::string_view rest = line.substr(word->size());
      std::string_view field = take_field(rest);
      while (is_number(field)) field = take_field(rest);
      file_.fail(offset + static_cast<uint64_t>(field.data() - line.data()), "a number",
                 quoted(field));
    }
  }
  if (word_.size() > kMaxWordBytes || word_.find('\0') != std::string::npos)
    file_.fail(offset, "a word without NUL of at most 65535 bytes", quoted(word_));
  require_finite(row, offset);
  return true;
}

void WordVectorReader::next_binary(std::span<float> row) {
  std::string_view shown = file_.peek(1);
  while (!shown.empty() && shown.front() == '\n') {  // the one after the row before
    file_.skip(1);
    shown = file_.peek(1);
  }
  const uint64_t offset = file_.offset();
  size_t length = shown.find(' ');
  if (length == std::string_view::npos) {
    shown = file_.peek(kMaxWordBytes + 1);
    length = shown.find(' ');
  }
  const std::string_view word = shown.substr(0, length);
  const bool is_word = length > 0 && length <= kMaxWordBytes && word.find('\0') == word.npos &&
                       word.find('\n') == word.npos;
  if (!is_word) file_.fail(offset, "a word of 1..65535 bytes and a space", quoted(word));
  word_ = word;
  file_.skip(length + 1);
  const size_t row_bytes = row.size_bytes();
  const std::string_view bytes = file_.peek(row_bytes);
  if (bytes.size() < row_bytes)
    file_.fail(file_.offset(), std::to_string(row_bytes) + " bytes of a row",
               std::to_string(bytes.size()) + " before the end");
  std::memcpy(row.data(), bytes.data(), row_bytes);
  require_finite(row, file_.offset());
  file_.skip(row_bytes);
}

// After the last row of a file whose first line counts them.
void WordVectorReader::require_end() {
  for (std::string_view shown = file_.peek(1); !shown.empty(); shown = file_.peek(1)) {
    const bool may_follow = shown.front() == '\n' || (layout_ == Layout::kHeaderAndLines &&
                                                      without_end(shown.substr(0, 1)).empty());
    if (!may_follow)
      file_.fail(file_.offset(), "the end after " + std::to_string(rows_) + " words",
                 std::to_string(file_.size() - file_.offset()) + " more bytes");
    file_.skip(1);
  }
}

void WordVectorReader::require_finite(std::span<const float> row, uint64_t offset) const {
  if (all_finite(row)) return;
  const auto bad = std::find_if(row.begin(), row.end(), [](float x) { return !std::isfinite(x); });
  const auto place = static_cast<size_t>(bad - row.begin());
  const uint64_t at = layout_ == Layout::kBinary ? offset + place * sizeof(float) : offset;
  file_.fail(
      at, "a finite number",
      quoted(word_) + " with " + std::to_string(*bad) + " as number " + std::to_string(place + 1));
}

bool is_word_vectors(const std::string& path) {
  InputFile file(path);
  return parse_header(file.peek(kMaxHeader)) || dim_of_lines(file) > 0;
}

ImportResult import_word_vectors(const std::string& path, PackWriter& writer,
                                 const ImportProgress& progress) {
  constexpr uint64_t kStep = 1 << 20;
  WordVectorReader reader(path);
  VocabularyBuilder words(reader.rows());
  Checksum rows;
  uint64_t told = 0;
  RowBlock block(reader.dim());
  while (block.read(reader, words)) {
    block.add_to(words);
    rows.add(bytes_of(block.values()));
    for (auto rest = block.values(); !rest.empty(); rest = rest.subspan(reader.dim()))
      writer.add_row(rest.first(reader.dim()));
    if (reader.done() - told < kStep) continue;
    told = reader.done();
    progress(told, reader.total());
  }
  write_word_pack(writer, words, reader.dim(), rows.value());
  progress(reader.total(), reader.total());
  return {reader.kind(), reader.dim(), words.size()};
}

}  // namespace kindred::model
