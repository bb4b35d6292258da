// SPDX-License-Identifier: Apache-2.0
#include "model/formats/json_text.h"

#include <stdexcept>

namespace kindred::model {
namespace {

[[noreturn]] void fail(const std::string& name, size_t offset, const std::string& what) {
  throw std::runtime_error(name + ": offset " + std::to_string(offset) + ": " + what);
}

void check_depth(std::string_view text, const std::string& name) {
  size_t depth = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      if (++depth > kMaxJsonDepth)
        fail(name, i, "JSON nested deeper than " + std::to_string(kMaxJsonDepth));
    } else if ((c == ']' || c == '}') && depth > 0) {
      --depth;
    }
  }
}

}  // namespace

Json parse_json(std::string_view text, const std::string& name) {
  check_depth(text, name);
  try {
    return Json::parse(text.begin(), text.end());
  } catch (const nlohmann::json::parse_error& error) {
    fail(name, error.byte > 0 ? error.byte - 1 : 0, "not JSON");
  } catch (const nlohmann::json::exception&) {
    fail(name, 0, "JSON with a number that is out of range");
  }
}

const Json& member(const Json& object, const char* key) {
  static const Json none;
  if (!object.is_object()) return none;
  const auto found = object.find(key);
  return found == object.end() ? none : *found;
}

}  // namespace kindred::model
