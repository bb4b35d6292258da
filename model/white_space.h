// A text in pieces between white space, as C++ streams read words: what word2vec and fastText do.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string_view>

namespace kindred::model {

// Takes the next piece off the text; nullopt if only white space is left.
inline std::optional<std::string_view> next_piece(std::string_view& text) noexcept {
  constexpr std::string_view kWhiteSpace = " \t\n\v\f\r";
  const size_t begin = text.find_first_not_of(kWhiteSpace);
  if (begin == std::string_view::npos) return std::nullopt;
  text.remove_prefix(begin);
  const std::string_view piece = text.substr(0, text.find_first_of(kWhiteSpace));
  text.remove_prefix(piece.size());
  return piece;
}

}  // namespace kindred::model
