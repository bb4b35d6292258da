// A file that is imported: read where asked, its length known. Errors are std::runtime_error with
// the file's path.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace kindred::model {

// Thread-safe but for its move.
class InputFile {
 public:
  // Throws where it cannot be opened or is no regular file.
  explicit InputFile(std::string path);
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  const std::string& path() const noexcept { return path_; }
  uint64_t size() const noexcept { return size_; }
  // Throws where the bytes cannot be read, or the file has become shorter.
  void read(uint64_t offset, void* out, size_t bytes) const;

 private:
  std::string path_;
  int descriptor_ = -1;
  uint64_t size_ = 0;
};

// All of a file. Throws what InputFile throws, and where it has more than `most` bytes.
std::string read_file(const std::string& path, uint64_t most);

}  // namespace kindred::model
