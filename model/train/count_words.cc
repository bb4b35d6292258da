// Counts the words of the text on standard input and writes model/data/word_rarity.bin to standard
// output. The same text gives the same bytes. How it is run: model/data/README.md.
// With the argument --text it writes the counts as lines "count word" instead, for reading.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <bit>
#include <iostream>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "model/unicode.h"
#include "model/word_rarity.h"

namespace {

using namespace kindred::model;

constexpr uint64_t kMinimumCount = 16;  // a rarer word is as good as unknown
constexpr size_t kSlots = size_t{1} << 17;

using Entry = std::pair<std::u32string, uint64_t>;

struct Counts {
  std::unordered_map<std::u32string, uint64_t> of_word;
  uint64_t total = 0;
};

Counts count(std::istream& in) {
  Counts counts;
  for (std::string line; std::getline(in, line);) {
    WordReader reader(line);
    for (Word word; reader.next(word);) {
      if (word.kind == Word::Kind::kPair) continue;
      ++counts.of_word[std::u32string(word.text)];
      ++counts.total;
    }
  }
  return counts;
}

// The words of the list, the most frequent first, equals in the order of their code points.
std::vector<Entry> ranked(const Counts& counts) {
  std::vector<Entry> entries;
  for (const auto& [word, occurrences] : counts.of_word)
    if (occurrences >= kMinimumCount) entries.emplace_back(word, occurrences);
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return a.second != b.second ? a.second > b.second : a.first < b.first;
  });
  return entries;
}

void write_text(const std::vector<Entry>& entries) {
  for (const auto& [word, occurrences] : entries) {
    std::cout << occurrences << ' ';
    for (const char32_t c : word) {
      if (c < 0x80)
        std::cout << static_cast<char>(c);
      else
        std::cout << "\\u{" << std::hex << static_cast<uint32_t>(c) << std::dec << '}';
    }
    std::cout << '\n';
  }
}

void write_list(const std::vector<Entry>& entries, uint64_t total) {
  WordRarityBuilder builder(kSlots);
  for (const auto& [word, occurrences] : entries)
    builder.insert(hash_word(word), static_cast<unsigned>(std::bit_width(total / occurrences)));
  for (const uint16_t slot : builder.slots())
    std::cout.put(static_cast<char>(slot & 0xFF)).put(static_cast<char>(slot >> 8));
}

}  // namespace

int main(int argc, char** argv) {
  std::ios::sync_with_stdio(false);
  const bool as_text = argc > 1 && std::string_view(argv[1]) == "--text";
  const Counts counts = count(std::cin);
  const std::vector<Entry> entries = ranked(counts);
  if (entries.size() >= kSlots) {
    std::cerr << "count_words: " << entries.size() << " words, at most " << kSlots - 1 << " fit\n";
    return 1;
  }
  if (as_text)
    write_text(entries);
  else
    write_list(entries, counts.total);
  std::cerr << counts.total << " words read, " << entries.size() << " kept\n";
  return std::cout.flush() ? 0 : 1;
}
