// The parts of a word that fastText learns vectors of: its n-grams, each in a bucket by its hash
// (Bojanowski et al. 2017). They are read off the word between '<' and '>', counted in characters
// of UTF-8; a single '<' or '>' is none.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace kindred::model {

// fastText's hash: FNV-1a over bytes that are sign-extended first, by which bytes beyond ASCII
// differ from FNV-1a's.
constexpr uint32_t kFirstHash = 2166136261U;
constexpr uint32_t add_to_hash(uint32_t hash, char byte) noexcept {
  return (hash ^ static_cast<uint32_t>(static_cast<int8_t>(byte))) * 16777619U;
}
constexpr uint32_t fasttext_hash(std::string_view text) noexcept {
  uint32_t hash = kFirstHash;
  for (const char byte : text) hash = add_to_hash(hash, byte);
  return hash;
}

// Which n-grams a model has.
struct WordParts {
  static constexpr uint32_t kLongest = 255;
  // What ends a text in fastText: it has no parts.
  static constexpr std::string_view kEndOfText = "</s>";

  uint32_t shortest = 0, longest = 0;  // characters; longest == 0: none
  uint64_t buckets = 0;

  // Calls use(bucket) for each n-gram of the word.
  template <class Use>
  void each(std::string_view word, Use use) const {
    if (longest == 0 || buckets == 0 || word == kEndOfText) return;
    const std::string framed = "<" + std::string(word) + ">";
    const auto continues = [&](size_t at) {
      return at < framed.size() && (framed[at] & 0xC0) == 0x80;
    };
    for (size_t begin = 0; begin < framed.size(); ++begin) {
      if (continues(begin)) continue;
      uint32_t hash = kFirstHash;
      size_t end = begin;
      for (uint32_t n = 1; n <= longest && end < framed.size(); ++n) {
        do hash = add_to_hash(hash, framed[end++]);
        while (continues(end));
        const bool is_frame = n == 1 && (begin == 0 || end == framed.size());
        if (n >= shortest && !is_frame) use(hash % buckets);
      }
    }
  }
};

}  // namespace kindred::model
