// SPDX-License-Identifier: Apache-2.0
#include "model/unicode.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <cstdint>

namespace kindred::model {
namespace {

enum class Class { kSeparator, kLetter, kMark, kInvisible, kUnspaced, kEmoji };

struct Decoded {
  char32_t code_point;
  size_t bytes;
};

struct Range {
  char32_t first, last;
};

// Scripts written without spaces: their letters are words by themselves.
constexpr Range kUnspacedScripts[] = {
    {0x0E00, 0x0EFF},    // Thai, Lao
    {0x1000, 0x109F},    // Burmese
    {0x1780, 0x17FF},    // Khmer
    {0x2E80, 0x312F},    // Han radicals, kana, bopomofo
    {0x31F0, 0x31FF},    // more katakana
    {0x3400, 0x4DBF},    // Han
    {0x4E00, 0x9FFF},    // Han
    {0xF900, 0xFAFF},    // Han
    {0xFF66, 0xFF9D},    // half-width katakana
    {0x1B000, 0x1B16F},  // more kana
    {0x20000, 0x3FFFF},  // Han
};

// Marks that spelling leaves out as often as not: accents, Hebrew and Arabic points. Marks outside
// are vowels (Devanagari and its kin) or change the letter (the voiced kana): they stay.
constexpr Range kOptionalMarks[] = {
    {0x0300, 0x036F}, {0x0591, 0x05C7}, {0x0610, 0x061A}, {0x064B, 0x065F}, {0x0670, 0x0670},
    {0x06D6, 0x06ED}, {0x1AB0, 0x1AFF}, {0x1DC0, 0x1DFF}, {0x20D0, 0x20FF}, {0xFE20, 0xFE2F},
};

// Blocks of Latin letters and signs of sounds beyond the first ones, which end where Greek begins.
constexpr char32_t kGreek = 0x0370;
constexpr Range kLatinExtensions[] = {
    {0x1D00, 0x1DBF}, {0x1E00, 0x1EFF}, {0x2C60, 0x2C7F}, {0xA700, 0xA7FF}, {0xAB30, 0xAB6F},
};

template <size_t n>
bool within(const Range (&ranges)[n], char32_t c) {
  for (const Range& range : ranges)
    if (c >= range.first && c <= range.last) return true;
  return false;
}

constexpr bool is_ascii(char32_t c) {
  return c < 0x80;
}

// The folded form of an ASCII letter or digit; 0 for everything else.
constexpr std::array<char, 128> kAsciiFold = [] {
  std::array<char, 128> fold{};
  for (char c = '0'; c <= '9'; ++c) fold[static_cast<size_t>(c)] = c;
  for (char c = 'a'; c <= 'z'; ++c) fold[static_cast<size_t>(c)] = c;
  for (char c = 'A'; c <= 'Z'; ++c) fold[static_cast<size_t>(c)] = static_cast<char>(c + 32);
  return fold;
}();

Class class_beyond_ascii(char32_t c) {
  constexpr char32_t kHalfWidthVoiced = 0xFF9E, kHalfWidthSemiVoiced = 0xFF9F;
  if (c == kHalfWidthVoiced || c == kHalfWidthSemiVoiced) return Class::kMark;
  const utf8proc_property_t* property = utf8proc_get_property(static_cast<utf8proc_int32_t>(c));
  if (property->ignorable) return Class::kInvisible;
  switch (property->category) {
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
      return Class::kMark;
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO:
      return within(kUnspacedScripts, c) ? Class::kUnspaced : Class::kLetter;
    case UTF8PROC_CATEGORY_SO:
      return c >= 0x1F000 ? Class::kEmoji : Class::kSeparator;
    default:
      return Class::kSeparator;
  }
}

Class class_of(char32_t c) {
  if (!is_ascii(c)) return class_beyond_ascii(c);
  return kAsciiFold[c] != 0 ? Class::kLetter : Class::kSeparator;
}

// The first character of a text that is not empty; U+FFFD for a byte that starts none.
Decoded decode(std::string_view text) {
  const auto first = static_cast<unsigned char>(text.front());
  if (is_ascii(first)) return {first, 1};
  utf8proc_int32_t c = 0;
  const auto* bytes = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
  const auto available = static_cast<utf8proc_ssize_t>(std::min<size_t>(text.size(), 4));
  const utf8proc_ssize_t used = utf8proc_iterate(bytes, available, &c);
  if (used <= 0) return {0xFFFD, 1};
  return {static_cast<char32_t>(c), static_cast<size_t>(used)};
}

bool is_punctuation(char32_t c) {
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(c))) {
    case UTF8PROC_CATEGORY_PC:
    case UTF8PROC_CATEGORY_PD:
    case UTF8PROC_CATEGORY_PS:
    case UTF8PROC_CATEGORY_PE:
    case UTF8PROC_CATEGORY_PI:
    case UTF8PROC_CATEGORY_PF:
    case UTF8PROC_CATEGORY_PO:
      return true;
    default:
      return false;
  }
}

// True if all of it is ASCII, which is then in `out`, folded.
bool fold_ascii(std::string_view run, std::u32string& out) {
  out.clear();
  for (const char byte : run) {
    const auto c = static_cast<unsigned char>(byte);
    if (!is_ascii(c)) return false;
    out.push_back(static_cast<char32_t>(kAsciiFold[c]));
  }
  return true;
}

