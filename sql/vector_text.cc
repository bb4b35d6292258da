// SPDX-License-Identifier: Apache-2.0
#include "sql/vector_text.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "math/metric.h"

namespace kindred::sql {
namespace {

// Walks a JSON array of numbers and remembers where and why it stopped.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  // Calls on_number(text of the number) for each; false if the text is not such an array.
  template <class OnNumber>
  bool scan(OnNumber on_number) {
    skip_space();
    if (!take('[')) return fail("'['");
    skip_space();
    if (take(']')) return at_end();
    do {
      skip_space();
      const size_t start = position_;
      if (!number()) return fail("a number");
      on_number(text_.substr(start, position_ - start));
      skip_space();
    } while (take(','));
    return take(']') ? at_end() : fail("',' or ']'");
  }

  // "expected a number at byte 4, got 'x'"; bytes count from 1. REQUIRES: scan() returned false.
  std::string reason() const {
    const std::string got = position_ < text_.size() ? quoted_character() : "the end";
    return std::string("expected ") + expected_ + " at byte " + std::to_string(position_ + 1) +
           ", got " + got;
  }

 private:
  bool fail(const char* expected) {
    expected_ = expected;
    return false;
  }
  bool at_end() {
    skip_space();
    return position_ == text_.size() ? true : fail("the end");
  }
  char peek() const { return position_ < text_.size() ? text_[position_] : '\0'; }
  bool take(char c) {
    if (position_ == text_.size() || text_[position_] != c) return false;
    ++position_;
    return true;
  }
  void skip_space() {
    position_ = std::min(text_.find_first_not_of(" \t\n\r", position_), text_.size());
  }
  bool digits() {
    const size_t start = position_;
    while (peek() >= '0' && peek() <= '9') ++position_;
    return position_ > start;
  }
  // RFC 8259, section 6: -? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?
  bool number() {
    take('-');
    if (!take('0') && !digits()) return false;
    if (take('.') && !digits()) return false;
    if (!take('e') && !take('E')) return true;
    if (!take('+')) take('-');
    return digits();
  }
  // The character at the position, whole if it is several bytes of UTF-8.
  std::string quoted_character() const {
    size_t end = position_ + 1;
    while (end < text_.size() && (static_cast<unsigned char>(text_[end]) & 0xC0) == 0x80) ++end;
    return std::string("'").append(text_.substr(position_, end - position_)) + "'";
  }

  std::string_view text_;
  size_t position_ = 0;
  const char* expected_ = "";
};

// The power of ten of a JSON number's first significant digit, plus one: 3 for 123, -1 for 0.01.
// REQUIRES: the number is not zero.
int64_t magnitude(std::string_view number) {
  const size_t e = number.find_first_of("eE");
  const std::string_view mantissa = number.substr(0, e);
  const size_t point = std::min(mantissa.find('.'), mantissa.size());
  const size_t first = mantissa.find_first_of("123456789");
  int64_t exponent = 0;
  if (e != std::string_view::npos) {
    const char* begin = number.data() + e + (number[e + 1] == '+' ? 2 : 1);
    const auto [end, error] = std::from_chars(begin, number.data() + number.size(), exponent);
    using Limits = std::numeric_limits<int32_t>;
    if (error == std::errc::result_out_of_range)
      exponent = *begin == '-' ? Limits::min() : Limits::max();
    exponent = std::clamp<int64_t>(exponent, Limits::min(), Limits::max());
  }
  return static_cast<int64_t>(point) - static_cast<int64_t>(first) + exponent;
}

[[noreturn]] void reject(std::string_view where, std::string_view reason) {
  throw std::invalid_argument(std::string(where) + ": " + std::string(reason));
}

float to_float(std::string_view number, std::string_view where) {
  float value = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
  if (error == std::errc() && std::isfinite(value)) return value;
  if (magnitude(number) > 0)
    reject(where, std::string(number) + " is beyond float32's largest number");
  return number.front() == '-' ? -0.0F : 0.0F;
}

int8_t to_int8(std::string_view number, std::string_view where) {
  int8_t value = 0;
  const char* const number_end = number.data() + number.size();
  const auto [end, error] = std::from_chars(number.data(), number_end, value);
  if (error != std::errc() || end != number_end)
    reject(where, std::string(number) + " is no int8: integers from -128 to 127 are wanted");
  return value;
}

template <class T, T (*convert)(std::string_view, std::string_view)>
std::vector<T> parse(std::string_view text, std::string_view where) {
  std::vector<T> v;
  Scanner scanner(text);
  const bool is_array = scanner.scan([&](std::string_view number) {
    if (v.size() == math::kMaxDimensions)
      reject(where, "a vector has at most " + std::to_string(math::kMaxDimensions) + " elements");
    v.push_back(convert(number, where));
  });
  if (!is_array) reject(where, "no JSON array of numbers: " + scanner.reason());
  if (v.empty()) reject(where, "a vector has at least one element, got an empty array");
  return v;
}

void append(std::string& out, int8_t x) {
  out += std::to_string(x);
}

void append(std::string& out, float x) {
  char buffer[32];  // at most "-1.17549435e-38"
  const float size = std::fabs(x);
  const bool plain = size == 0 || (size >= 1e-5F && size < 1e7F);
  const auto [end, error] =
      plain ? std::to_chars(buffer, buffer + sizeof buffer, x, std::chars_format::fixed)
            : std::to_chars(buffer, buffer + sizeof buffer, x);
  out.append(buffer, end);
}

template <class T>
std::string format(std::span<const T> v) {
  std::string out = "[";
  for (const T x : v) {
    if (out.size() > 1) out += ',';
    append(out, x);
  }
  return out + ']';
}

}  // namespace

std::vector<float> parse_vector(std::string_view text, std::string_view where) {
  return parse<float, to_float>(text, where);
}

std::vector<int8_t> parse_int8_vector(std::string_view text, std::string_view where) {
  return parse<int8_t, to_int8>(text, where);
}

bool is_vector_text(std::string_view text) noexcept {
  return Scanner(text).scan([](std::string_view) {});
}

std::string format_vector(std::span<const float> v) {
  return format(v);
}

std::string format_vector(std::span<const int8_t> v) {
  return format(v);
}

}  // namespace kindred::sql
