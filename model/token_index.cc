// SPDX-License-Identifier: Apache-2.0
#include "model/token_index.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <stdexcept>
#include <utility>

#include "model/word_rarity.h"

namespace kindred::model {
namespace {

uint64_t hash_of(std::string_view bytes) noexcept {
  uint64_t hash = bytes.size() * 0x9e3779b97f4a7c15ULL;
  uint64_t word = 0;
  for (; bytes.size() >= sizeof word; bytes.remove_prefix(sizeof word)) {
    std::memcpy(&word, bytes.data(), sizeof word);
    hash = mix(hash ^ word);
  }
  word = 0;
  std::memcpy(&word, bytes.data(), bytes.size());
  return mix(hash ^ word);
}

}  // namespace

TokenIndex::TokenIndex(std::vector<std::string> tokens) : tokens_(std::move(tokens)) {
  if (tokens_.size() > kMaxTokens)
    throw std::invalid_argument("got " + std::to_string(tokens_.size()) +
                                " tokens, wanted at most " + std::to_string(kMaxTokens));
  slots_.resize(std::bit_ceil(2 * tokens_.size() + 1));
  for (TokenId id = 0; id < tokens_.size(); ++id) {
    const std::string& token = tokens_[id];
    if (token.empty()) continue;
    longest_ = std::max(longest_, token.size());
    if (token.size() > kMaxTokenBytes)
      throw std::invalid_argument("token " + std::to_string(id) + ": got " +
                                  std::to_string(token.size()) + " bytes, wanted at most " +
                                  std::to_string(kMaxTokenBytes));
    const uint64_t hash = hash_of(token);
    size_t slot = hash & (slots_.size() - 1);
    while (slots_[slot].number != 0 && tokens_[slots_[slot].number - 1] != token)
      slot = (slot + 1) & (slots_.size() - 1);
    slots_[slot] = {static_cast<uint32_t>(hash >> 32), id + 1};
  }
}

std::optional<TokenId> TokenIndex::find(std::string_view token) const noexcept {
  if (token.empty() || token.size() > longest_) return std::nullopt;
  const uint64_t hash = hash_of(token);
  const auto tag = static_cast<uint32_t>(hash >> 32);
  for (size_t slot = hash & (slots_.size() - 1); slots_[slot].number != 0;
       slot = (slot + 1) & (slots_.size() - 1))
    if (slots_[slot].tag == tag && tokens_[slots_[slot].number - 1] == token)
      return slots_[slot].number - 1;
  return std::nullopt;
}

}  // namespace kindred::model
