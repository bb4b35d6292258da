// UTF-8 by the code point, and the classes of characters that tokenizers of others are defined by:
// Unicode's own, not those of words (unicode.h).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace kindred::model {

// The text itself if it is valid UTF-8, else `storage` with U+FFFD for each byte that is not.
std::string_view valid_utf8(std::string_view text, std::string& storage);

// The code point at byte `at`, which is moved behind it. REQUIRES: `text` is valid, at < its size.
inline char32_t next_code_point(std::string_view text, size_t& at) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(at);
  if (first < 0x80) return text[at++];
  char32_t c = first < 0xE0 ? first & 0x1F : first < 0xF0 ? first & 0x0F : first & 0x07;
  const size_t end = at + (first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4);
  for (++at; at < end; ++at) c = c << 6 | (byte(at) & 0x3F);
  return c;
}

void append_code_point(std::string& text, char32_t c);
// Code points of a valid text.
size_t count_code_points(std::string_view text) noexcept;
// The beginning of a valid text that has at most so many code points.
std::string_view first_code_points(std::string_view text, size_t most) noexcept;

bool is_white_space(char32_t c) noexcept;  // the property White_Space
bool is_letter(char32_t c) noexcept;       // \p{L}
bool is_number(char32_t c) noexcept;       // \p{N}
bool is_nonspacing_mark(char32_t c) noexcept;
// Control, format or private use, tab and line ends among them.
bool is_control(char32_t c) noexcept;
// \p{P}, and what ASCII has besides letters, digits and space: BERT's notion.
bool is_bert_punctuation(char32_t c) noexcept;

// One code point for one, but U+0130, which becomes two.
void append_lower_case(std::string& text, char32_t c);

enum class Form { kNfc, kNfd, kNfkc, kNfkd };
// Appends the normal form of a valid text.
void append_normal_form(std::string& out, std::string_view text, Form form);

}  // namespace kindred::model
