// Catch2, whichever of its two generations the distribution has: one header up to 2, several
// from 3.
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
using Catch::Approx;
using Catch::Matchers::ContainsSubstring;
#else
#include <catch2/catch.hpp>
// By the name that it has from 3 on.
inline auto ContainsSubstring(const std::string& text) {
  return Catch::Matchers::Contains(text);
}
#endif
