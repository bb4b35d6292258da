// Texts about made-up topics, of words that no model knows: what a model says of them it has
// learned from them.
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "model/train/random.h"

namespace kindred::test {

inline constexpr size_t kTopics = 30, kWords = 8;

// The words of a topic; no two topics share one.
inline std::string word(size_t topic, size_t number) {
  constexpr std::string_view kConsonants = "bdfgklmnprstvz", kVowels = "aeiou";
  model::Random random(topic * kWords + number + 1);
  std::string word;
  for (int i = 0; i < 4; ++i) {
    word += kConsonants[random.below(kConsonants.size())];
    word += kVowels[random.below(kVowels.size())];
  }
  return word;
}

// `count` words out of one half of a topic's, 0 or 1.
inline std::string words(model::Random& random, size_t topic, size_t half, size_t count) {
  std::string text;
  for (size_t i = 0; i < count; ++i)
    text += word(topic, half * kWords / 2 + random.below(kWords / 2)) + " ";
  return text;
}

}  // namespace kindred::test
