// A file of somebody else's that is read with care: from its beginning to its end through a buffer
// that does not grow with the file, or at any place. Errors are std::runtime_error and name the
// file.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kindred::model {

// Not thread-safe.
class InputFile {
 public:
  // Throws if there is no such file, it cannot be read or is no regular file.
  explicit InputFile(std::string path);
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  const std::string& path() const noexcept { return path_; }
  // Bytes when it was opened.
  uint64_t size() const noexcept { return size_; }
  // Of the byte that is read next.
  uint64_t offset() const noexcept { return offset_; }

  // The bytes that come next: at least `wanted`, fewer only at the file's end. They live until the
  // next call.
  std::string_view peek(size_t wanted);
  // REQUIRES: peek() has shown so many.
  void skip(size_t bytes) noexcept;
  // The next line without its line feed, and passes over both; nullopt at the file's end. It lives
  // until the next call. Throws if the line is longer than `limit` bytes, or no line feed ends it.
  std::optional<std::string_view> line(size_t limit);
  // Fills `out`. REQUIRES: offset + out.size() <= size().
  void read_at(uint64_t offset, std::span<uint8_t> out) const;

  // Throws "model file 'x.bin', offset 12: dim 1..65536 is wanted, got 0".
  [[noreturn]] void fail(uint64_t offset, const std::string& wanted, const std::string& got) const;

 private:
  std::string path_;
  int descriptor_ = -1;
  uint64_t size_ = 0, offset_ = 0;
  std::vector<char> buffer_;
  size_t begin_ = 0, end_ = 0;  // of the bytes in the buffer; begin_ is at offset_
};

// All of a file. Throws what InputFile throws, and where it has more than `most` bytes.
std::string read_file(const std::string& path, uint64_t most);

// The file's text in quotes for a message: at most 40 bytes of it, bytes beyond ASCII as '?'.
std::string quoted(std::string_view text);

}  // namespace kindred::model
