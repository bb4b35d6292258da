// What an error message is about: text such as "column embedding", or an argument of an SQL
// function that is put into words only when a message is made, so that naming it costs nothing.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <string>
#include <string_view>

namespace kindred::sql {

// Borrows its text: a Where lives no longer than the call it is made for.
class Where {
 public:
  template <std::convertible_to<std::string_view> Text>
  Where(const Text& text) : text_(text) {}  // NOLINT: text is meant to convert
  // Argument `index`, counted from 0, of the function of that name.
  Where(const char* function, size_t index) : text_(function), argument_(index + 1) {}

  // "vec_add(): argument 2" or the text.
  std::string str() const {
    if (argument_ == 0) return std::string(text_);
    return std::string(text_) + "(): argument " + std::to_string(argument_);
  }
  friend std::string operator+(const Where& where, std::string_view message) {
    return where.str().append(message);
  }

 private:
  std::string_view text_;
  size_t argument_ = 0;  // counted from 1; 0 if this is text
};

}  // namespace kindred::sql
