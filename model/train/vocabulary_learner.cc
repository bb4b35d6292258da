// SPDX-License-Identifier: Apache-2.0
#include "model/train/vocabulary_learner.h"

#include <algorithm>
#include <map>
#include <queue>
#include <set>
#include <stdexcept>
#include <tuple>

#include "model/unicode.h"
#include "model/vocabulary.h"

namespace kindred::model {
namespace {

using Symbol = uint32_t;

struct CountedWord {
  std::u32string text;
  uint64_t count;
};

// A piece of a word: what it begins with, or what is inside.
struct Piece {
  std::u32string text;
  bool inside;
  auto operator<=>(const Piece&) const = default;
  std::string notation() const { return (inside ? "##" : "") + to_utf8(text); }
};

std::vector<CountedWord> ranked(const WordCounts& counts) {
  std::vector<CountedWord> words;
  for (const auto& [text, count] : counts.of_word()) words.push_back({text, count});
  std::sort(words.begin(), words.end(), [](const CountedWord& a, const CountedWord& b) {
    return a.count != b.count ? a.count > b.count : a.text < b.text;
  });
  return words;
}

std::map<Piece, uint64_t> count_characters(const std::vector<CountedWord>& words) {
  std::map<Piece, uint64_t> counts;
  for (const CountedWord& word : words)
    for (size_t i = 0; i < word.text.size(); ++i)
      counts[{word.text.substr(i, 1), i > 0}] += word.count;
  return counts;
}

std::vector<Piece> frequent_characters(const std::vector<CountedWord>& words, uint64_t least) {
  std::vector<Piece> frequent;
  for (const auto& [piece, count] : count_characters(words))
    if (count >= least) frequent.push_back(piece);
  return frequent;
}

// Byte-pair encoding over characters. A pair's count is kept up to date word by word; the queue
// holds it once for each change, and what is out of date is passed over.
class PairEncoder {
 public:
  PairEncoder(const std::vector<Piece>& characters, const std::vector<CountedWord>& words,
              uint64_t least_word) {
    for (const Piece& piece : characters) add_piece(piece);
    for (const CountedWord& word : words)
      if (word.count >= least_word) add_word(word);
    for (const auto& [pair, count] : counts_) queue_.push({count, pair});
  }

  // Adds pieces until there are `size`, or no pair is left.
  void learn(size_t size, const std::function<void()>& look) {
    while (pieces_.size() < size && !queue_.empty()) {
      if (pieces_.size() % kPiecesBetween == 0) look();
      const auto [count, pair] = queue_.top();
      queue_.pop();
      if (count > 1 && counts_.at(pair) == count) merge(pair);
    }
  }

  const std::vector<Piece>& pieces() const { return pieces_; }

 private:
  static constexpr size_t kPiecesBetween = 16;

  using Pair = std::pair<Symbol, Symbol>;
  struct Candidate {
    int64_t count;
    Pair pair;
    // Of equal counts the older pieces first.
    bool operator<(const Candidate& other) const {
      return count != other.count ? count < other.count : pair > other.pair;
    }
  };
  struct Word {
    std::vector<Symbol> symbols;
    int64_t count;
  };

  Symbol add_piece(const Piece& piece) {
    const auto [place, is_new] = symbol_of_.emplace(piece, static_cast<Symbol>(pieces_.size()));
    if (is_new) pieces_.push_back(piece);
    return place->second;
  }

  void add_word(const CountedWord& counted) {
    Word word{{}, static_cast<int64_t>(counted.count)};
    for (size_t i = 0; i < counted.text.size(); ++i) {
      const auto symbol = symbol_of_.find({counted.text.substr(i, 1), i > 0});
      if (symbol == symbol_of_.end()) return;
      word.symbols.push_back(symbol->second);
    }
    words_.push_back(word);
    count_pairs(static_cast<uint32_t>(words_.size() - 1), word.count);
  }

  void count_pairs(uint32_t index, int64_t by) {
    const std::vector<Symbol>& symbols = words_[index].symbols;
    for (size_t i = 0; i + 1 < symbols.size(); ++i) {
      const Pair pair{symbols[i], symbols[i + 1]};
      counts_[pair] += by;
      touched_.push_back(pair);
      if (by > 0) words_of_[pair].push_back(index);
    }
  }

