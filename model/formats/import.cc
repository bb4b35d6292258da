// SPDX-License-Identifier: Apache-2.0
#include "model/formats/import.h"

#include <array>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <vector>

#include "model/formats/fasttext_file.h"
#include "model/formats/model2vec_folder.h"
#include "model/formats/word_vectors.h"
#include "model/token_table.h"

namespace kindred::model {
namespace {

constexpr size_t kMagicBytes = 8;
constexpr size_t kBlock = 1 << 20;

[[noreturn]] void fail(const std::string& path, const std::string& what) {
  throw std::runtime_error(path + ": " + what);
}

// The first bytes of a file, fewer if it is shorter.
std::string beginning(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error))
    throw std::invalid_argument(path + ": no such file or folder");
  if (!std::filesystem::is_regular_file(path, error)) return {};
  std::ifstream in(path, std::ios::binary);
  if (!in) fail(path, "cannot be opened");
  std::array<char, kMagicBytes> bytes;
  in.read(bytes.data(), bytes.size());
  return {bytes.data(), static_cast<size_t>(in.gcount())};
}

// A table is small: it is read whole and looked through before anything is written.
ImportResult import_token_table(const std::string& path, PackWriter& writer,
                                const ImportProgress& progress) {
  std::ifstream in(path, std::ios::binary);
  std::vector<uint8_t> file(std::filesystem::file_size(path));
  for (size_t done = 0; done < file.size();) {
    progress(done, file.size());
    const size_t bytes = std::min(kBlock, file.size() - done);
    if (!in.read(reinterpret_cast<char*>(&file[done]), static_cast<std::streamsize>(bytes)))
      fail(path, "offset " + std::to_string(done) + ": cannot be read");
    done += bytes;
  }
  ImportResult result{"static", 0, 0};
  try {
    const TokenTable table(file);
    result.dim = table.dim();
    result.tokens = table.size();
  } catch (const std::runtime_error& error) {
    fail(path, error.what());
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
