// Files of tests: a directory of their own, and damage done to them.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace kindred::test {

// A directory of its own, removed at the end of the scope.
class ScratchDirectory {
 public:
  ScratchDirectory();
  ~ScratchDirectory();
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;
  std::string path() const { return path_.string(); }
  std::string file(std::string_view name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

// Flips the lowest bit of the byte at `offset`.
void flip_bit(const std::filesystem::path& path, uint64_t offset);

// The folder of real data: $KINDRED_DATA, by default ../shared/data beside the sources; "" if it is
// not there: the test says so and passes.
std::string data_folder();

}  // namespace kindred::test
