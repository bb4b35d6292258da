// Models from files: what a file or folder holds is told from its content, never from its name.
// Each format has a reader of its own beside this one.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "model/formats/import_result.h"
#include "model/packed_model.h"

namespace kindred::model {

// Reads the model at `path` and hands it to `writer`. Throws std::invalid_argument if there is no
// such file or its format is not known; std::runtime_error, which names file and offset, for one
// that is damaged or cannot be read; and what writer and progress throw.
ImportResult import_model(const std::string& path, PackWriter& writer,
                          const ImportProgress& progress);

}  // namespace kindred::model
