// SPDX-License-Identifier: Apache-2.0
#include "model/text_normalizer.h"

#include <algorithm>
#include <array>
#include <utility>

namespace kindred::model {
namespace {

struct Range {
  char32_t first, last;
};

// Han as BERT has it.
constexpr Range kChinese[] = {
    {0x3400, 0x4DBF},   {0x4E00, 0x9FFF},   {0xF900, 0xFAFF},   {0x20000, 0x2A6DF},
    {0x2A700, 0x2B73F}, {0x2B740, 0x2B81F}, {0x2B920, 0x2CEAF}, {0x2F800, 0x2FA1F},
};

bool is_chinese(char32_t c) {
  return c >= kChinese[0].first &&
         std::any_of(std::begin(kChinese), std::end(kChinese),
                     [c](const Range& r) { return c >= r.first && c <= r.last; });
}

constexpr bool is_ascii(char byte) {
  return static_cast<unsigned char>(byte) < 0x80;
}

char ascii_lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

class BertNormalizer {
 public:
  explicit BertNormalizer(BertNormalizerOptions options) : options_(options) {
    for (size_t i = 0; i < ascii_.size(); ++i) {
      const auto c = static_cast<char>(i);
      ascii_[i] = options.lower_cases ? ascii_lower(c) : c;
      if (!options.cleans_text) continue;
      if (c == '\t' || c == '\n' || c == '\r')
        ascii_[i] = ' ';
      else if (is_control(i))
        ascii_[i] = kDropped;
    }
  }

  void operator()(std::string_view text, std::string& out) const {
    out.reserve(out.size() + text.size());
    for (size_t at = 0; at < text.size();) {
      while (at < text.size() && is_ascii(text[at])) {
        const char c = ascii_[static_cast<size_t>(text[at++])];
        if (c != kDropped || !options_.cleans_text) out.push_back(c);
      }
      if (at == text.size()) return;
      const size_t end_of_ascii = at;
      while (at < text.size() && !is_ascii(text[at])) ++at;
      append_beyond_ascii(text.substr(end_of_ascii, at - end_of_ascii), out);
    }
  }

 private:
  static constexpr char kDropped = 0;

  // Cleans and spaces a run of other characters; what decomposition cannot cross is at its ends.
  void append_beyond_ascii(std::string_view run, std::string& out) const {
    std::string cleaned;
    for (size_t at = 0; at < run.size();) {
      const char32_t c = next_code_point(run, at);
      if (options_.cleans_text) {
        if (c == 0xFFFD || is_control(c)) continue;
        if (is_white_space(c)) {
          cleaned.push_back(' ');
          continue;
        }
      }
      const bool spaced = options_.spaces_chinese && is_chinese(c);
      if (spaced) cleaned.push_back(' ');
      append_code_point(cleaned, c);
      if (spaced) cleaned.push_back(' ');
    }
    if (options_.strips_accents) {
      std::string decomposed;
      append_normal_form(decomposed, cleaned, Form::kNfd);
      cleaned.swap(decomposed);
    }
    for (size_t at = 0; at < cleaned.size();) {
      const char32_t c = next_code_point(cleaned, at);
      if (options_.strips_accents && is_nonspacing_mark(c)) continue;
      options_.lower_cases ? append_lower_case(out, c) : append_code_point(out, c);
    }
  }

  BertNormalizerOptions options_;
  std::array<char, 128> ascii_{};
};

template <class F>
void for_each_code_point(std::string_view text, F f) {
  for (size_t at = 0; at < text.size();) f(next_code_point(text, at));
}

}  // namespace

NormalizerStep bert_normalizer(BertNormalizerOptions options) {
  return BertNormalizer(options);
}

NormalizerStep normal_form_normalizer(Form form) {
  return [form](std::string_view text, std::string& out) { append_normal_form(out, text, form); };
}

NormalizerStep lower_case_normalizer() {
  return [](std::string_view text, std::string& out) {
    for_each_code_point(text, [&](char32_t c) { append_lower_case(out, c); });
  };
}

NormalizerStep strip_accents_normalizer() {
  return [](std::string_view text, std::string& out) {
    for_each_code_point(text, [&](char32_t c) {
      if (!is_nonspacing_mark(c)) append_code_point(out, c);
    });
  };
}

NormalizerStep strip_normalizer(bool left, bool right) {
  return [left, right](std::string_view text, std::string& out) {
    size_t begin = 0, end = 0, at = 0;
    bool seen = false;
    while (at < text.size()) {
      const size_t here = at;
      if (is_white_space(next_code_point(text, at))) continue;
      if (!seen) begin = here;
      seen = true;
      end = at;
    }
    if (!seen) {
      if (!left && !right) out += text;
      return;
    }
    if (!left) begin = 0;
    if (!right) end = text.size();
    out += text.substr(begin, end - begin);
  };
}

NormalizerStep prepend_normalizer(std::string before) {
  return [before = std::move(before)](std::string_view text, std::string& out) {
    if (!text.empty()) out += before;
    out += text;
  };
}

NormalizerStep replace_normalizer(std::string from, std::string to) {
  return [from = std::move(from), to = std::move(to)](std::string_view text, std::string& out) {
    size_t at = 0;
    for (size_t found; (found = text.find(from, at)) != text.npos; at = found + from.size())
      (out += text.substr(at, found - at)) += to;
    out += text.substr(at);
  };
}

NormalizerStep replace_space_normalizer(size_t least, bool spaces_alone, std::string to) {
  return [=, to = std::move(to)](std::string_view text, std::string& out) {
    size_t run_begin = 0, run_length = 0, at = 0;
    const auto end_run = [&](size_t end) {
      if (run_length >= least)
        out += to;
      else
        out += text.substr(run_begin, end - run_begin);
      run_length = 0;
    };
    while (at < text.size()) {
      const size_t here = at;
      const char32_t c = next_code_point(text, at);
      if (spaces_alone ? c == ' ' : is_white_space(c)) {
        if (run_length++ == 0) run_begin = here;
        continue;
      }
      if (run_length != 0) end_run(here);
      out += text.substr(here, at - here);
    }
    if (run_length != 0) end_run(text.size());
  };
}

NormalizerStep charsmap_normalizer(std::shared_ptr<const Charsmap> map) {
  return [map = std::move(map)](std::string_view text, std::string& out) {
    map->append_normal_form(out, text);
  };
}

}  // namespace kindred::model
