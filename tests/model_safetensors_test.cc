// SPDX-License-Identifier: Apache-2.0
#include "model/formats/safetensors.h"

#include <cmath>
#include <cstring>
#include <limits>

#include "tests/support/catch.h"
#include "tests/support/files.h"
#include "tests/support/model_files.h"
#include "tests/support/random.h"

using namespace kindred;
using model::Safetensors;
using test::safetensors;
using namespace std::string_literals;

namespace {

// The values of tensor "a" in a file of these bytes.
std::vector<float> values_of_a(const std::string& bytes) {
  const test::ScratchDirectory scratch;
  test::write_file(scratch.file("m.safetensors"), bytes);
  const Safetensors file(scratch.file("m.safetensors"));
  const model::Tensor* tensor = file.find("a");
  REQUIRE(tensor != nullptr);
  std::vector<float> values(tensor->values);
  file.read(*tensor, 0, values);
  return values;
}

// The error of reading all of such a file; "" if there is none.
std::string error(const std::string& bytes) {
  const test::ScratchDirectory scratch;
  test::write_file(scratch.file("m.safetensors"), bytes);
  return test::error_of([&] {
    const Safetensors file(scratch.file("m.safetensors"));
    for (const auto& [name, tensor] : file.tensors()) {
      std::vector<float> values(tensor.values);
      file.read(tensor, 0, values);
    }
  });
}

std::string header(const std::string& dtype, const std::string& shape, size_t end) {
  return R"({"a":{"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":[0,)" +
         std::to_string(end) + "]}}";
}

}  // namespace

TEST_CASE("float32 values are read as they are", "[model][safetensors]") {
  const std::vector<float> values = {1, -2.5F, 3e-40F, 3e38F, 0, -0.0F};
  CHECK(values_of_a(safetensors(header("F32", "[2,3]", 24), test::packed(values))) == values);
}

TEST_CASE("every finite half is read as the number it is", "[model][safetensors]") {
  std::string data;
  std::vector<float> expected;
  for (uint32_t half = 0; half < 0x10000; ++half) {
    const int exponent = static_cast<int>(half >> 10 & 0x1F);
    if (exponent == 0x1F) continue;
    data.push_back(static_cast<char>(half));
    data.push_back(static_cast<char>(half >> 8));
    const double fraction = half & 0x3FF;
    const double magnitude = exponent == 0 ? fraction / 1024 * std::pow(2, -14)
                                           : (1 + fraction / 1024) * std::pow(2, exponent - 15);
    expected.push_back(static_cast<float>((half & 0x8000) != 0 ? -magnitude : magnitude));
  }
  const std::string shape = "[" + std::to_string(expected.size()) + "]";
  CHECK(values_of_a(safetensors(header("F16", shape, data.size()), data)) == expected);
}

TEST_CASE("bfloat16, float64 and int8 values become float32", "[model][safetensors]") {
  CHECK(values_of_a(safetensors(header("BF16", "[2]", 4), "\x80\x3F\x00\xC0"s)) ==
        std::vector<float>{1, -2});
  const double number = 0.1;
  std::string data(8, '\0');
  std::memcpy(data.data(), &number, 8);
  CHECK(values_of_a(safetensors(header("F64", "[1]", 8), data)) == std::vector<float>{0.1F});
  CHECK(values_of_a(safetensors(header("I8", "[3]", 3), "\x7F\x80\xFF"s)) ==
        std::vector<float>{127, -128, -1});
}

TEST_CASE("a value that is not finite is refused with its offset", "[model][safetensors]") {
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    const std::string bytes = safetensors(header("F32", "[2]", 8), test::packed({1, bad}));
    CHECK_THAT(error(bytes), ContainsSubstring("offset " + std::to_string(bytes.size() - 4)) &&
                                 ContainsSubstring("m.safetensors") && ContainsSubstring("finite"));
  }
  CHECK_THAT(error(safetensors(header("F16", "[1]", 2), "\x00\x7C"s)), ContainsSubstring("finite"));
}

TEST_CASE("indices are read where they are in range", "[model][safetensors]") {
  const test::ScratchDirectory scratch;
  const auto write = [&](const std::string& dtype, size_t bytes, const std::string& data) {
    test::write_file(scratch.file("m"), safetensors(header(dtype, "[2]", bytes), data));
  };
  const auto read = [&](uint64_t end) {
    const Safetensors file(scratch.file("m"));
    return file.read_indices(*file.find("a"), end);
  };
  write("I32", 8, "\x01\0\0\0\x07\0\0\0"s);
  CHECK(read(8) == std::vector<uint64_t>{1, 7});
  CHECK_THAT(test::error_of([&] { read(7); }), ContainsSubstring("got 7, wanted a number below 7"));
  write("I64", 16, "\x01\0\0\0\0\0\0\0\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"s);
  CHECK_THAT(test::error_of([&] { read(100); }), ContainsSubstring("wanted a number below 100"));
  write("F32", 8, test::packed({0, 1}));
  CHECK_THAT(test::error_of([&] { read(100); }), ContainsSubstring("dtype F32"));
}