  void merge(Pair pair) {
    Piece piece = pieces_[pair.first];
    piece.text += pieces_[pair.second].text;
    const Symbol merged = add_piece(piece);
    std::vector<uint32_t> words = std::move(words_of_[pair]);
    words_of_.erase(pair);
    std::sort(words.begin(), words.end());
    words.erase(std::unique(words.begin(), words.end()), words.end());
    touched_.clear();
    for (const uint32_t index : words) {
      Word& word = words_[index];
      count_pairs(index, -word.count);
      replace(word.symbols, pair, merged);
      count_pairs(index, word.count);
    }
    std::sort(touched_.begin(), touched_.end());
    touched_.erase(std::unique(touched_.begin(), touched_.end()), touched_.end());
    for (const Pair& changed : touched_)
      if (const int64_t count = counts_[changed]; count > 0) queue_.push({count, changed});
  }

  static void replace(std::vector<Symbol>& symbols, Pair pair, Symbol merged) {
    size_t to = 0;
    for (size_t from = 0; from < symbols.size(); ++from, ++to) {
      const bool both = from + 1 < symbols.size() && symbols[from] == pair.first &&
                        symbols[from + 1] == pair.second;
      symbols[to] = both ? merged : symbols[from];
      if (both) ++from;
    }
    symbols.resize(to);
  }

  struct PairHash {
    size_t operator()(const Pair& pair) const {
      return (uint64_t{pair.first} << 32 | pair.second) * 0x9e3779b97f4a7c15ULL >> 20;
    }
  };

  std::vector<Piece> pieces_;
  std::map<Piece, Symbol> symbol_of_;
  std::vector<Word> words_;
  std::unordered_map<Pair, int64_t, PairHash> counts_;
  std::unordered_map<Pair, std::vector<uint32_t>, PairHash> words_of_;  // may have lost the pair
  std::priority_queue<Candidate> queue_;
  std::vector<Pair> touched_;
};

// How often the tokenizer uses each piece.
std::vector<uint64_t> count_uses(const Vocabulary& vocabulary,
                                 const std::vector<CountedWord>& words) {
  std::vector<uint64_t> uses(vocabulary.size());
  std::vector<TokenId> ids;
  for (const CountedWord& word : words) {
    ids.clear();
    std::u32string_view rest = word.text;
    while (!rest.empty()) {
      const Vocabulary::Match match = vocabulary.longest(rest, /*inside=*/!ids.empty());
      if (match.length == 0) break;
      ids.push_back(match.id);
      rest.remove_prefix(match.length);
    }
    if (!rest.empty()) continue;
    for (const TokenId id : ids) uses[id] += word.count;
  }
  return uses;
}

}  // namespace

void WordCounts::add(std::string_view text) {
  WordReader reader(text);
  for (Word word; reader.next(word);)
    if (word.kind != Word::Kind::kPair) ++of_word_[std::u32string(word.text)];
}

uint64_t least_character(const WordCounts& counts, size_t most) {
  std::vector<uint64_t> of_character;
  for (const auto& [piece, count] : count_characters(ranked(counts))) of_character.push_back(count);
  std::sort(of_character.rbegin(), of_character.rend());
  return most < of_character.size() ? std::max<uint64_t>(of_character[most] + 1, 2) : 2;
}

std::vector<std::string> learn_vocabulary(const WordCounts& counts,
                                          const VocabularyOptions& options,
                                          const std::function<void()>& look) {
  const std::vector<CountedWord> words = ranked(counts);
  const std::vector<Piece> characters = frequent_characters(words, options.least_character);
  if (characters.size() > options.size)
    throw std::invalid_argument("vocabulary: " + std::to_string(characters.size()) +
                                " single characters, " + std::to_string(options.size) +
                                " pieces are wanted");
  PairEncoder encoder(characters, words, options.least_word);
  encoder.learn(static_cast<size_t>(static_cast<double>(options.size) * options.surplus), look);
  std::set<std::string> kept;
  for (const Piece& piece : characters) kept.insert(piece.notation());
  std::vector<std::string> all;
  for (const Piece& piece : encoder.pieces()) all.push_back(piece.notation());
  const Vocabulary vocabulary(all);
  const std::vector<uint64_t> uses = count_uses(vocabulary, words);
  std::vector<TokenId> by_use(vocabulary.size());
  for (TokenId id = 0; id < by_use.size(); ++id) by_use[id] = id;
  std::stable_sort(by_use.begin(), by_use.end(),
                   [&](TokenId a, TokenId b) { return uses[a] > uses[b]; });
  for (const TokenId id : by_use) {
    if (kept.size() >= options.size) break;
    kept.insert(vocabulary.piece(id));
  }
  return {kept.begin(), kept.end()};
}

}  // namespace kindred::model
