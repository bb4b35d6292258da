// A pack "kindredS" of any bytes is opened or refused with std::runtime_error. Its checksums are
// set right first, or nothing but they would be tested.
//
// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "model/tokenized_embedding.h"

using namespace kindred::model;

namespace {

// As many rows as a pack asks for.
class Rows final : public PackedRows {
 public:
  Rows(size_t size, size_t dim) : size_(size), row_(dim, 1.0F) {}
  size_t size() const noexcept override { return size_; }
  size_t dim() const noexcept override { return row_.size(); }
  const float* row(TokenId id) const override {
    if (id >= size_) __builtin_trap();
    return row_.data();
  }

 private:
  size_t size_;
  std::vector<float> row_;
};

struct Bytes final : PackWriter {
  std::vector<uint8_t> bytes;
  void add_row(std::span<const float>) override {}
  void append(std::span<const uint8_t> more) override {
    bytes.insert(bytes.end(), more.begin(), more.end());
  }
};

void open_and_embed(std::span<const uint8_t> pack, std::shared_ptr<const Rows> rows) {
  try {
    const TokenizedEmbedding model("fuzz", pack, std::move(rows));
    std::vector<float> out(model.identity().dim);
    model.embed("The quick [CLS] caf\xC3\xA9 \xFF 123!", out);
    for (const TextToken& token : model.tokenize("red green 1 \xE6\x88\x91"))
      if (token.id && *token.id >= model.table()->size()) __builtin_trap();
  } catch (const std::runtime_error&) {
  }
}

}  // namespace

// 6 bytes of a header, then the tokenizer.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  open_and_embed({data, size}, nullptr);
  if (size < 6) return 0;
  TokenizedPack pack;
  pack.dim = data[0];
  pack.rows = data[1] | data[2] << 8U;
  pack.max_tokens = data[3];
  pack.max_characters = data[4];
  pack.is_normalized = (data[5] & 1) != 0;
  pack.counts_unknown = (data[5] & 2) != 0;
  Bytes written;
  write_tokenized_pack(pack, {reinterpret_cast<const char*>(data) + 6, size - 6}, written);
  open_and_embed(written.bytes, std::make_shared<Rows>(pack.rows, pack.dim));
  return 0;
}