TEST_CASE("a header that lies is refused", "[model][safetensors]") {
  const std::string data(8, '\0');
  const auto with = [&](const std::string& json) { return error(safetensors(json, data)); };
  CHECK(with(header("F32", "[2]", 8)).empty());
  CHECK_THAT(with(header("F32", "[3]", 8)), ContainsSubstring("got 8 bytes, wanted 12"));
  CHECK_THAT(with(header("F32", "[3]", 12)), ContainsSubstring("up to 8"));
  CHECK_THAT(with(header("F32", "[4294967296,4294967296]", 8)), ContainsSubstring("64 bits"));
  CHECK_THAT(with(header("F32", "[4611686018427387906]", 8)), ContainsSubstring("64 bits"));
  CHECK_THAT(with(header("F32", "[-1]", 8)), ContainsSubstring("a shape of -1"));
  CHECK_THAT(with(header("F32", "[1e3]", 8)), ContainsSubstring("a shape of"));
  CHECK_THAT(with(header("F32", "2", 8)), ContainsSubstring("no shape"));
  CHECK_THAT(with(header("Q4", "[2]", 8)), ContainsSubstring("dtype Q4"));
  CHECK_THAT(with(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}})"),
             ContainsSubstring("8 to 0"));
  CHECK_THAT(with(R"({"a":{"dtype":"F32","shape":[2]}})"), ContainsSubstring("no data_offsets"));
  CHECK_THAT(with(R"({"a":7})"), ContainsSubstring("no dtype"));
  CHECK_THAT(with("[]"), ContainsSubstring("no object"));
  CHECK_THAT(with("{"), ContainsSubstring("not JSON"));
  CHECK_THAT(with("{\"\xFF\":1}"), ContainsSubstring("not JSON"));
}

TEST_CASE("tensors that overlap or leave holes are refused", "[model][safetensors]") {
  const std::string data(8, '\0');
  const auto tensor = [](const char* name, size_t begin, size_t end) {
    return '"' + std::string(name) + R"(":{"dtype":"I8","shape":[)" + std::to_string(end - begin) +
           R"(],"data_offsets":[)" + std::to_string(begin) + "," + std::to_string(end) + "]}";
  };
  const auto with = [&](const std::string& a, const std::string& b) {
    return error(safetensors("{" + a + "," + b + "}", data));
  };
  CHECK(with(tensor("a", 0, 4), tensor("b", 4, 8)).empty());
  CHECK(with(tensor("b", 4, 8), tensor("a", 0, 4)).empty());
  CHECK_THAT(with(tensor("a", 0, 5), tensor("b", 4, 8)), ContainsSubstring("wanted at offset"));
  CHECK_THAT(with(tensor("a", 0, 3), tensor("b", 4, 8)), ContainsSubstring("wanted at offset"));
  CHECK_THAT(with(tensor("a", 0, 3), tensor("b", 3, 7)), ContainsSubstring("by its tensors"));
}

TEST_CASE("a header length beyond the file, or JSON nested without end, is refused",
          "[model][safetensors]") {
  CHECK_THAT(error("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF{}"s), ContainsSubstring("offset 0"));
  CHECK_THAT(error("\x03\0\0\0\0\0\0\0{}"s), ContainsSubstring("wanted at most 2"));
  CHECK_THAT(error(safetensors(std::string(1'000'000, '['), "")),
             ContainsSubstring("nested deeper"));
  CHECK_THAT(test::error_of([] { Safetensors("/nonexistent/model.safetensors"); }),
             ContainsSubstring("/nonexistent/model.safetensors"));
  CHECK_THAT(test::error_of([] { Safetensors("/"); }), ContainsSubstring("regular file"));
}

TEST_CASE("a safetensors file cut anywhere is refused", "[model][safetensors]") {
  const std::string whole = safetensors(header("F32", "[2]", 8), test::packed({1, 2}));
  for (size_t length = 0; length < whole.size(); ++length)
    CHECK(error(whole.substr(0, length)) != "");
  CHECK_THAT(error(""), ContainsSubstring("got a file of 0 bytes, wanted at least 8"));
  CHECK_THAT(error("1234567"), ContainsSubstring("got a file of 7 bytes"));
  CHECK(error(whole + "x") != "");
}

TEST_CASE("flipped bits of a header give an error or other tensors, never more",
          "[model][safetensors]") {
  const std::string whole = safetensors(header("F32", "[2]", 8), test::packed({1, 2}));
  for (size_t bit = 0; bit < 8 * (whole.size() - 8); ++bit) {
    std::string flipped = whole;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ 1 << bit % 8);
    error(flipped);  // it returns or throws std::runtime_error
  }
  SUCCEED();
}
