// Any bytes as a fastText file: an error, or a model that embeds.
// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <cstdlib>
#include <stdexcept>
#include <vector>

#include "model/formats/fasttext_file.h"
#include "tests/fuzz/memory_file.h"
#include "tests/support/memory_model.h"

using namespace kindred;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const test::MemoryFile file({data, size});
  test::MemoryModel model;
  try {
    const auto result = model::import_fasttext(file.path(), model, [](size_t, size_t) {});
    if (model.rows.size() != result.dim * result.tokens) std::abort();
    if (!model::is_fasttext(file.path())) std::abort();
  } catch (const std::runtime_error&) {
    return 0;
  }
  const auto embedder = model.open();
  std::vector<float> vector(embedder->identity().dim);
  if (embedder->embed("sea shells \xC3\xA9t\xC3\xA9 seas", vector))
    for (const float value : vector)
      if (!std::isfinite(value)) std::abort();
  return 0;
}
