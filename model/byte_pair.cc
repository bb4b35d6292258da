// SPDX-License-Identifier: Apache-2.0
#include "model/byte_pair.h"

#include <algorithm>
#include <cstdio>
#include <queue>
#include <stdexcept>

#include "model/utf8.h"

namespace kindred::model {
namespace {

constexpr uint64_t pair_key(TokenId left, TokenId right) {
  return uint64_t{left} << 32 | right;
}

constexpr uint32_t kNone = UINT32_MAX;

}  // namespace

struct BytePair::Symbol {
  TokenId id;
  uint32_t before, after;  // places of the neighbours; kNone at the ends
  bool is_alive = true;
};

// The pair at `left` and its neighbour, as it was when the candidate was made.
struct BytePair::Candidate {
  uint32_t rank, left;
  TokenId left_id, right_id;
  bool operator>(const Candidate& other) const {
    return rank != other.rank ? rank > other.rank : left > other.left;
  }
};

BytePair::BytePair(TokenIndex tokens, const std::vector<Merge>& merges, BytePairOptions options)
    : tokens_(std::move(tokens)), options_(options) {
  const auto id_of = [&](uint32_t rank, const std::string& token) {
    const auto id = tokens_.find(token);
    if (!id)
      throw std::invalid_argument("merge " + std::to_string(rank) + ": got \"" + token +
                                  "\", wanted a token of the vocabulary");
    return *id;
  };
  merges_.reserve(merges.size());
  uint32_t rank = 0;
  for (const auto& [left, right] : merges) {
    const TokenId id = id_of(rank, left + right);
    merges_[pair_key(id_of(rank, left), id_of(rank, right))] = {rank, id};
    ++rank;
  }
  if (!options_.byte_fallback) return;
  for (unsigned byte = 0; byte < bytes_.size(); ++byte) {
    char name[8];
    std::snprintf(name, sizeof name, "<0x%02X>", byte);
    bytes_[byte] = tokens_.find(name);
  }
}

const BytePair::Joined* BytePair::joined(TokenId left, TokenId right) const {
  const auto found = merges_.find(pair_key(left, right));
  return found == merges_.end() ? nullptr : &found->second;
}

std::vector<BytePair::Symbol> BytePair::symbols_of(std::string_view word) const {
  std::vector<Symbol> symbols;
  symbols.reserve(word.size());
  bool after_unknown = false;
  const auto append = [&](TokenId id) {
    const auto place = static_cast<uint32_t>(symbols.size());
    symbols.push_back({id, place == 0 ? kNone : place - 1, place + 1});
  };
  const auto append_bytes = [&](std::string_view character) {
    const auto id_of = [&](char byte) { return bytes_[static_cast<unsigned char>(byte)]; };
    if (!std::all_of(character.begin(), character.end(), id_of)) return false;
    for (const char byte : character) append(*id_of(byte));
    return true;
  };
  for (size_t at = 0; at < word.size();) {
    const size_t begin = at;
    next_code_point(word, at);
    const std::string_view character = word.substr(begin, at - begin);
    const auto id = tokens_.find(character);
    const bool is_unknown = !id && !append_bytes(character);
    if (id) append(*id);
    if (is_unknown && options_.unknown && !(options_.fuses_unknown && after_unknown))
      append(*options_.unknown);
    after_unknown = is_unknown;
  }
  if (!symbols.empty()) symbols.back().after = kNone;
  return symbols;
}

void BytePair::join(std::vector<Symbol>& symbols) const {
  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> queue;
  const auto offer = [&](uint32_t left) {
    if (left == kNone || symbols[left].after == kNone) return;
    const TokenId left_id = symbols[left].id, right_id = symbols[symbols[left].after].id;
    if (const Joined* pair = joined(left_id, right_id))
      queue.push({pair->rank, left, left_id, right_id});
  };
  for (uint32_t i = 0; i + 1 < symbols.size(); ++i) offer(i);
  while (!queue.empty()) {
    const Candidate next = queue.top();
    queue.pop();
    Symbol& left = symbols[next.left];
    if (!left.is_alive || left.id != next.left_id || left.after == kNone) continue;
    Symbol& right = symbols[left.after];
    if (right.id != next.right_id) continue;
    left.id = joined(next.left_id, next.right_id)->id;
    right.is_alive = false;
    left.after = right.after;
    if (left.after != kNone) symbols[left.after].before = next.left;
    offer(left.before);
    offer(next.left);
  }
}

void BytePair::append_ids(std::string_view word, std::vector<TokenId>& ids) const {
  if (options_.ignores_merges)
    if (const auto whole = tokens_.find(word)) {
      ids.push_back(*whole);
      return;
    }
  std::vector<Symbol> symbols = symbols_of(word);
  join(symbols);
  for (const Symbol& symbol : symbols)
    if (symbol.is_alive) ids.push_back(symbol.id);
}

}  // namespace kindred::model
