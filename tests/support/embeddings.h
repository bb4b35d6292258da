// Vectors of text as tests of models look at them.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <string_view>
#include <vector>

#include "model/embedder.h"

namespace kindred::test {

// The text's vector of so many dimensions; empty if it has no content.
inline std::vector<float> embedded(const model::Embedder& model, std::string_view text,
                                   size_t dim) {
  std::vector<float> out(dim);
  if (!model.embed(text, out)) out.clear();
  return out;
}

inline double dot(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += static_cast<double>(a[i]) * b[i];
  return sum;
}

inline bool is_unit(const std::vector<float>& v) {
  return !v.empty() && std::abs(dot(v, v) - 1) < 1e-5;
}

}  // namespace kindred::test
