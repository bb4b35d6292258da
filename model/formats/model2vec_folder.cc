// SPDX-License-Identifier: Apache-2.0
#include "model/formats/model2vec_folder.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <stdexcept>
#include <vector>

#include "model/formats/json_text.h"
#include "model/formats/safetensors.h"
#include "model/formats/tokenizer_json.h"
#include "model/tokenized_embedding.h"

namespace kindred::model {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kMaxTokenizerBytes = 256U << 20, kMaxConfigBytes = 1U << 20;
constexpr uint64_t kMaxDim = 65'536;
constexpr uint32_t kModel2VecTokens = 512;  // what its encode() reads of a text

bool holds_model(const fs::path& folder) {
  std::error_code ignored;  // what cannot be looked at is not there
  return fs::is_regular_file(folder / "model.safetensors", ignored) &&
         fs::is_regular_file(folder / "tokenizer.json", ignored);
}

// Where the files are.
fs::path model_folder(const fs::path& folder) {
  const fs::path module = folder / "0_StaticEmbedding";
  return !holds_model(folder) && holds_model(module) ? module : folder;
}

// The tensors of a static model, their shapes checked.
struct Tables {
  const Safetensors& file;
  const Tensor* embeddings;
  const Tensor* weights;
  std::vector<uint64_t> mapping;  // empty: token i has row i
  bool is_model2vec;

  explicit Tables(const Safetensors& tensors)
      : file(tensors), embeddings(file.find("embeddings")), weights(file.find("weights")) {
    is_model2vec = embeddings != nullptr;
    if (!is_model2vec) embeddings = file.find("embedding.weight");
    if (embeddings == nullptr)
      throw std::runtime_error(file.path() + ": got no tensor embeddings or embedding.weight");
    if (embeddings->shape.size() != 2 || embeddings->shape[1] == 0 ||
        embeddings->shape[1] > kMaxDim)
      fail(*embeddings, "wanted (tokens, dim) with a dim of 1 to 65536");
    if (const Tensor* map = file.find("mapping")) {
      if (map->shape.size() != 1) fail(*map, "wanted (tokens)");
      mapping = file.read_indices(*map, embeddings->shape[0]);
    }
    if (tokens() == 0 || tokens() > TokenIndex::kMaxTokens)
      fail(*embeddings, "wanted 1 to " + std::to_string(TokenIndex::kMaxTokens) + " tokens");
    if (weights != nullptr && weights->shape != std::vector<uint64_t>{tokens()})
      fail(*weights, "wanted (" + std::to_string(tokens()) + ")");
  }

  [[noreturn]] void fail(const Tensor& tensor, const std::string& wanted) const {
    std::string shape;
    for (const uint64_t side : tensor.shape)
      shape += (shape.empty() ? "" : ", ") + std::to_string(side);
    throw std::runtime_error(file.path() + ": tensor " + tensor.name + ": got shape (" + shape +
                             "), " + wanted);
  }

  size_t dim() const { return embeddings->shape[1]; }
  size_t tokens() const { return mapping.empty() ? embeddings->shape[0] : mapping.size(); }

  // The token's row times its weight.
  void read_row(size_t token, std::span<float> row) const {
    file.read(*embeddings, (mapping.empty() ? token : mapping[token]) * dim(), row);
    if (weights == nullptr) return;
    float weight = 0;
    file.read(*weights, token, {&weight, 1});
    for (float& value : row) {
      value *= weight;
      if (!std::isfinite(value))
        throw std::runtime_error(file.path() + ": token " + std::to_string(token) +
                                 ": its row times its weight is not finite");
    }
  }
};

// Whether the model's own library gives vectors of length 1.
bool is_normalized(const fs::path& folder, const fs::path& files) {
  for (const fs::path& path :
       {files / "config.json", files / "config_sentence_transformers.json", folder / "config.json",
        folder / "config_sentence_transformers.json"}) {
    if (!fs::exists(path)) continue;
    const Json normalize = member(parse_json(read_file(path, kMaxConfigBytes), path), "normalize");
    if (normalize.is_boolean()) return normalize.get<bool>();
    if (!normalize.is_null())
      throw std::runtime_error(path.string() + ": normalize: got " + normalize.type_name() +
                               ", wanted true or false");
  }
  const fs::path modules = folder / "modules.json";
  if (!fs::exists(modules)) return false;
  const Json list = parse_json(read_file(modules, kMaxConfigBytes), modules);
  return list.is_array() && std::any_of(list.begin(), list.end(), [](const Json& module) {
           const Json& type = member(module, "type");
           return type.is_string() && type.get<std::string>().ends_with(".Normalize");
         });
}

// Model2Vec reads so many characters of a text: as many tokens as it takes of the middle length.
uint32_t max_characters(const Tokenizer& tokenizer) {
  std::vector<size_t> lengths;
  for (TokenId id = 0; id < tokenizer.size(); ++id)
    if (!tokenizer.token(id).empty()) lengths.push_back(count_code_points(tokenizer.token(id)));
  if (lengths.empty()) return 0;
  std::sort(lengths.begin(), lengths.end());
  const size_t middle = (lengths[(lengths.size() - 1) / 2] + lengths[lengths.size() / 2]) / 2;
  return kModel2VecTokens * static_cast<uint32_t>(middle);
}

uint64_t add_rows(const Tables& tables, PackWriter& writer, const ImportProgress& progress) {
  constexpr size_t kRowsBetweenReports = 1024;
  RowsChecksum checksum;
  std::vector<float> row(tables.dim());
  for (size_t token = 0; token < tables.tokens(); ++token) {
    if (token % kRowsBetweenReports == 0) progress(token, tables.tokens());
    tables.read_row(token, row);
    checksum.add(row);
    writer.add_row(row);
  }
  progress(tables.tokens(), tables.tokens());
  return checksum.value();
}

}  // namespace

bool is_static_folder(const std::string& folder) {
  return holds_model(model_folder(folder));
}

ImportResult import_static_folder(const std::string& folder, PackWriter& writer,
                                  const ImportProgress& progress) {
  const fs::path files = model_folder(folder);
  const fs::path tokenizer_path = files / "tokenizer.json";
  const std::string json = read_file(tokenizer_path, kMaxTokenizerBytes);
  const Tokenizer tokenizer = read_tokenizer(json, tokenizer_path);
  const Safetensors tensors(files / "model.safetensors");
  const Tables tables(tensors);
  if (tokenizer.size() > tables.tokens())
    throw std::runtime_error(tokenizer_path.string() + ": got ids up to " +
                             std::to_string(tokenizer.size() - 1) + ", wanted ids below " +
                             std::to_string(tables.tokens()) + ", as many as there are rows");
  TokenizedPack pack;
  pack.dim = static_cast<uint32_t>(tables.dim());
  pack.rows = static_cast<uint32_t>(tables.tokens());
  pack.is_normalized = is_normalized(folder, files);
  if (tables.is_model2vec) {
    pack.max_tokens = kModel2VecTokens;
    pack.max_characters = max_characters(tokenizer);
  } else {
    pack.counts_unknown = tokenizer.unknown().has_value();
    pack.max_tokens = read_max_tokens(json, tokenizer_path);
  }
  pack.rows_checksum = add_rows(tables, writer, progress);
  write_tokenized_pack(pack, json, writer);
  return {tables.is_model2vec ? "model2vec" : "sentence-transformers", tables.dim(),
          tables.tokens()};
}

}  // namespace kindred::model
