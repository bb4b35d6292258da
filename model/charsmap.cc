// SPDX-License-Identifier: Apache-2.0
#include "model/charsmap.h"

#include <utf8proc.h>

#include <cstring>
#include <stdexcept>

#include "model/utf8.h"

namespace kindred::model {
namespace {

constexpr uint32_t label(uint32_t unit) {
  return unit & (1U << 31 | 0xFF);
}

constexpr bool has_leaf(uint32_t unit) {
  return (unit >> 8 & 1) != 0;
}

constexpr size_t offset(uint32_t unit) {
  return size_t{unit >> 10} << ((unit & 1U << 9) >> 6);
}

constexpr size_t value(uint32_t unit) {
  return unit & ~(1U << 31);
}

int base64_digit(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  return c == '+' ? 62 : c == '/' ? 63 : -1;
}

// The end of the grapheme cluster that begins at `at`.
size_t cluster_end(std::string_view text, size_t at) {
  utf8proc_int32_t state = 0;
  auto before = static_cast<utf8proc_int32_t>(next_code_point(text, at));
  while (at < text.size()) {
    size_t next = at;
    const auto c = static_cast<utf8proc_int32_t>(next_code_point(text, next));
    if (utf8proc_grapheme_break_stateful(before, c, &state)) return at;
    before = c;
    at = next;
  }
  return at;
}

}  // namespace

std::string decode_base64(std::string_view text) {
  if (text.size() % 4 != 0)
    throw std::invalid_argument("base64: got " + std::to_string(text.size()) +
                                " characters, wanted a multiple of 4");
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3);
  size_t padding = 0;
  while (padding < 2 && text.ends_with('=')) {
    text.remove_suffix(1);
    ++padding;
  }
  uint32_t bits = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const int digit = base64_digit(text[i]);
    if (digit < 0)
      throw std::invalid_argument("base64: offset " + std::to_string(i) + ": not a digit of it");
    bits = bits << 6 | static_cast<uint32_t>(digit);
    if (i % 4 != 0) bytes.push_back(static_cast<char>(bits >> (6 - i % 4 * 2) & 0xFF));
  }
  return bytes;
}

Charsmap::Charsmap(std::string_view bytes) {
  uint32_t trie_bytes = 0;
  if (bytes.size() >= sizeof trie_bytes) std::memcpy(&trie_bytes, bytes.data(), sizeof trie_bytes);
  if (trie_bytes == 0 || trie_bytes % sizeof(uint32_t) != 0 ||
      trie_bytes > bytes.size() - sizeof trie_bytes)
    throw std::invalid_argument("precompiled_charsmap: got a trie of " +
                                std::to_string(trie_bytes) + " bytes in " +
                                std::to_string(bytes.size()));
  units_.resize(trie_bytes / sizeof(uint32_t));
  std::memcpy(units_.data(), bytes.data() + sizeof trie_bytes, trie_bytes);
  replacements_ = bytes.substr(sizeof trie_bytes + trie_bytes);
}

std::optional<std::string_view> Charsmap::find(std::string_view text) const noexcept {
  size_t at = offset(units_[0]);
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    at ^= byte;
    if (byte == 0 || at >= units_.size() || label(units_[at]) != byte) return std::nullopt;
    const bool is_end = has_leaf(units_[at]);
    at ^= offset(units_[at]);
    if (!is_end) continue;
    if (at >= units_.size() || value(units_[at]) >= replacements_.size()) return std::nullopt;
    const std::string_view rest = std::string_view(replacements_).substr(value(units_[at]));
    return rest.substr(0, rest.find('\0'));
  }
  return std::nullopt;
}

void Charsmap::append_normal_form(std::string& out, std::string_view text) const {
  constexpr size_t kShortCluster = 6;
  for (size_t at = 0; at < text.size();) {
    const size_t end = cluster_end(text, at);
    if (end - at < kShortCluster) {
      if (const auto replacement = find(text.substr(at, end - at))) {
        out += *replacement;
        at = end;
        continue;
      }
    }
    while (at < end) {
      const size_t begin = at;
      next_code_point(text, at);
      const std::string_view character = text.substr(begin, at - begin);
      out += find(character).value_or(character);
    }
  }
}

}  // namespace kindred::model
