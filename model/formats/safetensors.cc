// SPDX-License-Identifier: Apache-2.0
#include "model/formats/safetensors.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <stdexcept>

#include "model/formats/json_text.h"
#include "model/little_endian.h"

namespace kindred::model {
namespace {

constexpr uint64_t kLengthBytes = 8;

struct Width {
  const char* dtype;
  uint64_t bytes;
};

constexpr Width kWidths[] = {{"BOOL", 1}, {"U8", 1},  {"I8", 1},  {"F8_E5M2", 1}, {"F8_E4M3", 1},
                             {"I16", 2},  {"U16", 2}, {"F16", 2}, {"BF16", 2},    {"I32", 4},
                             {"U32", 4},  {"F32", 4}, {"F64", 8}, {"I64", 8},     {"U64", 8}};

// Bytes of a value; 0 for an unknown type.
uint64_t width_of(const std::string& dtype) {
  for (const Width& width : kWidths)
    if (dtype == width.dtype) return width.bytes;
  return 0;
}

float from_half(uint16_t half) {
  const uint32_t sign = uint32_t{half & 0x8000U} << 16;
  const uint32_t exponent = half >> 10 & 0x1F, fraction = half & 0x3FF;
  if (exponent == 0) {
    const float magnitude = std::ldexp(static_cast<float>(fraction), -24);
    return sign != 0 ? -magnitude : magnitude;
  }
  const uint32_t widened = exponent == 0x1F ? 0xFF : exponent + (127 - 15);
  return std::bit_cast<float>(sign | widened << 23 | fraction << 13);
}

float load_value(const std::string& dtype, const uint8_t* bytes) {
  if (dtype == "F32") return std::bit_cast<float>(load<uint32_t>(bytes));
  if (dtype == "F16") return from_half(load<uint16_t>(bytes));
  if (dtype == "BF16") return std::bit_cast<float>(uint32_t{load<uint16_t>(bytes)} << 16);
  if (dtype == "I8") return static_cast<float>(static_cast<int8_t>(*bytes));
  return static_cast<float>(std::bit_cast<double>(load<uint64_t>(bytes)));
}

// What the header says of one tensor, in the words of error messages.
struct Entry {
  const std::string& path;
  const std::string& name;

  [[noreturn]] void fail(const std::string& got, const std::string& wanted) const {
    throw std::runtime_error(path + ": offset " + std::to_string(kLengthBytes) + ": tensor " +
                             name + ": got " + got + ", wanted " + wanted);
  }

