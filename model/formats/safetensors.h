// Tensors by name: the safetensors format. A reader that trusts nothing.
//
// Layout, little-endian: u64 bytes of the header; the header, JSON: {name: {"dtype", "shape",
// "data_offsets": [begin, end]}} and perhaps "__metadata__"; the data, to whose beginning the
// offsets are relative. The data have neither holes nor overlaps.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "model/formats/input_file.h"

namespace kindred::model {

struct Tensor {
  std::string name;
  std::string dtype;            // "F32"
  std::vector<uint64_t> shape;  // row-major
  uint64_t begin = 0;           // in the file
  uint64_t bytes = 0;
  uint64_t values = 0;  // the product of the shape
};

// Constant after construction, thread-safe. Values are read from the file when asked for.
class Safetensors {
 public:
  static constexpr uint64_t kMaxHeader = 100'000'000;  // bytes, as the reference has it

  // Throws std::runtime_error with path and offset where the file is no such file.
  explicit Safetensors(const std::string& path);

  const std::string& path() const noexcept { return file_.path(); }
  const std::map<std::string, Tensor>& tensors() const noexcept { return tensors_; }
  // nullptr: there is none of that name.
  const Tensor* find(const std::string& name) const;

  // out.size() values of the tensor from the `first` on, as float32 (an F64 is rounded). Throws
  // std::runtime_error where one is not finite, or the dtype is none of F64, F32, F16, BF16, I8.
  // REQUIRES: first + out.size() <= tensor.values.
  void read(const Tensor& tensor, uint64_t first, std::span<float> out) const;
  // All values of a tensor of I64, I32 or U32, which index `end` things. Throws std::runtime_error
  // where one is beyond.
  std::vector<uint64_t> read_indices(const Tensor& tensor, uint64_t end) const;

 private:
  void read_header(const std::string& header);

  InputFile file_;
  std::map<std::string, Tensor> tensors_;
};

}  // namespace kindred::model
