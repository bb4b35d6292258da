// Text -> folded words, over utf8proc: what counts as a word, and which spellings are the same
// word. It knows nothing of weights or vectors.
//
// A word is a run of letters, digits and marks, folded: compatibility forms and case are gone,
// accents and optional vowel points are dropped ("Café", "CAFE" and "ｃａｆｅ" are one word).
// Scripts that put no spaces between words (Han, kana, Thai, Lao, Khmer, Burmese) give each
// character and each pair of neighbours instead, which is what makes search in them work. Emoji are
// words of one character. Everything else, invalid UTF-8 among it, only separates.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace kindred::model {

// The version of Unicode that the library's tables are of: "14.0.0". With another one a text may
// have other words.
std::string unicode_version();

// Each character in lower case, where it has one of a single character; what is no UTF-8 reads as
// U+FFFD.
std::string to_lower(std::string_view utf8);
// The text without the punctuation (Unicode's categories P*) at its beginning and its end.
std::string_view trim_punctuation(std::string_view utf8) noexcept;

// Whether the code point is in a block of Latin letters, which have digits and signs of sounds,
// too.
bool is_latin(char32_t c) noexcept;

struct Word {
  enum class Kind {
    kSpaced,     // a word between separators
    kCharacter,  // one character of a script without spaces, or an emoji
    kPair,       // two neighbouring characters of a script without spaces
  };
  std::u32string_view text;  // folded code points; lives until the reader's next()
  Kind kind;
};

// Reads the words of a text in order, in one pass and constant memory. Not thread-safe.
class WordReader {
 public:
  // A word has 1..kMaxCharacters code points: a longer run is read as several words, so that no
  // text makes a word of unbounded length. (A pair may have twice as many.)
  static constexpr size_t kMaxCharacters = 64;

  // `text` is UTF-8, borrowed for the reader's life.
  explicit WordReader(std::string_view text) noexcept : rest_(text) {}

  // The next word; false at the end.
  bool next(Word& word);

 private:
  template <class Joins>
  std::string_view take(size_t first_bytes, Joins joins);
  bool fold(std::string_view run);
  void hand_out_character(Word& word);

  std::string_view rest_;    // not yet read
  std::u32string folded_;    // the word handed out
  std::u32string previous_;  // the character before it, inside a script without spaces
  std::u32string pair_;      // previous_ and folded_, when the pair is the word handed out
  bool pair_is_next_ = false;
};

}  // namespace kindred::model
