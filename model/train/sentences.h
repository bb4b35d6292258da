// Where a paragraph's sentences end, by its punctuation alone.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>
#include <vector>

namespace kindred::model {

// Cuts after a full stop, question or exclamation mark that a space and no small letter follows,
// but not after an abbreviation of one letter. Views into `paragraph`, in order; at least one.
std::vector<std::string_view> sentences_of(std::string_view paragraph);

}  // namespace kindred::model
