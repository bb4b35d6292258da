// SPDX-License-Identifier: Apache-2.0
#include "model/unigram.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdio>
#include <limits>
#include <stdexcept>
#include <utility>

#include "model/utf8.h"
#include "model/word_rarity.h"

namespace kindred::model {
namespace {

constexpr double kUnknownPenalty = 10;
constexpr uint32_t kNone = UINT32_MAX;

constexpr uint64_t edge_key(uint32_t node, char byte) {
  return (uint64_t{node} << 8 | static_cast<unsigned char>(byte)) + 1;
}

}  // namespace

// How the best way to a place ends.
struct Unigram::Step {
  double score = 0;
  uint32_t begin = kNone;  // of the last token; kNone: nothing leads here
  TokenId id = kNone;      // kNone: an unknown character
};

Unigram::Unigram(TokenIndex tokens, std::vector<double> scores, UnigramOptions options)
    : tokens_(std::move(tokens)), scores_(std::move(scores)), options_(options) {
  if (scores_.size() != tokens_.size())
    throw std::invalid_argument("got " + std::to_string(scores_.size()) + " scores, wanted " +
                                std::to_string(tokens_.size()));
  double worst = std::numeric_limits<double>::infinity();
  size_t bytes = 1;
  for (TokenId id = 0; id < tokens_.size(); ++id) {
    if (!std::isfinite(scores_[id]))
      throw std::invalid_argument("token " + std::to_string(id) + ": its score is not finite");
    worst = std::min(worst, scores_[id]);
    bytes += tokens_.token(id).size();
  }
  unknown_score_ = worst - kUnknownPenalty;
  edges_.resize(std::bit_ceil(bytes + bytes / 2));
  ends_.resize(1);
  for (TokenId id = 0; id < tokens_.size(); ++id) add_edges(tokens_.token(id), id);
  if (!options_.byte_fallback) return;
  for (unsigned byte = 0; byte < bytes_.size(); ++byte) {
    char name[8];
    std::snprintf(name, sizeof name, "<0x%02X>", byte);
    bytes_[byte] = tokens_.find(name);
  }
}

// The slot for the node that the byte leads to: 0 if there is no such node yet.
uint32_t* Unigram::child(uint32_t node, char byte) {
  const uint64_t key = edge_key(node, byte);
  size_t slot = mix(key) & (edges_.size() - 1);
  while (edges_[slot].key != 0 && edges_[slot].key != key) slot = (slot + 1) & (edges_.size() - 1);
  edges_[slot].key = key;
  return &edges_[slot].child;
}

void Unigram::add_edges(std::string_view token, TokenId id) {
  if (token.empty()) return;
  uint32_t node = 0;
  for (const char byte : token) {
    uint32_t* next = child(node, byte);
    if (*next == 0) {
      *next = static_cast<uint32_t>(ends_.size());
      ends_.push_back(0);
    }
    node = *next;
  }
  ends_[node] = id + 1;
}

// Tries each token that the text goes on with at `begin`.
void Unigram::follow(std::string_view text, size_t begin, std::vector<Step>& best) const {
  size_t next_character = begin;
  next_code_point(text, next_character);
  const double score_here = best[begin].score;
  bool has_character = false;
  const auto offer = [&](size_t end, double score, TokenId id) {
    Step& step = best[end];
    if (step.begin == kNone || score_here + score > step.score)
      step = {score_here + score, static_cast<uint32_t>(begin), id};
  };
  uint32_t node = 0;
  for (size_t at = begin; at < text.size(); ++at) {
    const uint64_t key = edge_key(node, text[at]);
    size_t slot = mix(key) & (edges_.size() - 1);
    while (edges_[slot].key != 0 && edges_[slot].key != key)
      slot = (slot + 1) & (edges_.size() - 1);
    if (edges_[slot].key == 0) break;
    node = edges_[slot].child;
    if (ends_[node] == 0) continue;
    const TokenId id = ends_[node] - 1;
    offer(at + 1, scores_[id], id);
    has_character |= at + 1 == next_character;
  }
  if (!has_character) offer(next_character, unknown_score_, kNone);
}

// `text` is a run of unknown characters, whose ids go to the end of a list in reverse order.
void Unigram::append_unknown(std::string_view text, std::vector<TokenId>& reversed) const {
  if (text.empty()) return;
  // The characters together may be a token which no way to cut the text was better with.
  if (const auto whole = tokens_.find(text)) {
    reversed.push_back(*whole);
    return;
  }
  const auto id_of = [&](char byte) { return bytes_[static_cast<unsigned char>(byte)]; };
  if (std::all_of(text.begin(), text.end(), id_of)) {
    std::for_each(text.rbegin(), text.rend(), [&](char b) { reversed.push_back(*id_of(b)); });
    return;
  }
  if (options_.unknown) reversed.push_back(*options_.unknown);
}

void Unigram::append_ids(std::string_view text, std::vector<TokenId>& ids) const {
  if (text.empty() || edges_.empty()) return;
  std::vector<Step> best(text.size() + 1);
  for (size_t at = 0; at < text.size(); next_code_point(text, at)) follow(text, at, best);
  const size_t before = ids.size();
  size_t unknown_end = text.size();  // of the run of unknown characters that is being read
  size_t end = text.size();
  while (end > 0) {
    const Step& step = best[end];
    const bool is_unknown = step.id == kNone || step.id == options_.unknown;
    if (!is_unknown) {
      append_unknown(text.substr(end, unknown_end - end), ids);
      ids.push_back(step.id);
      unknown_end = step.begin;
    }
    end = step.begin;
  }
  append_unknown(text.substr(0, unknown_end), ids);
  std::reverse(ids.begin() + static_cast<ptrdiff_t>(before), ids.end());
}

}  // namespace kindred::model
