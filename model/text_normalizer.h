// What a tokenizer does to a text before it is cut into pieces: steps that make one valid UTF-8
// text of another, as tokenizer.json names them.
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "model/charsmap.h"
#include "model/utf8.h"

namespace kindred::model {

// Appends what it makes of `text` to `out`. Thread-safe.
using NormalizerStep = std::function<void(std::string_view text, std::string& out)>;

struct BertNormalizerOptions {
  bool cleans_text = true;     // drops control characters and U+FFFD; white space becomes a space
  bool spaces_chinese = true;  // puts spaces around each Han character
  bool strips_accents = true;  // canonical decomposition without nonspacing marks
  bool lower_cases = true;
};

NormalizerStep bert_normalizer(BertNormalizerOptions options);
NormalizerStep normal_form_normalizer(Form form);
NormalizerStep lower_case_normalizer();
// Drops nonspacing marks, without decomposition.
NormalizerStep strip_accents_normalizer();
NormalizerStep strip_normalizer(bool left, bool right);
NormalizerStep prepend_normalizer(std::string before);
// REQUIRES: `from` is not empty.
NormalizerStep replace_normalizer(std::string from, std::string to);
// Replaces each run of at least `least` white-space characters, or of spaces alone.
NormalizerStep replace_space_normalizer(size_t least, bool spaces_alone, std::string to);
NormalizerStep charsmap_normalizer(std::shared_ptr<const Charsmap> map);

}  // namespace kindred::model