  Tensor parse(const Json& json, uint64_t data_begin, uint64_t data_bytes) const {
    Tensor tensor;
    tensor.name = name;
    const Json& dtype = member(json, "dtype");
    if (!dtype.is_string()) fail("no dtype", "a string");
    tensor.dtype = dtype.get<std::string>();
    const uint64_t width = width_of(tensor.dtype);
    if (width == 0) fail("dtype " + tensor.dtype, "one of a whole number of bytes");
    tensor.values = 1;
    const Json& shape = member(json, "shape");
    if (!shape.is_array()) fail("no shape", "an array");
    for (const Json& side : shape) {
      if (!side.is_number_unsigned()) fail("a shape of " + side.dump(), "numbers >= 0");
      tensor.shape.push_back(side.get<uint64_t>());
      if (__builtin_mul_overflow(tensor.values, tensor.shape.back(), &tensor.values))
        fail("a shape whose product is beyond 64 bits", "one that fits the file");
    }
    if (__builtin_mul_overflow(tensor.values, width, &tensor.bytes))
      fail("a shape whose product is beyond 64 bits", "one that fits the file");
    const Json& offsets = member(json, "data_offsets");
    if (!offsets.is_array() || offsets.size() != 2 || !offsets[0].is_number_unsigned() ||
        !offsets[1].is_number_unsigned())
      fail("no data_offsets", "two numbers >= 0");
    const auto begin = offsets[0].get<uint64_t>(), end = offsets[1].get<uint64_t>();
    if (begin > end || end > data_bytes)
      fail("data_offsets " + std::to_string(begin) + " to " + std::to_string(end),
           "ascending ones up to " + std::to_string(data_bytes));
    if (end - begin != tensor.bytes)
      fail(std::to_string(end - begin) + " bytes", std::to_string(tensor.bytes) + " by its shape");
    tensor.begin = data_begin + begin;
    return tensor;
  }
};

template <class Bytes>
std::span<uint8_t> bytes_of(Bytes& bytes) {
  return {reinterpret_cast<uint8_t*>(bytes.data()), bytes.size()};
}

}  // namespace

Safetensors::Safetensors(const std::string& path) : file_(path) {
  if (file_.size() < kLengthBytes)
    throw std::runtime_error(path + ": got a file of " + std::to_string(file_.size()) +
                             " bytes, wanted at least " + std::to_string(kLengthBytes) +
                             ", which say how long its header is");
  std::array<uint8_t, kLengthBytes> length_bytes{};
  file_.read_at(0, bytes_of(length_bytes));
  const auto length = load<uint64_t>(length_bytes.data());
  if (length > kMaxHeader || length > file_.size() - kLengthBytes)
    throw std::runtime_error(path + ": offset 0: got a header of " + std::to_string(length) +
                             " bytes, wanted at most " +
                             std::to_string(std::min(kMaxHeader, file_.size() - kLengthBytes)));
  std::string header(length, '\0');
  file_.read_at(kLengthBytes, bytes_of(header));
  read_header(header);
}

void Safetensors::read_header(const std::string& header) {
  const Json json = parse_json(header, file_.path() + ": header");
  if (!json.is_object())
    throw std::runtime_error(file_.path() + ": offset " + std::to_string(kLengthBytes) +
                             ": got JSON that is no object");
  const uint64_t data_begin = kLengthBytes + header.size();
  for (const auto& [name, entry] : json.items())
    if (name != "__metadata__")
      tensors_[name] =
          Entry{file_.path(), name}.parse(entry, data_begin, file_.size() - data_begin);
  std::vector<const Tensor*> in_order;
  for (const auto& [name, tensor] : tensors_) in_order.push_back(&tensor);
  std::sort(in_order.begin(), in_order.end(), [](const Tensor* a, const Tensor* b) {
    return a->begin != b->begin ? a->begin < b->begin : a->bytes < b->bytes;
  });
  uint64_t end = data_begin;
  for (const Tensor* tensor : in_order) {
    if (tensor->begin != end)
      throw std::runtime_error(file_.path() + ": offset " + std::to_string(tensor->begin) +
                               ": tensor " + tensor->name + " begins, wanted at offset " +
                               std::to_string(end) + ", where the one before ends");
    end += tensor->bytes;
  }
  if (end != file_.size())
    throw std::runtime_error(file_.path() + ": got " + std::to_string(file_.size()) +
                             " bytes, wanted " + std::to_string(end) + " by its tensors");
}

const Tensor* Safetensors::find(const std::string& name) const {
  const auto found = tensors_.find(name);
  return found == tensors_.end() ? nullptr : &found->second;
}

void Safetensors::read(const Tensor& tensor, uint64_t first, std::span<float> out) const {
  constexpr const char* kReadable[] = {"F64", "F32", "F16", "BF16", "I8"};
  if (std::find(std::begin(kReadable), std::end(kReadable), tensor.dtype) == std::end(kReadable))
    throw std::runtime_error(path() + ": tensor " + tensor.name + ": got dtype " + tensor.dtype +
                             ", wanted F64, F32, F16, BF16 or I8");
  const uint64_t width = width_of(tensor.dtype);
  std::vector<uint8_t> bytes(out.size() * width);
  const uint64_t begin = tensor.begin + first * width;
  file_.read_at(begin, bytes_of(bytes));
  for (size_t i = 0; i < out.size(); ++i) {
    out[i] = load_value(tensor.dtype, &bytes[i * width]);
    if (!std::isfinite(out[i]))
      throw std::runtime_error(path() + ": offset " + std::to_string(begin + i * width) +
                               ": tensor " + tensor.name + ": got " + std::to_string(out[i]) +
                               ", wanted a finite number");
  }
}

std::vector<uint64_t> Safetensors::read_indices(const Tensor& tensor, uint64_t end) const {
  const bool is_wide = tensor.dtype == "I64";
  if (!is_wide && tensor.dtype != "I32" && tensor.dtype != "U32")
    throw std::runtime_error(path() + ": tensor " + tensor.name + ": got dtype " + tensor.dtype +
                             ", wanted I64, I32 or U32");
  std::vector<uint8_t> bytes(tensor.bytes);
  file_.read_at(tensor.begin, bytes_of(bytes));
  std::vector<uint64_t> indices(tensor.values);
  for (size_t i = 0; i < indices.size(); ++i) {
    const size_t at = i * width_of(tensor.dtype);
    indices[i] = is_wide ? load<uint64_t>(&bytes[at]) : load<uint32_t>(&bytes[at]);
    if (indices[i] >= end)
      throw std::runtime_error(path() + ": offset " + std::to_string(tensor.begin + at) +
                               ": tensor " + tensor.name + ": got " + std::to_string(indices[i]) +
                               ", wanted a number below " + std::to_string(end));
  }
  return indices;
}

}  // namespace kindred::model
