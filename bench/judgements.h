// How well a model agrees with people: similarity of sentences and words, and retrieval. The data
// are those of bench/README.md, and never part of the repository.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "model/embedder.h"

namespace kindred::bench {

// A model as it is measured, at the first `dim` dimensions.
struct Model {
  const model::Embedder* embedder;
  size_t dim;

  // All zero for a text without content.
  std::vector<float> operator()(const std::string& text) const {
    std::vector<float> out(dim);
    embedder->embed(text, out);
    return out;
  }
};

// $KINDRED_DATA, or where it lies beside the project.
std::filesystem::path data_folder();

// The fields of a line with tabs.
std::vector<std::string> split(const std::string& line);

// Spearman's correlation of judgements and cosines, of a file of lines with tabs.
struct Judged {
  size_t first, second, judgement;  // columns
};
double spearman(const std::filesystem::path& file, const Judged& columns, const Model& model);

// The documents of a collection in BEIR's form.
struct Document {
  std::string id, title, text;
};
std::vector<Document> read_documents(const std::filesystem::path& folder);

// nDCG@10 on such a collection, by exact search with its queries.
double ndcg(const std::filesystem::path& folder, const Model& model);

}  // namespace kindred::bench
