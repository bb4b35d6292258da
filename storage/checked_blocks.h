// Mapped bytes that are compared with their checksums block by block, each when it is first read.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "storage/file.h"

namespace kindred::storage {

// Thread-safe, but for being assigned to.
class CheckedBlocks {
 public:
  // Of no bytes.
  CheckedBlocks() = default;
  // sums[i] is the XXH3-64 of block number i; all is borrowed.
  CheckedBlocks(const std::byte* data, uint64_t bytes, size_t block, const uint64_t* sums);

  // The checksums lie in blocks themselves, which are compared first. REQUIRES: `blocks` outlive
  // this.
  void set_blocks_of_sums(const CheckedBlocks* blocks) noexcept { blocks_of_sums_ = blocks; }

  size_t count() const noexcept { return blocks_of(bytes_, block_); }
  size_t block_bytes() const noexcept { return block_; }
  // Of the blocks that these bytes are in the first that has changed; those that have been found
  // whole before are not compared again.
  std::optional<size_t> first_changed(const void* at, size_t bytes) const noexcept;
  // The same of all, compared anew.
  std::optional<size_t> first_changed() const noexcept;

  // Whether the blocks that these bytes are in have been found whole before.
  bool are_known(const void* at, size_t bytes) const noexcept;
  // Of blocks that have been read into `copy`, one after the other from number `first` on, the
  // first that has changed.
  std::optional<size_t> first_changed_of_copy(size_t first, const std::byte* copy,
                                              size_t bytes) const noexcept;

 private:
  static constexpr size_t kBits = 64;

  size_t block_at(const void* at) const noexcept {
    return static_cast<size_t>(static_cast<const std::byte*>(at) - data_) >> shift_;
  }
  bool is_whole(size_t block) const noexcept { return is_whole(block, data_ + block * block_); }
  bool is_whole(size_t block, const std::byte* at) const noexcept;

  const std::byte* data_ = nullptr;
  uint64_t bytes_ = 0;
  size_t block_ = kSumBlock;
  const uint64_t* sums_ = nullptr;
  int shift_ = 0;
  const CheckedBlocks* blocks_of_sums_ = nullptr;
  std::unique_ptr<std::atomic<uint64_t>[]> whole_;  // a bit for each block
};

}  // namespace kindred::storage
