// Word vectors in a file, as word2vec (.bin, .txt), GloVe (.txt) and fastText (.vec) write them.
// The file's content tells which it is.
//
// Text: a line for each word: the word, its numbers, white space between them. word2vec and
// fastText put a first line before them, "<words> <dim>"; GloVe does not. The numbers are the last
// dim fields of a line and the word is what stands before them, for GloVe's words may hold spaces.
// Binary: the same first line, then for each word its bytes, a space, dim float32 little-endian and
// often a line feed.
//
// A word that is there twice counts where it stands first. Refused is what may be damage: a number
// that is not finite, a word that is empty or holds a NUL, more or fewer words than the first line
// says, bytes after the last row, a text whose last line has no line feed.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "model/formats/import_result.h"
#include "model/formats/input_file.h"
#include "model/packed_model.h"

namespace kindred::model {

// Reads the rows in order, in one pass; memory does not grow with the file. Every error is a
// std::runtime_error that names file, offset, what was wanted and what came. Not thread-safe.
class WordVectorReader {
 public:
  static constexpr size_t kMaxDim = 65536, kMaxWordBytes = 65535;

  // Reads what stands before the first row. Throws if the file holds no word vectors.
  explicit WordVectorReader(const std::string& path);

  size_t dim() const noexcept { return dim_; }
  // "glove" without a first line, "word2vec" with one.
  std::string kind() const { return layout_ == Layout::kLines ? "glove" : "word2vec"; }
  // As the first line says, no more than the file has room for; 0 if there is none.
  uint64_t rows() const noexcept { return rows_; }
  // Of the file: bytes read, bytes in all.
  uint64_t done() const noexcept { return file_.offset(); }
  uint64_t total() const noexcept { return file_.size(); }

  // Reads the next row; false at the end of the last one. REQUIRES: row.size() == dim().
  bool next(std::span<float> row);
  // Of the row that next() has read; it lives until that is called again.
  std::string_view word() const noexcept { return word_; }

 private:
  enum class Layout { kLines, kHeaderAndLines, kBinary };

  void read_header();
  bool next_line(std::span<float> row);
  void next_binary(std::span<float> row);
  void require_end();
  void require_finite(std::span<const float> row, uint64_t offset) const;

  InputFile file_;
  Layout layout_ = Layout::kLines;
  uint64_t rows_ = 0, rows_read_ = 0;
  size_t dim_ = 0;
  std::string word_;
};

// Whether the file begins as such a file does. Throws if it cannot be read.
bool is_word_vectors(const std::string& path);

// Writes a pack that open_packed() makes a WordEmbedding of.
ImportResult import_word_vectors(const std::string& path, PackWriter& writer,
                                 const ImportProgress& progress);

}  // namespace kindred::model
