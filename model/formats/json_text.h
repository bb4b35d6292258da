// JSON of files that nobody has checked.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace kindred::model {

using Json = nlohmann::json;

constexpr size_t kMaxJsonDepth = 64;

// Throws std::runtime_error that begins with `name` and has the offset where the text is no JSON,
// not UTF-8, or nested deeper than kMaxJsonDepth.
Json parse_json(std::string_view text, const std::string& name);

// The member of an object; null where there is none or `object` is none.
const Json& member(const Json& object, const char* key);

}  // namespace kindred::model
