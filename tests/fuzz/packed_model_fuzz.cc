// Any bytes as the pack of a model: an error, or a model that can be asked for anything. The first
// two bytes are the number of rows and their dim, the rest is the pack. The checksum of its
// vocabulary is put right, for little would get past it.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "model/checksum.h"
#include "model/little_endian.h"
#include "tests/support/memory_model.h"

using namespace kindred;

namespace {

void ask(const model::Embedder& embedder) {
  std::vector<float> vector(embedder.identity().dim);
  if (embedder.embed("a sea, SEAS <b> sea shore", vector))
    for (const float value : vector)
      if (!std::isfinite(value)) std::abort();
  embedder.tokenize("sea shore");
  embedder.word_vector("shore", vector);
  const model::EmbeddingTable* table = embedder.table();
  for (model::TokenId id = 0; table != nullptr && id < table->size(); ++id) {
    table->find(table->token(id));
    table->row(id, vector);
  }
}

// packed_vocabulary.h, at the places where word_embedding.h and fasttext_embedding.h have it.
void mend_checksum(std::vector<uint8_t>& pack) {
  constexpr size_t kHeader = 16, kSum = 8;
  if (pack.size() < 8) return;
  const std::string_view magic(reinterpret_cast<const char*>(pack.data()), 8);
  const size_t begin = magic == "kindredW" ? 16 : 40;
  if (pack.size() < begin + kHeader + kSum) return;
  const uint8_t* header = &pack[begin];
  const auto text_bytes = model::load<uint64_t>(header + 8);
  if (text_bytes > pack.size()) return;
  const uint64_t cells =
      uint64_t{model::load<uint32_t>(header)} + model::load<uint32_t>(header + 4);
  const uint64_t end = begin + kHeader + 4 * cells + text_bytes;
  if (end + kSum > pack.size()) return;
  model::Checksum checksum;
  checksum.add(std::span(pack).subspan(begin, end - begin));
  const auto value = checksum.value();
  std::copy_n(model::bytes_of(value).begin(), kSum,
              pack.begin() + static_cast<std::ptrdiff_t>(end));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const size_t dim = data[1];
  auto rows = std::make_shared<test::MemoryRows>(std::vector<float>(data[0] * dim, 0.5F), dim);
  try {
    std::vector<uint8_t> pack(data + 2, data + size);  // its end is guarded
    mend_checksum(pack);
    ask(*model::open_packed("fuzz", pack, rows));
  } catch (const std::runtime_error&) {
  }
  return 0;
}
