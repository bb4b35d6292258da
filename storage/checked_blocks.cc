// SPDX-License-Identifier: Apache-2.0
#include "storage/checked_blocks.h"

#include <algorithm>
#include <bit>

namespace kindred::storage {

CheckedBlocks::CheckedBlocks(const std::byte* data, uint64_t bytes, size_t block,
                             const uint64_t* sums)
    : data_(data),
      bytes_(bytes),
      block_(block),
      sums_(sums),
      shift_(std::countr_zero(block)),
      whole_(std::make_unique<std::atomic<uint64_t>[]>(count() / kBits + 1)) {}

// Scans come by with many blocks at once, mostly found whole before.
std::optional<size_t> CheckedBlocks::first_changed(const void* at, size_t bytes) const noexcept {
  if (bytes == 0) return std::nullopt;
  const size_t end = block_at(static_cast<const std::byte*>(at) + bytes - 1) + 1;
  for (size_t block = block_at(at); block < end;) {
    const uint64_t whole = whole_[block / kBits].load(std::memory_order_relaxed);
    if (block % kBits == 0 && whole == ~uint64_t{0}) {
      block += kBits;
      continue;
    }
    if ((whole >> (block % kBits) & 1) == 0 && !is_whole(block)) return block;
    ++block;
  }
  return std::nullopt;
}

std::optional<size_t> CheckedBlocks::first_changed() const noexcept {
  for (size_t block = 0; block < count(); ++block)
    if (!is_whole(block)) return block;
  return std::nullopt;
}

bool CheckedBlocks::are_known(const void* at, size_t bytes) const noexcept {
  const size_t end = block_at(static_cast<const std::byte*>(at) + bytes - 1) + 1;
  for (size_t block = block_at(at); block < end; ++block)
    if ((whole_[block / kBits].load(std::memory_order_relaxed) >> (block % kBits) & 1) == 0)
      return false;
  return true;
}

std::optional<size_t> CheckedBlocks::first_changed_of_copy(size_t first, const std::byte* copy,
                                                           size_t bytes) const noexcept {
  for (size_t block = first; block < first + blocks_of(bytes, block_); ++block)
    if (!is_whole(block, copy + (block - first) * block_)) return block;
  return std::nullopt;
}

bool CheckedBlocks::is_whole(size_t block, const std::byte* at) const noexcept {
  if (blocks_of_sums_ != nullptr && blocks_of_sums_->first_changed(sums_ + block, sizeof *sums_))
    return false;
  const auto bytes =
      static_cast<size_t>(std::min<uint64_t>(block_, bytes_ - uint64_t{block} * block_));
  if (checksum(at, bytes) != sums_[block]) return false;
  whole_[block / kBits].fetch_or(uint64_t{1} << (block % kBits), std::memory_order_relaxed);
  return true;
}

}  // namespace kindred::storage
