// Static embedding models as folders: Model2Vec's, and the StaticEmbedding module of
// sentence-transformers. model.safetensors holds "embeddings" or "embedding.weight", and perhaps
// "weights" (of each token) and "mapping" (token -> row: a quantised vocabulary); tokenizer.json
// the tokenizer; config.json or config_sentence_transformers.json whether vectors have length 1.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "model/formats/import_result.h"
#include "model/packed_model.h"

namespace kindred::model {

// The folder, or its 0_StaticEmbedding, holds model.safetensors and tokenizer.json.
bool is_static_folder(const std::string& folder);

// Hands the model to `writer` as a pack "kindredS" (tokenized_embedding.h); weights are in the
// rows. As Model2Vec does, texts are cut to 512 tokens if the tensor is "embeddings". Progress is
// in rows. Throws std::runtime_error with the file, and what writer and progress throw.
ImportResult import_static_folder(const std::string& folder, PackWriter& writer,
                                  const ImportProgress& progress);

}  // namespace kindred::model
