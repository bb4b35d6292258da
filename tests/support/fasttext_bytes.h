// A small fastText model file, made in memory: each part can be changed before it is written.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace kindred::test {

struct FastTextBytes {
  int32_t magic = 793712314, version = 12;
  int32_t dim = 2, word_ngrams = 1, model = 2, bucket = 3, minn = 3, maxn = 4;
  std::vector<std::string> words{"</s>", "sea", "seas"};
  std::vector<std::string> labels;
  int32_t entries = -1;  // -1: as many as there are
  int64_t pruned = -1;
  uint8_t is_compressed = 0;
  int64_t rows = -1, columns = -1;  // -1: as many as there are
  int64_t output_rows = 1;
  std::vector<float> input;  // empty: row i is (i + 1, 1, 1, ...)

  std::string file() const {
    std::string bytes;
    const auto put = [&](auto number) {
      bytes.append(reinterpret_cast<const char*>(&number), sizeof number);
    };
    for (const int32_t number :
         {magic, version, dim, 5, 2, 1, 5, word_ngrams, 2, model, bucket, minn, maxn, 100})
      put(number);
    put(1e-4);
    const auto count = static_cast<int32_t>(words.size() + labels.size());
    put(entries < 0 ? count : entries);
    put(static_cast<int32_t>(words.size()));
    put(static_cast<int32_t>(labels.size()));
    put(int64_t{1000});
    put(pruned);
    for (const auto* list : {&words, &labels})
      for (const std::string& entry : *list) {
        bytes += entry + '\0';
        put(int64_t{7});
        put(static_cast<int8_t>(list == &labels));
      }
    put(is_compressed);
    const auto all = static_cast<int64_t>(words.size()) + bucket;
    put(rows < 0 ? all : rows);
    put(columns < 0 ? int64_t{dim} : columns);
    for (int64_t i = 0; i < all * dim; ++i)
      put(!input.empty() ? input[static_cast<size_t>(i)]
          : i % dim == 0 ? static_cast<float>(i / dim + 1)
                         : 1.0F);
    put(uint8_t{0});
    put(output_rows);
    put(int64_t{dim});
    for (int64_t i = 0; i < dim; ++i) put(0.0F);
    return bytes;
  }
};

}  // namespace kindred::test
