// How a tokenizer cuts normalised text into the pieces that its model then knows, as tokenizer.json
// names the ways.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace kindred::model {

using PieceSink = std::function<void(std::string_view piece)>;

// Valid UTF-8; `is_first`: nothing of the whole text is before it.
struct TextPart {
  std::string_view text;
  bool is_first;
};

// Hands the pieces to `sink` in order; they live until it returns. Thread-safe.
using PreTokenizer = std::function<void(TextPart part, const PieceSink& sink)>;

// Words between white space; each punctuation character is a word.
PreTokenizer bert_pre_tokenizer();
PreTokenizer white_space_pre_tokenizer();

enum class PrependScheme { kNever, kFirst, kAlways };
// Spaces become `replacement`, a character, of which one is put in front by `scheme`; `splits`: a
// piece begins at each.
PreTokenizer metaspace_pre_tokenizer(std::string replacement, PrependScheme scheme, bool splits);

// Bytes as printable characters, so that each text is one of known characters (GPT-2).
// `adds_space`: one in front, where there is none. `splits`: by GPT-2's pattern: contractions, then
// letters, numbers or others with a space before them, then white space.
PreTokenizer byte_level_pre_tokenizer(bool adds_space, bool splits);

// Each cuts the pieces of the one before.
PreTokenizer pre_tokenizer_sequence(std::vector<PreTokenizer> steps);

}  // namespace kindred::model
