// SPDX-License-Identifier: Apache-2.0
#include "model/train/sentences.h"

namespace kindred::model {

std::vector<std::string_view> sentences_of(std::string_view paragraph) {
  std::vector<std::string_view> sentences;
  size_t start = 0;
  for (size_t i = 0; i + 2 < paragraph.size(); ++i) {
    const char c = paragraph[i], after = paragraph[i + 2];
    if ((c != '.' && c != '?' && c != '!') || paragraph[i + 1] != ' ') continue;
    const bool goes_on = after >= 'a' && after <= 'z';
    const bool is_abbreviation = i >= 2 && (paragraph[i - 2] == ' ' || paragraph[i - 2] == '.');
    if (goes_on || is_abbreviation) continue;
    sentences.push_back(paragraph.substr(start, i + 1 - start));
    start = i + 2;
  }
  sentences.push_back(paragraph.substr(start));
  return sentences;
}

}  // namespace kindred::model
