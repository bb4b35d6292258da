// Vectors as text: a JSON array of numbers, read and written without the C locale.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kindred::sql {

// The numbers of a JSON array, e.g. " [0.1, -2, 3e-4] ", each rounded once to the nearest float32
// (a number too small for it becomes 0). Numbers follow JSON's grammar (no NaN, hexadecimal,
// leading + or trailing comma); white space is JSON's. Throws std::invalid_argument with position
// and reason, opened by `where`: malformed, empty, longer than 65,536, a number beyond float32's
// largest.
std::vector<float> parse_vector(std::string_view text, std::string_view where = "vector");

// The same for int8 vectors: every number an integer from -128 to 127, without fraction or
// exponent.
std::vector<int8_t> parse_int8_vector(std::string_view text, std::string_view where = "vector");

// Whether the whole text is a JSON array of numbers (an empty array is), of any length and range.
bool is_vector_text(std::string_view text) noexcept;

// "[0.1,-2,0.0003]": for each element the shortest text that reads back to the same float32,
// without exponent from 1e-5 up to 1e7.
std::string format_vector(std::span<const float> v);
// "[1,-2,3]".
std::string format_vector(std::span<const int8_t> v);

}  // namespace kindred::sql
