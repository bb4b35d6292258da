// SPDX-License-Identifier: Apache-2.0
#include "sql/vector_text.h"

#include <clocale>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <stdexcept>

#include "tests/support/catch.h"

using namespace kindred::sql;

namespace {

using Floats = std::vector<float>;

std::string message(std::string_view text) {
  try {
    parse_vector(text, "f(): argument 1");
  } catch (const std::invalid_argument& e) {
    return e.what();
  }
  return "";
}

std::string format(const Floats& v) {
  return format_vector(std::span<const float>(v));
}

const float kLargest = std::numeric_limits<float>::max();
const float kTiniest = std::numeric_limits<float>::denorm_min();

}  // namespace

TEST_CASE("a JSON array of numbers parses to float32s", "[sql][vector]") {
  CHECK(parse_vector("[1]") == Floats{1});
  CHECK(parse_vector("[0.1,-2,3e-4]") == Floats{0.1F, -2, 3e-4F});
  CHECK(parse_vector(" \t\r\n[ 1 ,\n2 ] \n") == Floats{1, 2});
  CHECK(parse_vector("[0,-0,0.50,1E2,1e+2,1.5e-1]") == Floats{0, 0, 0.5F, 100, 100, 0.15F});
  CHECK(std::signbit(parse_vector("[-0]")[0]));
}

TEST_CASE("numbers round once, to the nearest float32", "[sql][vector]") {
  CHECK(parse_vector("[3.4028235e38]") == Floats{kLargest});
  CHECK(parse_vector("[1e-45]") == Floats{kTiniest});
  // Halfway between 1 and the next float32, and a trace more: rounding to double first loses it.
  CHECK(parse_vector("[1.00000005960464477539062500000000001]") == Floats{1.00000012F});
}

TEST_CASE("numbers too small for float32 become zero of their sign", "[sql][vector]") {
  for (const char* text : {"[1e-46]", "[1e-400]", "[1e-99999999999999999999]", "[0e9999999999]",
                           "[0.00000000000000000000000000000000000000000000000000000001]"}) {
    INFO(text);
    CHECK(parse_vector(text) == Floats{0});
  }
  CHECK(std::signbit(parse_vector("[-1e-400]")[0]));
}

TEST_CASE("numbers beyond float32's largest are refused by name", "[sql][vector]") {
  CHECK(message("[1e39]") == "f(): argument 1: 1e39 is beyond float32's largest number");
  for (const char* text :
       {"[3.4028236e38]", "[-1e400]", "[1e+99999999999999999999]", "[1e9223372036854775807]",
        "[100e9223372036854775800]", "[1000000000000000000000000000000000000000]"}) {
    INFO(text);
    CHECK_THAT(message(text), ContainsSubstring("is beyond float32's largest number"));
  }
}

TEST_CASE("what is no JSON array of numbers is refused with its place", "[sql][vector]") {
  const std::pair<const char*, const char*> cases[] = {
      {"", "expected '[' at byte 1, got the end"},
      {"abc", "expected '[' at byte 1, got 'a'"},
      {"1", "expected '[' at byte 1, got '1'"},
      {"[", "expected a number at byte 2, got the end"},
      {"[1,]", "expected a number at byte 4, got ']'"},
      {"[,1]", "expected a number at byte 2, got ','"},
      {"[1 2]", "expected ',' or ']' at byte 4, got '2'"},
      {"[1,2", "expected ',' or ']' at byte 5, got the end"},
      {"[1]]", "expected the end at byte 4, got ']'"},
      {"[01]", "expected ',' or ']' at byte 3, got '1'"},
      {"[+1]", "expected a number at byte 2, got '+'"},
      {"[.5]", "expected a number at byte 2, got '.'"},
      {"[1.]", "expected a number at byte 4, got ']'"},
      {"[-]", "expected a number at byte 3, got ']'"},
      {"[1e]", "expected a number at byte 4, got ']'"},
      {"[1e+-1]", "expected a number at byte 5, got '-'"},
      {"[0x10]", "expected ',' or ']' at byte 3, got 'x'"},
      {"[NaN]", "expected a number at byte 2, got 'N'"},
      {"[Infinity]", "expected a number at byte 2, got 'I'"},
      {"[null]", "expected a number at byte 2, got 'n'"},
      {"[[1]]", "expected a number at byte 2, got '['"},
      {"[\"1\"]", "expected a number at byte 2, got '\"'"},
      {"[1;2]", "expected ',' or ']' at byte 3, got ';'"},
      {"[é]", "expected a number at byte 2, got 'é'"},
      {"[1\f]", "expected ',' or ']' at byte 3, got '\f'"},
  };
  for (const auto& [text, reason] : cases) {
    CHECK(message(text) == std::string("f(): argument 1: no JSON array of numbers: ") + reason);
    CHECK_FALSE(is_vector_text(text));
  }
  CHECK_FALSE(is_vector_text(std::string_view("[1]\0", 4)));
}

