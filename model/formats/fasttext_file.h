// A model file of the fastText program (.bin): words, the vectors of their n-grams, and how it was
// trained. Compressed models (.ftz) are refused, and so are those whose dictionary was pruned.
//
// Layout, little-endian: i32 magic 793712314; i32 version 11 or 12; i32 dim, ws, epoch, minCount,
// neg, wordNgrams, loss, model (1 cbow, 2 skip-gram, 3 supervised), bucket, minn, maxn,
// lrUpdateRate; f64 t; i32 entries, words, labels; i64 tokens, pruned ids or -1; an entry: its
// bytes, 0, i64 count, i8 type (0 word, 1 label), words before labels; u8 1 if compressed; i64 m,
// n; f32 input[m][n], a row for each word, then for each bucket; u8 1 if compressed; i64 m, n;
// f32 output[m][n].
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "model/formats/import_result.h"
#include "model/packed_model.h"

namespace kindred::model {

// Whether the file begins as such a file does. Throws std::runtime_error if it cannot be read.
bool is_fasttext(const std::string& path);

// Writes a pack that open_packed() makes a FastTextEmbedding of. Memory is that of the words alone:
// rows are read as they are needed, and buckets go from file to pack in pieces. Throws
// std::runtime_error that names file, offset, what was wanted and what came.
ImportResult import_fasttext(const std::string& path, PackWriter& writer,
                             const ImportProgress& progress);

}  // namespace kindred::model
