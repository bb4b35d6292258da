// SPDX-License-Identifier: Apache-2.0
#include "model/checksum.h"

#include <algorithm>

#include "model/little_endian.h"
#include "model/word_rarity.h"

namespace kindred::model {
namespace {

using Lanes = std::array<uint64_t, 8>;

void add_block(Lanes& lanes, const uint8_t* block) noexcept {
  for (size_t i = 0; i < lanes.size(); ++i) {
    const uint64_t mixed = (lanes[i] ^ load<uint64_t>(block + 8 * i)) * 0x9e3779b97f4a7c15ULL;
    lanes[i] = mixed ^ (mixed >> 32);
  }
}

}  // namespace

void Checksum::add(std::span<const uint8_t> bytes) noexcept {
  const size_t pending = size_ % kBlock;
  size_ += bytes.size();
  if (pending > 0) {
    const size_t taken = std::min(bytes.size(), kBlock - pending);
    std::copy_n(bytes.begin(), taken, rest_.begin() + static_cast<std::ptrdiff_t>(pending));
    bytes = bytes.subspan(taken);
    if (pending + taken < kBlock) return;
    add_block(lanes_, rest_.data());
  }
  Lanes lanes = lanes_;  // they stay in registers
  for (; bytes.size() >= kBlock; bytes = bytes.subspan(kBlock)) add_block(lanes, bytes.data());
  lanes_ = lanes;
  std::copy(bytes.begin(), bytes.end(), rest_.begin());
}

uint64_t Checksum::value() const noexcept {
  Checksum last = *this;
  std::fill(last.rest_.begin() + static_cast<std::ptrdiff_t>(size_ % kBlock), last.rest_.end(),
            uint8_t{0});
  add_block(last.lanes_, last.rest_.data());
  uint64_t value = mix(size_);
  for (const uint64_t lane : last.lanes_) value = mix(value ^ lane) * 0x9e3779b97f4a7c15ULL;
  return value;
}

}  // namespace kindred::model
