// SPDX-License-Identifier: Apache-2.0
#include "model/packed_vocabulary.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <stdexcept>

#include "model/checksum.h"
#include "model/little_endian.h"
#include "model/word_rarity.h"

namespace kindred::model {
namespace {

constexpr size_t kHeader = 16, kTrailer = 8;
constexpr size_t kMaxSlots = size_t{1} << 31;

// Fewer than 8 bytes as a number, zeros after them.
uint64_t load_rest(const char* bytes, size_t count) noexcept {
  if (count >= 4)
    return load<uint32_t>(bytes) | uint64_t{load<uint32_t>(bytes + count - 4)} << 8 * (count - 4);
  uint64_t rest = 0;
  for (size_t i = 0; i < count; ++i) rest |= uint64_t{static_cast<uint8_t>(bytes[i])} << 8 * i;
  return rest;
}

uint32_t hash_of(std::string_view token) noexcept {
  uint64_t hash = token.size();
  size_t i = 0;
  for (; i + 8 <= token.size(); i += 8) hash = mix(hash ^ load<uint64_t>(&token[i]));
  return static_cast<uint32_t>(mix(hash ^ load_rest(token.data() + i, token.size() - i)));
}

}  // namespace

void fail_pack(size_t offset, const std::string& wanted, const std::string& got) {
  throw std::runtime_error("pack, offset " + std::to_string(offset) + ": " + wanted +
                           " is wanted, got " + got);
}

VocabularyBuilder::VocabularyBuilder(size_t expected) {
  constexpr size_t kFewestSlots = 1024;
  slots_.resize(std::bit_ceil(std::clamp(2 * expected, kFewestSlots, kMaxSlots)));
  ends_.reserve(expected);
  hashes_.reserve(expected);
}

std::string_view VocabularyBuilder::token(TokenId id) const {
  const uint32_t begin = id == 0 ? 0 : ends_[id - 1];
  return std::string_view(bytes_).substr(begin, ends_[id] - begin);
}

// The token's slot, or the empty one where it belongs.
size_t VocabularyBuilder::slot_of(std::string_view wanted, uint32_t hash) const noexcept {
  const size_t mask = slots_.size() - 1;
  for (size_t slot = hash & mask;; slot = (slot + 1) & mask) {
    if (slots_[slot] == 0) return slot;
    const TokenId id = slots_[slot] - 1;
    if (hashes_[id] == hash && token(id) == wanted) return slot;
  }
}

void VocabularyBuilder::double_slots() {
  const size_t mask = 2 * slots_.size() - 1;
  std::vector<uint32_t>().swap(slots_);
  slots_.resize(mask + 1);
  for (TokenId id = 0; id < ends_.size(); ++id) {
    size_t slot = hashes_[id] & mask;
    while (slots_[slot] != 0) slot = (slot + 1) & mask;
    slots_[slot] = id + 1;
  }
}

uint32_t VocabularyBuilder::expect(std::string_view token) const noexcept {
  const uint32_t hash = hash_of(token);
  __builtin_prefetch(&slots_[hash & (slots_.size() - 1)], 1);
  return hash;
}

bool VocabularyBuilder::add(std::string_view token, uint32_t hash) {
  const size_t slot = slot_of(token, hash);
  if (slots_[slot] != 0) return false;
  if (bytes_.size() + token.size() > std::numeric_limits<uint32_t>::max() ||
      ends_.size() >= kMaxSlots / 2)
    throw std::runtime_error("vocabulary: at most 4 GiB and 2^30 tokens are kept");
  bytes_ += token;
  hashes_.push_back(hash);
  ends_.push_back(static_cast<uint32_t>(bytes_.size()));
  slots_[slot] = static_cast<uint32_t>(ends_.size());
  if (2 * ends_.size() > slots_.size()) double_slots();
  return true;
}

void VocabularyBuilder::append_to(PackWriter& pack) const {
  Checksum checksum;
  const auto append = [&](std::span<const uint8_t> bytes) {
    checksum.add(bytes);
    pack.append(bytes);
  };
  append(bytes_of(static_cast<uint32_t>(ends_.size())));
  append(bytes_of(static_cast<uint32_t>(slots_.size())));
  append(bytes_of(static_cast<uint64_t>(bytes_.size())));
  append(bytes_of(std::span(ends_)));
  append(bytes_of(std::span(slots_)));
  append(bytes_of(std::span<const char>(bytes_)));
  pack.append(bytes_of(checksum.value()));
}

PackedVocabulary::PackedVocabulary(std::span<const uint8_t> pack, size_t offset) {
  if (offset > pack.size() || pack.size() - offset < kHeader + kTrailer)
    fail_pack(offset, "a vocabulary", "the end of the pack");
  const std::span<const uint8_t> rest = pack.subspan(offset);
  size_ = load<uint32_t>(&rest[0]);
  const size_t slots = load<uint32_t>(&rest[4]);
  const auto text_bytes = load<uint64_t>(&rest[8]);
  if (slots <= size_ || slots > kMaxSlots || (slots & (slots - 1)) != 0)
    fail_pack(offset + 4, "a power of two above " + std::to_string(size_) + " as slots",
              std::to_string(slots));
  const size_t before_text = kHeader + 4 * (size_ + slots);
  const size_t room = rest.size() - kTrailer;
  if (before_text > room || text_bytes > room - before_text)
    fail_pack(offset + 8,
              "a pack that holds " + std::to_string(size_) + " tokens of " +
                  std::to_string(text_bytes) + " bytes",
              std::to_string(rest.size()) + " bytes");
  slot_mask_ = slots - 1;
  ends_ = &rest[kHeader];
  slots_ = ends_ + 4 * size_;
  text_ = reinterpret_cast<const char*>(slots_ + 4 * slots);
  const size_t sum_at = before_text + text_bytes;
  bytes_ = sum_at + kTrailer;
  Checksum checksum;
  checksum.add(rest.first(sum_at));
  checksum_ = checksum.value();
  if (const auto stored = load<uint64_t>(&rest[sum_at]); stored != checksum_)
    fail_pack(offset + sum_at, "checksum " + std::to_string(checksum_), std::to_string(stored));
  for (size_t id = 0; id < size_; ++id)
    if (end(id) < (id == 0 ? 0 : end(id - 1)) || end(id) > text_bytes)
      fail_pack(offset + kHeader + 4 * id, "an end in ascending order", std::to_string(end(id)));
  uint32_t highest = 0;
  for (size_t i = 0; i < slots; ++i) highest = std::max(highest, load<uint32_t>(slots_ + 4 * i));
  if (highest > size_)
    fail_pack(offset + kHeader + 4 * size_, "slots of at most " + std::to_string(size_),
              std::to_string(highest));
}

uint32_t PackedVocabulary::end(size_t id) const noexcept {
  return load<uint32_t>(ends_ + 4 * id);
}

std::string_view PackedVocabulary::token(TokenId id) const noexcept {
  const uint32_t begin = id == 0 ? 0 : end(id - 1);
  return {text_ + begin, end(id) - begin};
}

std::optional<TokenId> PackedVocabulary::find(std::string_view wanted) const noexcept {
  if (size_ == 0) return std::nullopt;
  size_t slot = hash_of(wanted) & slot_mask_;
  for (size_t probes = 0; probes <= slot_mask_; ++probes, slot = (slot + 1) & slot_mask_) {
    const auto stored = load<uint32_t>(slots_ + 4 * slot);
    if (stored == 0) return std::nullopt;
    if (token(stored - 1) == wanted) return stored - 1;
  }
  return std::nullopt;
}

}  // namespace kindred::model
