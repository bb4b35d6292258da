// Numbers as files and packs keep them: little-endian, at any alignment.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>
#include <vector>

namespace kindred::model {

static_assert(std::endian::native == std::endian::little, "rows are read as they lie in files");

// REQUIRES: sizeof(Number) bytes at `bytes`.
template <class Number>
requires std::is_arithmetic_v<Number> Number load(const void* bytes)
noexcept {
  Number number;
  std::memcpy(&number, bytes, sizeof number);
  return number;
}

template <class Number>
requires std::is_arithmetic_v<Number>
void append(std::vector<uint8_t>& bytes, Number number) {
  const auto* first = reinterpret_cast<const uint8_t*>(&number);
  bytes.insert(bytes.end(), first, first + sizeof number);
}

// The bytes of a number or of an array of numbers, which they borrow.
template <class Number>
requires std::is_arithmetic_v<Number> std::span<const uint8_t> bytes_of(const Number& number)
noexcept {
  return {reinterpret_cast<const uint8_t*>(&number), sizeof number};
}
template <class Number>
std::span<const uint8_t> bytes_of(std::span<const Number> numbers) noexcept {
  return {reinterpret_cast<const uint8_t*>(numbers.data()), numbers.size_bytes()};
}

}  // namespace kindred::model
