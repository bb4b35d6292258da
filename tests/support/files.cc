// SPDX-License-Identifier: Apache-2.0
#include "tests/support/files.h"

#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <system_error>

namespace kindred::test {

ScratchDirectory::ScratchDirectory() {
  static std::atomic<int> count{0};
  path_ = std::filesystem::temp_directory_path() /
          ("kindred-test-" + std::to_string(getpid()) + "-" + std::to_string(count++));
  std::filesystem::create_directories(path_);
}

ScratchDirectory::~ScratchDirectory() {
  std::error_code ignored;  // a leftover in the temporary folder harms nobody
  std::filesystem::remove_all(path_, ignored);
}

void flip_bit(const std::filesystem::path& path, uint64_t offset) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(static_cast<std::streamoff>(offset));
  const int byte = file.get();
  file.seekp(static_cast<std::streamoff>(offset));
  file.put(static_cast<char>(byte ^ 1));
  if (!file.good()) throw std::runtime_error(path.string() + ": no byte to flip a bit of");
}

std::string data_folder() {
  const char* set = std::getenv("KINDRED_DATA");
  const std::filesystem::path folder =
      set != nullptr ? std::filesystem::path(set)
                     : std::filesystem::path(KINDRED_SOURCE_DIR) / ".." / "shared" / "data";
  return std::filesystem::is_directory(folder) ? folder.string() : "";
}

}  // namespace kindred::test
