// SPDX-License-Identifier: Apache-2.0
#include "model/utf8.h"

#include <utf8proc.h>

#include <algorithm>
#include <cstdint>
#include <new>
#include <vector>

namespace kindred::model {
namespace {

utf8proc_category_t category(char32_t c) {
  return utf8proc_category(static_cast<utf8proc_int32_t>(c));
}

// Bytes of the character that the text begins with; 0 if there is none.
size_t character_bytes(std::string_view text) {
  if (static_cast<unsigned char>(text.front()) < 0x80) return 1;
  utf8proc_int32_t c = 0;
  const auto available = static_cast<utf8proc_ssize_t>(std::min<size_t>(text.size(), 4));
  const utf8proc_ssize_t used =
      utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()), available, &c);
  return used > 0 ? static_cast<size_t>(used) : 0;
}

bool is_continuation(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0) == 0x80;
}

utf8proc_option_t options_of(Form form) {
  const bool composed = form == Form::kNfc || form == Form::kNfkc;
  const bool compatible = form == Form::kNfkc || form == Form::kNfkd;
  return static_cast<utf8proc_option_t>(UTF8PROC_STABLE |
                                        (composed ? UTF8PROC_COMPOSE : UTF8PROC_DECOMPOSE) |
                                        (compatible ? UTF8PROC_COMPAT : 0));
}

}  // namespace

std::string_view valid_utf8(std::string_view text, std::string& storage) {
  size_t at = 0;
  const auto skip_valid = [&] {
    while (at < text.size()) {
      const size_t bytes = character_bytes(text.substr(at));
      if (bytes == 0) return;
      at += bytes;
    }
  };
  skip_valid();
  if (at == text.size()) return text;
  storage.clear();
  for (size_t begin = 0; begin < text.size(); begin = at) {
    storage.append(text.substr(begin, at - begin));
    if (at < text.size()) {
      storage += "\xEF\xBF\xBD";
      begin = ++at;
      skip_valid();
      storage.append(text.substr(begin, at - begin));
    }
  }
  return storage;
}

void append_code_point(std::string& text, char32_t c) {
  if (c < 0x80) {
    text.push_back(static_cast<char>(c));
    return;
  }
  utf8proc_uint8_t bytes[4];
  const utf8proc_ssize_t n = utf8proc_encode_char(static_cast<utf8proc_int32_t>(c), bytes);
  text.append(reinterpret_cast<const char*>(bytes), static_cast<size_t>(n));
}

size_t count_code_points(std::string_view text) noexcept {
  return text.size() -
         static_cast<size_t>(std::count_if(text.begin(), text.end(), is_continuation));
}

std::string_view first_code_points(std::string_view text, size_t most) noexcept {
  if (text.size() <= most) return text;
  size_t seen = 0;
  for (size_t i = 0; i < text.size(); ++i)
    if (!is_continuation(text[i]) && seen++ == most) return text.substr(0, i);
  return text;
}

bool is_white_space(char32_t c) noexcept {
  if (c < 0x80) return c == ' ' || (c >= 0x09 && c <= 0x0D);
  return c == 0x85 || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 ||
         c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

bool is_letter(char32_t c) noexcept {
  if (c < 0x80) return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
  const utf8proc_category_t kind = category(c);
  return kind >= UTF8PROC_CATEGORY_LU && kind <= UTF8PROC_CATEGORY_LO;
}

bool is_number(char32_t c) noexcept {
  if (c < 0x80) return c >= '0' && c <= '9';
  const utf8proc_category_t kind = category(c);
  return kind >= UTF8PROC_CATEGORY_ND && kind <= UTF8PROC_CATEGORY_NO;
}

bool is_nonspacing_mark(char32_t c) noexcept {
  return c >= 0x80 && category(c) == UTF8PROC_CATEGORY_MN;
}

bool is_control(char32_t c) noexcept {
  if (c < 0x80) return c < 0x20 || c == 0x7F;
  const utf8proc_category_t kind = category(c);
  return kind == UTF8PROC_CATEGORY_CC || kind == UTF8PROC_CATEGORY_CF ||
         kind == UTF8PROC_CATEGORY_CO;
}

bool is_bert_punctuation(char32_t c) noexcept {
  if (c < 0x80) return c > 0x20 && c < 0x7F && !is_letter(c) && !is_number(c);
  const utf8proc_category_t kind = category(c);
  return kind >= UTF8PROC_CATEGORY_PC && kind <= UTF8PROC_CATEGORY_PO;
}

void append_lower_case(std::string& text, char32_t c) {
  append_code_point(text, static_cast<char32_t>(utf8proc_tolower(
                              static_cast<utf8proc_int32_t>(c == 0x130 ? char32_t{'i'} : c))));
  if (c == 0x130) append_code_point(text, 0x307);
}

void append_normal_form(std::string& out, std::string_view text, Form form) {
  const auto* bytes = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
  const auto size = static_cast<utf8proc_ssize_t>(text.size());
  const utf8proc_option_t options = options_of(form);
  std::vector<utf8proc_int32_t> buffer(text.size() + 32);
  const auto decompose = [&] {
    return utf8proc_decompose(bytes, size, buffer.data(),
                              static_cast<utf8proc_ssize_t>(buffer.size()), options);
  };
  utf8proc_ssize_t length = decompose();
  if (length > static_cast<utf8proc_ssize_t>(buffer.size())) {
    buffer.resize(static_cast<size_t>(length));
    length = decompose();
  }
  if (length >= 0) length = utf8proc_normalize_utf32(buffer.data(), length, options);
  if (length < 0) throw std::bad_alloc();  // the text is valid: nothing else is left
  for (utf8proc_ssize_t i = 0; i < length; ++i)
    append_code_point(out, static_cast<char32_t>(buffer[static_cast<size_t>(i)]));
}

}  // namespace kindred::model
