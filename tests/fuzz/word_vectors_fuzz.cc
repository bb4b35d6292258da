// Any bytes as a file of word vectors: an error, or a model of the shape that is told.
// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>
#include <stdexcept>

#include "model/formats/word_vectors.h"
#include "tests/fuzz/memory_file.h"
#include "tests/support/memory_model.h"

using namespace kindred;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const test::MemoryFile file({data, size});
  test::MemoryModel model;
  try {
    const auto result = model::import_word_vectors(file.path(), model, [](size_t, size_t) {});
    if (model.rows.size() != result.dim * result.tokens) std::abort();
    if (!model::is_word_vectors(file.path())) std::abort();
  } catch (const std::runtime_error&) {
    return 0;
  }
  const auto embedder = model.open();  // what was imported opens
  const model::EmbeddingTable& table = *embedder->table();
  for (model::TokenId id = 0; id < table.size(); ++id)
    if (table.find(table.token(id)) != id) std::abort();
  return 0;
}
