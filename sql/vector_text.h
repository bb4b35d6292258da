// Vectors as text: a JSON array of numbers, read and written without the C locale.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kindred::sql {

// The numbers of a JSON array, e.g. " [0.1, -2, 3e-4] ". Numbers follow JSON's grammar (no NaN,
// hexadecimal, leading + or trailing comma); white space is JSON's.
// Throws std::invalid_argument with position and reason: malformed, empty, longer than 65,536,
// a number outside float32's range.
std::vector<float> parse_vector(std::string_view text);

// Whether the whole text is a JSON array of numbers (an empty array is), of any length and range.
bool is_vector_text(std::string_view text) noexcept;

// "[0.1,-2,0.0003]": for each element the shortest text that reads back to the same float32.
std::string format_vector(std::span<const float> v);

}  // namespace kindred::sql
