// Text -> unit vector by a named model: all that embed() and collections need to know of a model.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/embedding_table.h"

namespace kindred::model {

// What a collection stores of its model, so that vectors of two models never meet.
struct Identity {
  std::string name;       // "default"
  size_t dim = 0;         // full width
  std::string tokenizer;  // how text becomes features: "subwords/unicode-14.0.0"
  std::string pooling;    // how features become one vector: "sum"
  uint64_t checksum = 0;  // of everything that decides the vectors: table, word list, constants

  // One line that tells models apart: "default dim=256 tokenizer=... pooling=...
  // checksum=0123456789abcdef".
  std::string describe() const;
  bool operator==(const Identity&) const = default;
};

// A token of a text as the model reads it.
struct TextToken {
  std::string text;
  std::optional<TokenId> id;  // nullopt: its table has no row for it, or none that counts
  bool is_unknown = false;    // it stands for whatever the model does not know
};

// Thread-safe; constant after construction.
class Embedder {
 public:
  // The built-in model of that name ("default", a token table, or "hash"); nullptr if there is
  // none. The pointer stays valid for ever.
  static const Embedder* find(std::string_view name);
  // Names that find() knows.
  static std::vector<std::string> names();

  virtual ~Embedder() = default;
  virtual const Identity& identity() const = 0;
  // identity().describe(), made once: it is compared for each text.
  virtual const std::string& description() const = 0;

  // Writes the first out.size() dimensions of the text's vector, normalised to length 1, and
  // returns true; returns false and leaves `out` alone if the text has no content (empty, white
  // space, punctuation only). Invalid UTF-8 is read as U+FFFD. The result is the same for a text
  // on every machine and instruction set.
  // REQUIRES: 1 <= out.size() <= identity().dim.
  virtual bool embed(std::string_view text, std::span<float> out) const = 0;

  // The text's tokens in order.
  virtual std::vector<TextToken> tokenize(std::string_view text) const = 0;
  // nullptr: the model has none.
  virtual const EmbeddingTable* table() const noexcept { return nullptr; }
  // Writes the vector of a word, not brought to length 1: its row of the table, or what a model
  // that knows parts of words makes of one that is not listed. False if there is none.
  // REQUIRES: out.size() == identity().dim.
  virtual bool word_vector(std::string_view word, std::span<float> out) const;
};

}  // namespace kindred::model