TEST_CASE("an empty array and one of more than 65,536 numbers are refused", "[sql][vector]") {
  CHECK(message("[]") == "f(): argument 1: a vector has at least one element, got an empty array");
  std::string longest = "[0";
  for (int i = 1; i < 65536; ++i) longest += ",0";
  CHECK(parse_vector(longest + "]").size() == 65536);
  CHECK(message(longest + ",0]") == "f(): argument 1: a vector has at most 65536 elements");
}

TEST_CASE("is_vector_text tells arrays of numbers from other text", "[sql][vector]") {
  for (const char* text : {"[]", " [ ] ", "[1]", "[1e999, -2]", "\n[0.5]\n"}) {
    INFO(text);
    CHECK(is_vector_text(text));
  }
}

TEST_CASE("int8 vectors are integers from -128 to 127", "[sql][vector]") {
  CHECK(parse_int8_vector("[127,-128, 0,-0]") == std::vector<int8_t>{127, -128, 0, 0});
  for (const char* text : {"[128]", "[-129]", "[1.5]", "[1e1]", "[1.0]"}) {
    INFO(text);
    CHECK_THROWS_WITH(parse_int8_vector(text),
                      ContainsSubstring("is no int8: integers from -128 to 127 are wanted"));
  }
}

TEST_CASE("a vector's text is the shortest that reads back the same", "[sql][vector]") {
  CHECK(format({1, -2, 0.1F, 0.0003F}) == "[1,-2,0.1,0.0003]");
  CHECK(format({0, -0.0F, 100000, 1234567, 16777216}) == "[0,-0,100000,1234567,16777216]");
  CHECK(format({1e-5F, 1e-6F, 1e7F, 1e20F}) == "[0.00001,1e-06,1e+07,1e+20]");
  CHECK(format({kLargest, kTiniest}) == "[3.4028235e+38,1e-45]");
  CHECK(format_vector(std::span<const int8_t>(std::vector<int8_t>{1, -128})) == "[1,-128]");
}

TEST_CASE("every float32 survives being written and read", "[sql][vector]") {
  std::mt19937 random(7);
  Floats v;
  while (v.size() < 60000) {
    const auto bits = static_cast<uint32_t>(random());
    float x;
    std::memcpy(&x, &bits, sizeof x);
    if (std::isfinite(x)) v.push_back(x);
  }
  const Floats read = parse_vector(format(v));
  CHECK(std::memcmp(read.data(), v.data(), v.size() * sizeof(float)) == 0);
}

TEST_CASE("the C locale changes neither reading nor writing", "[sql][vector]") {
  const std::string before = std::setlocale(LC_ALL, nullptr);
  for (const char* name : {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8"})
    if (std::setlocale(LC_ALL, name) != nullptr) break;
  CHECK(parse_vector("[0.5,1.25]") == Floats{0.5F, 1.25F});
  CHECK(format({0.5F, 1.25F}) == "[0.5,1.25]");
  std::setlocale(LC_ALL, before.c_str());
}
