// A checksum of content that is seen in pieces: eight lanes of multiplication, so that it keeps
// pace with reading. It notices accidents, not malice.
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace kindred::model {

class Checksum {
 public:
  // The value does not depend on how the bytes are cut into pieces.
  void add(std::span<const uint8_t> bytes) noexcept;
  uint64_t value() const noexcept;

 private:
  static constexpr size_t kBlock = 64;

  std::array<uint64_t, 8> lanes_{1, 2, 3, 4, 5, 6, 7, 8};
  std::array<uint8_t, kBlock> rest_{};  // of the bytes so far, those that fill no block
  uint64_t size_ = 0;
};

}  // namespace kindred::model
