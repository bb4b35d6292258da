// Tokenizers as Hugging Face's library writes them: tokenizer.json. Read are
//   models         WordPiece, BPE, Unigram
//   normalizers    BertNormalizer, Lowercase, NFC, NFD, NFKC, NFKD, Precompiled, Prepend, Replace
//   of
//                  a string or of white space (\s+ and " {2,}"), Sequence, Strip, StripAccents
//   pre-tokenizers BertPreTokenizer, ByteLevel, Metaspace, Sequence, WhitespaceSplit
// and added tokens; anything else is refused. What is about padding, truncation, special tokens
// around a text and decoding is passed over by read_tokenizer().
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "model/tokenizer.h"

namespace kindred::model {

// Throws std::runtime_error that begins with `name` and says where in the JSON what was found, and
// what was wanted.
Tokenizer read_tokenizer(std::string_view json, const std::string& name);

// How many tokens of a text the file's truncation keeps, from the beginning on; 0: all. Throws as
// read_tokenizer(), also where it keeps the end of a text.
uint32_t read_max_tokens(std::string_view json, const std::string& name);

}  // namespace kindred::model
