// What every built-in model promises of any bytes at all: a finite vector of length 1, or none and
// the output left alone; with and without positions.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <functional>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "model/embedder.h"
#include "model/ordered_embedding.h"
#include "model/vocabulary.h"
#include "tests/support/catch.h"
#include "tests/support/embeddings.h"

namespace {

using kindred::model::Embedder;
using Vector = std::vector<float>;

struct Way {
  std::string name;
  std::function<bool(std::string_view, std::span<float>)> embed;
};

// Every built-in model, and those with a table in order, too.
std::vector<Way> ways() {
  std::vector<Way> all;
  for (const std::string& name : Embedder::names()) {
    const Embedder& model = *Embedder::find(name);
    all.push_back({name, [&](auto text, auto out) { return model.embed(text, out); }});
    if (model.table() != nullptr)
      all.push_back({name + " in order", [&](auto text, auto out) {
                       return kindred::model::embed_in_order(model, text, out);
                     }});
  }
  return all;
}

bool keeps_promise(const Way& way, std::string_view text, Vector& out) {
  std::fill(out.begin(), out.end(), 7.0F);
  if (way.embed(text, out)) return kindred::test::is_unit(out);
  return std::all_of(out.begin(), out.end(), [](float x) { return x == 7.0F; });
}

}  // namespace

TEST_CASE("every character of Unicode has a vector of length 1 or none", "[model][any_text]") {
  for (const Way& way : ways()) {
    Vector out(64);
    std::string broken;
    for (char32_t c = 0; c <= 0x10FFFF; ++c) {
      if (c >= 0xD800 && c < 0xE000) continue;
      const char32_t text[] = {c, U'a', c};
      const std::string utf8 = kindred::model::to_utf8({text, c % 16 == 0 ? 3U : 1U});
      if (!keeps_promise(way, utf8, out)) broken += " " + std::to_string(c);
    }
    CAPTURE(way.name);
    CHECK(broken.empty());
  }
}

TEST_CASE("random bytes have a vector of length 1 or none", "[model][any_text]") {
  std::mt19937 random(11);
  for (const Way& way : ways()) {
    Vector out(64);
    int broken = 0;
    for (int i = 0; i < 20000; ++i) {
      std::string text(random() % 40, ' ');
      for (char& c : text)
        c = static_cast<char>(random() % 3 == 0 ? 'a' + random() % 26 : random());
      broken += keeps_promise(way, text, out) ? 0 : 1;
    }
    CAPTURE(way.name);
    CHECK(broken == 0);
  }
}

TEST_CASE("one character said a hundred thousand times has a vector of length 1 or none",
          "[model][any_text]") {
  for (const Way& way : ways())
    for (const char* character : {"a", "7", "\u00e9", "\u0301", "\u6771", "\u0e01", "\U0001F600",
                                  "\u200d", "\xff", "\xf0", "\xed\xa0\x80", " ", "."}) {
      CAPTURE(way.name, character);
      std::string text;
      for (int i = 0; i < 100'000; ++i) text += character;
      Vector out(64);
      CHECK(keeps_promise(way, text, out));
    }
}
