// A safetensors file of any bytes is read or refused with std::runtime_error.
// SPDX-License-Identifier: Apache-2.0
#include <sys/mman.h>
#include <unistd.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "model/formats/safetensors.h"

using namespace kindred::model;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const int file = memfd_create("fuzz", 0);
  static const std::string path = "/proc/self/fd/" + std::to_string(file);
  if (ftruncate(file, 0) != 0 || pwrite(file, data, size, 0) != static_cast<ssize_t>(size))
    __builtin_trap();
  try {
    const Safetensors tensors(path);
    for (const auto& [name, tensor] : tensors.tensors()) {
      if (tensor.bytes > size) __builtin_trap();
      try {
        std::vector<float> values(tensor.values);
        tensors.read(tensor, 0, values);
      } catch (const std::runtime_error&) {
      }
      try {
        tensors.read_indices(tensor, 100);
      } catch (const std::runtime_error&) {
      }
    }
  } catch (const std::runtime_error&) {
  }
  return 0;
}
