// SPDX-License-Identifier: Apache-2.0
#include "model/word_piece.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <stdexcept>
#include <utility>

#include "model/utf8.h"

namespace kindred::model {

WordPiece::WordPiece(TokenIndex tokens, WordPieceOptions options)
    : tokens_(std::move(tokens)), options_(std::move(options)) {
  if (options_.max_characters > kMaxCharacters)
    throw std::invalid_argument("max_input_chars_per_word: got " +
                                std::to_string(options_.max_characters) + ", wanted at most " +
                                std::to_string(kMaxCharacters));
  if (options_.continuation.size() > kMaxContinuation)
    throw std::invalid_argument("continuing_subword_prefix: got " +
                                std::to_string(options_.continuation.size()) +
                                " bytes, wanted at most " + std::to_string(kMaxContinuation));
}

void WordPiece::append_ids(std::string_view word, std::vector<TokenId>& ids) const {
  if (const auto whole = tokens_.find(word);
      whole && (word.size() <= options_.max_characters ||
                count_code_points(word) <= options_.max_characters)) {
    ids.push_back(*whole);
    return;
  }
  const size_t before = ids.size();
  const auto give_up = [&] {
    ids.resize(before);
    if (options_.unknown) ids.push_back(*options_.unknown);
  };
  if (word.size() > 4 * options_.max_characters ||
      count_code_points(word) > options_.max_characters)
    return give_up();
  // The continuation is written over what has been read, so that each candidate stands in one run.
  const std::string& continuation = options_.continuation;
  std::array<char, kMaxContinuation + 4 * kMaxCharacters> buffer;
  std::copy(word.begin(), word.end(), buffer.begin() + continuation.size());
  for (size_t at = 0; at < word.size();) {
    const size_t begin = at == 0 ? continuation.size() : at;
    if (at != 0) std::copy(continuation.begin(), continuation.end(), buffer.begin() + at);
    const size_t word_end = continuation.size() + word.size();
    size_t end = std::min(word_end, begin + tokens_.longest());
    const size_t least = continuation.size() + at;
    std::optional<TokenId> found;
    for (; end > least; --end) {
      const bool is_boundary = end == word_end || (buffer[end] & 0xC0) != 0x80;
      if (is_boundary && (found = tokens_.find({&buffer[begin], end - begin}))) break;
    }
    if (!found) return give_up();
    ids.push_back(*found);
    at = end - continuation.size();
  }
}

}  // namespace kindred::model
