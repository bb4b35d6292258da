// SPDX-License-Identifier: Apache-2.0
#include "model/pre_tokenizer.h"

#include <array>
#include <utility>

#include "model/utf8.h"

namespace kindred::model {
namespace {

enum class Kind : unsigned char { kSpace, kLetter, kNumber, kOther };

Kind kind_of(char32_t c) {
  if (is_white_space(c)) return Kind::kSpace;
  if (is_letter(c)) return Kind::kLetter;
  return is_number(c) ? Kind::kNumber : Kind::kOther;
}

enum class BertKind : unsigned char { kWord, kSpace, kPunctuation };

BertKind bert_kind_of(char32_t c) {
  if (is_white_space(c)) return BertKind::kSpace;
  return is_bert_punctuation(c) ? BertKind::kPunctuation : BertKind::kWord;
}

const std::array<BertKind, 128> kAsciiBertKinds = [] {
  std::array<BertKind, 128> kinds{};
  for (char32_t c = 0; c < kinds.size(); ++c) kinds[c] = bert_kind_of(c);
  return kinds;
}();

void split_bert(TextPart part, const PieceSink& sink) {
  const std::string_view text = part.text;
  size_t word = 0, at = 0;
  while (at < text.size()) {
    const size_t here = at;
    const char32_t c = next_code_point(text, at);
    const BertKind kind = c < 0x80 ? kAsciiBertKinds[c] : bert_kind_of(c);
    if (kind == BertKind::kWord) continue;
    if (here > word) sink(text.substr(word, here - word));
    if (kind == BertKind::kPunctuation) sink(text.substr(here, at - here));
    word = at;
  }
  if (at > word) sink(text.substr(word));
}

void split_white_space(TextPart part, const PieceSink& sink) {
  const std::string_view text = part.text;
  size_t word = 0, at = 0;
  while (at < text.size()) {
    const size_t here = at;
    if (!is_white_space(next_code_point(text, at))) continue;
    if (here > word) sink(text.substr(word, here - word));
    word = at;
  }
  if (at > word) sink(text.substr(word));
}

// Bytes of the contraction that the text begins with; 0 if there is none.
size_t contraction_bytes(std::string_view text) {
  if (!text.starts_with('\'')) return 0;
  for (const std::string_view ending : {"s", "t", "re", "ve", "m", "ll", "d"})
    if (text.substr(1).starts_with(ending)) return 1 + ending.size();
  return 0;
}

struct Run {
  Kind kind;
  size_t last;  // where its last character begins
  size_t end;
};

// The run of characters of one kind that begins at `at`.
Run run_at(std::string_view text, size_t at) {
  Run run{Kind::kOther, at, at};
  run.kind = kind_of(next_code_point(text, run.end));
  while (run.end < text.size()) {
    size_t next = run.end;
    if (kind_of(next_code_point(text, next)) != run.kind) break;
    run.last = run.end;
    run.end = next;
  }
  return run;
}

// The end of the piece of GPT-2's pattern that begins at `at`.
size_t gpt2_piece_end(std::string_view text, size_t at) {
  if (const size_t bytes = contraction_bytes(text.substr(at))) return at + bytes;
  const Run run = run_at(text, at);
  if (run.kind != Kind::kSpace || run.end == text.size()) return run.end;
  if (run.last > at) return run.last;  // the last space belongs to what follows
  return text[at] == ' ' ? run_at(text, run.end).end : run.end;
}

// The characters that stand for bytes: printable ones for themselves, the rest from U+0100 on.
std::array<std::string, 256> byte_characters() {
  std::array<std::string, 256> characters;
  char32_t next = 0x100;
  for (char32_t byte = 0; byte < 256; ++byte) {
    const bool is_printable =
        (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
    append_code_point(characters[byte], is_printable ? byte : next++);
  }
  return characters;
}

class ByteLevel {
 public:
  ByteLevel(bool adds_space, bool splits)
      : adds_space_(adds_space), splits_(splits), characters_(byte_characters()) {}

  void operator()(TextPart part, const PieceSink& sink) const {
    std::string with_space, mapped;
    std::string_view text = part.text;
    if (text.empty()) return;
    if (adds_space_ && !text.starts_with(' ')) text = (with_space += ' ') += text;
    for (size_t begin = 0, end = 0; begin < text.size(); begin = end) {
      end = splits_ ? gpt2_piece_end(text, begin) : text.size();
      mapped.clear();
      for (const char byte : text.substr(begin, end - begin))
        mapped += characters_[static_cast<unsigned char>(byte)];
      sink(mapped);
    }
  }

 private:
  bool adds_space_, splits_;
  std::array<std::string, 256> characters_;
};

class Metaspace {
 public:
  Metaspace(std::string replacement, PrependScheme scheme, bool splits)
      : replacement_(std::move(replacement)), scheme_(scheme), splits_(splits) {}

  void operator()(TextPart part, const PieceSink& sink) const {
    if (part.text.empty()) return;
    std::string text;
    const bool prepends =
        scheme_ == PrependScheme::kAlways || (scheme_ == PrependScheme::kFirst && part.is_first);
    if (prepends && !part.text.starts_with(' ') && !part.text.starts_with(replacement_))
      text += replacement_;
    for (const char c : part.text) c == ' ' ? text += replacement_ : text += c;
    size_t begin = 0;
    for (size_t end; splits_ && (end = text.find(replacement_, begin + 1)) != text.npos;
         begin = end)
      sink(std::string_view(text).substr(begin, end - begin));
    sink(std::string_view(text).substr(begin));
  }

 private:
  std::string replacement_;
  PrependScheme scheme_;
  bool splits_;
};

void run_steps(const std::vector<PreTokenizer>& steps, size_t step, TextPart part,
               const PieceSink& sink) {
  if (step == steps.size()) return sink(part.text);
  bool is_first = part.is_first;
  steps[step](part, [&](std::string_view piece) {
    run_steps(steps, step + 1, {piece, is_first}, sink);
    is_first = false;
  });
}

}  // namespace

PreTokenizer bert_pre_tokenizer() {
  return split_bert;
}

PreTokenizer white_space_pre_tokenizer() {
  return split_white_space;
}

PreTokenizer metaspace_pre_tokenizer(std::string replacement, PrependScheme scheme, bool splits) {
  return Metaspace(std::move(replacement), scheme, splits);
}

PreTokenizer byte_level_pre_tokenizer(bool adds_space, bool splits) {
  return ByteLevel(adds_space, splits);
}

PreTokenizer pre_tokenizer_sequence(std::vector<PreTokenizer> steps) {
  return [steps = std::move(steps)](TextPart part, const PieceSink& sink) {
    run_steps(steps, 0, part, sink);
  };
}

}  // namespace kindred::model