bool belongs_in_word(utf8proc_int32_t c) {
  const auto code_point = static_cast<char32_t>(c);
  return class_of(code_point) != Class::kSeparator && !within(kOptionalMarks, code_point);
}

bool joins_word(Class c) {
  return c == Class::kLetter || c == Class::kMark || c == Class::kInvisible;
}

bool joins_character(Class c) {
  return c == Class::kMark || c == Class::kInvisible;
}

}  // namespace

std::string unicode_version() {
  return utf8proc_unicode_version();
}

std::string to_lower(std::string_view utf8) {
  std::string lower;
  lower.reserve(utf8.size());
  while (!utf8.empty()) {
    const Decoded next = decode(utf8);
    utf8.remove_prefix(next.bytes);
    std::array<utf8proc_uint8_t, 4> bytes;
    const auto count = utf8proc_encode_char(
        utf8proc_tolower(static_cast<utf8proc_int32_t>(next.code_point)), bytes.data());
    lower.append(reinterpret_cast<const char*>(bytes.data()), static_cast<size_t>(count));
  }
  return lower;
}

std::string_view trim_punctuation(std::string_view utf8) noexcept {
  const char* begin = nullptr;  // of what is left
  const char* end = utf8.data();
  for (std::string_view rest = utf8; !rest.empty();) {
    const Decoded next = decode(rest);
    if (!is_punctuation(next.code_point)) {
      if (begin == nullptr) begin = rest.data();
      end = rest.data() + next.bytes;
    }
    rest.remove_prefix(next.bytes);
  }
  return begin == nullptr ? std::string_view() : std::string_view(begin, end);
}

bool is_latin(char32_t c) noexcept {
  return c < kGreek || within(kLatinExtensions, c);
}

// Takes a character of `first_bytes` and what joins it, up to kMaxCharacters.
template <class Joins>
std::string_view WordReader::take(size_t first_bytes, Joins joins) {
  size_t bytes = first_bytes;
  for (size_t characters = 1; characters < kMaxCharacters && bytes < rest_.size(); ++characters) {
    const Decoded next = decode(rest_.substr(bytes));
    if (!joins(class_of(next.code_point))) break;
    bytes += next.bytes;
  }
  const std::string_view run = rest_.substr(0, bytes);
  rest_.remove_prefix(bytes);
  return run;
}

// Folds a run into folded_; false if nothing is left of it.
bool WordReader::fold(std::string_view run) {
  if (fold_ascii(run, folded_)) return true;
  constexpr size_t kLongestDecomposition = 18;  // U+FDFA
  std::array<utf8proc_int32_t, kMaxCharacters * kLongestDecomposition> buffer;
  constexpr auto kDecompose = static_cast<utf8proc_option_t>(
      UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT | UTF8PROC_CASEFOLD | UTF8PROC_IGNORE | UTF8PROC_STABLE);
  const utf8proc_ssize_t decomposed = utf8proc_decompose(
      reinterpret_cast<const utf8proc_uint8_t*>(run.data()),
      static_cast<utf8proc_ssize_t>(run.size()), buffer.data(), buffer.size(), kDecompose);
  if (decomposed <= 0 || decomposed > static_cast<utf8proc_ssize_t>(buffer.size())) return false;
  const auto end = std::remove_if(buffer.begin(), buffer.begin() + decomposed,
                                  [](utf8proc_int32_t c) { return !belongs_in_word(c); });
  const utf8proc_ssize_t composed =
      utf8proc_normalize_utf32(buffer.data(), end - buffer.begin(),
                               static_cast<utf8proc_option_t>(UTF8PROC_COMPOSE | UTF8PROC_STABLE));
  const auto length = std::min<utf8proc_ssize_t>(composed, kMaxCharacters);
  folded_.assign(buffer.begin(), buffer.begin() + length);
  return !folded_.empty();
}

// Hands out the character in folded_, and the pair it makes with its neighbour after it.
void WordReader::hand_out_character(Word& word) {
  pair_is_next_ = !previous_.empty();
  if (pair_is_next_) pair_ = previous_ + folded_;
  previous_ = folded_;
  word = {folded_, Word::Kind::kCharacter};
}

bool WordReader::next(Word& word) {
  if (pair_is_next_) {
    pair_is_next_ = false;
    word = {pair_, Word::Kind::kPair};
    return true;
  }
  while (!rest_.empty()) {
    const Decoded first = decode(rest_);
    const Class c = class_of(first.code_point);
    if (c == Class::kUnspaced) {
      if (!fold(take(first.bytes, joins_character))) continue;
      hand_out_character(word);
      return true;
    }
    previous_.clear();
    if (c == Class::kLetter || c == Class::kEmoji) {
      const bool spaced = c == Class::kLetter;
      if (!fold(take(first.bytes, spaced ? joins_word : joins_character))) continue;
      word = {folded_, spaced ? Word::Kind::kSpaced : Word::Kind::kCharacter};
      return true;
    }
    rest_.remove_prefix(first.bytes);
  }
  return false;
}

}  // namespace kindred::model
