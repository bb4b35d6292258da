// SPDX-License-Identifier: Apache-2.0
#include "model/formats/import.h"

#include <algorithm>
#include <filesystem>
#include <span>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <vector>

#include "model/formats/fasttext_file.h"
#include "model/formats/input_file.h"
#include "model/formats/model2vec_folder.h"
#include "model/formats/word_vectors.h"
#include "model/token_table.h"

namespace kindred::model {
namespace {

constexpr size_t kMagicBytes = 8;
constexpr size_t kBlock = 1 << 20;

// The first bytes of a file, fewer if it is shorter.
std::string beginning(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error))
    throw std::invalid_argument(path + ": no such file or folder");
  if (!std::filesystem::is_regular_file(path, error)) return {};
  return std::string(InputFile(path).peek(kMagicBytes).substr(0, kMagicBytes));
}

// A table is small: it is read whole and looked through before anything is written.
ImportResult import_token_table(const std::string& path, PackWriter& writer,
                                const ImportProgress& progress) {
  const InputFile in(path);
  std::vector<uint8_t> file(in.size());
  for (size_t done = 0; done < file.size(); done += kBlock) {
    progress(done, file.size());
    in.read_at(done, std::span(file).subspan(done, std::min(kBlock, file.size() - done)));
  }
  ImportResult result{"static", 0, 0};
  try {
    const TokenTable table(file);
    result.dim = table.dim();
    result.tokens = table.size();
  } catch (const std::runtime_error& error) {
    throw std::runtime_error(path + ": " + error.what());
  }
  writer.append(file);
  return result;
}

}  // namespace

ImportResult import_model(const std::string& path, PackWriter& writer,
                          const ImportProgress& progress) {
  if (beginning(path) == "kindredT") return import_token_table(path, writer, progress);
  if (is_static_folder(path)) return import_static_folder(path, writer, progress);
  if (std::filesystem::is_directory(path))
    throw std::invalid_argument(path +
                                ": a folder is wanted that holds model.safetensors and "
                                "tokenizer.json of a static model");
  if (is_fasttext(path)) return import_fasttext(path, writer, progress);
  if (is_word_vectors(path)) return import_word_vectors(path, writer, progress);
  throw std::invalid_argument(path + ": holds no model of a format that is known");
}

}  // namespace kindred::model
