// A tokenizer.json of any bytes is read or refused with std::runtime_error; one that is read gives
// ids of its own for any text: what follows the first zero byte.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <stdexcept>
#include <string_view>
#include <vector>

#include "model/formats/tokenizer_json.h"

using namespace kindred::model;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const size_t end = std::min(input.find('\0'), size);
  const std::string_view text = end < size ? input.substr(end + 1) : input;
  try {
    const Tokenizer tokenizer = read_tokenizer(input.substr(0, end), "fuzz");
    std::vector<TokenId> ids;
    tokenizer.append_ids(text, ids);
    for (const TokenId id : ids)
      if (id >= tokenizer.size()) __builtin_trap();
  } catch (const std::runtime_error&) {
  }
  return 0;
}
