// The model `default`: what it promises of any text, and that it knows meanings.
// SPDX-License-Identifier: Apache-2.0
#include "model/static_embedding.h"

#include <chrono>
#include <cmath>
#include <string>
#include <vector>

#include "tests/support/catch.h"
#include "tests/support/embeddings.h"

namespace {

using kindred::model::Embedder;
using kindred::test::dot;
using kindred::test::is_unit;
using Vector = std::vector<float>;

const Embedder& model() {
  return *Embedder::find("default");
}

Vector embed(std::string_view text, size_t dim = 256) {
  return kindred::test::embedded(model(), text, dim);
}

double cosine(std::string_view a, std::string_view b) {
  return dot(embed(a), embed(b));
}

}  // namespace

TEST_CASE("default names itself, its width and its tokenizer", "[model][default]") {
  CHECK(model().identity().dim == 256);
  CHECK(model().description() == model().identity().describe());
  CHECK(model().description().starts_with("default dim=256 tokenizer=subwords/unicode-"));
}

TEST_CASE("default gives a vector of length 1 at every width", "[model][default]") {
  for (const size_t dim : {1, 3, 64, 128, 200, 256})
    for (const char* text : {"a", "the", "zyzzyva", "Ships sail on the sea.", "\u6771\u4eac"}) {
      CAPTURE(dim, text);
      CHECK(is_unit(embed(text, dim)));
    }
}

TEST_CASE("default knows words that mean the same", "[model][default]") {
  CHECK(cosine("The cat sat on the mat", "A kitten rested on the rug") >
        cosine("The cat sat on the mat", "Stock prices rose sharply"));
  CHECK(cosine("physician", "doctor") > cosine("physician", "carpenter") + 0.1);
  CHECK(cosine("a lawyer in court", "an attorney before the judge") >
        cosine("a lawyer in court", "a gardener among roses") + 0.2);
}

TEST_CASE("default keeps its order of nearness at 64 and 128 dimensions", "[model][default]") {
  for (const size_t dim : {64, 128}) {
    const Vector query = embed("how do I reset my password", dim);
    CHECK(dot(query, embed("Resetting a forgotten password", dim)) >
          dot(query, embed("How do I get a refund for my order", dim)));
  }
}

TEST_CASE("default tells a text without content apart and leaves the output alone",
          "[model][default]") {
  for (const char* text : {"", " \n\t", "...", "?!", "\xff\xfe", "\u2014"}) {
    Vector out(256, 7.0f);
    CHECK_FALSE(model().embed(text, out));
    CHECK(out == Vector(256, 7.0f));
  }
}

TEST_CASE("default goes by letters, not by case, accents or punctuation", "[model][default]") {
  const Vector plain = embed("the cafe on the corner");
  CHECK(embed("The CAFE, on the corner!") == plain);
  CHECK(embed("the caf\u00e9 on the corner") == plain);
  CHECK(embed("the\xff"
              "cafe on \xc0\xaf the corner") == plain);
}

TEST_CASE("default finds shared words in scripts that its vocabulary does not know",
          "[model][default]") {
  const char* tokyo = "\u6771\u4eac\u90fd\u306e\u5929\u6c17";          // weather of Tokyo
  const char* is_fine = "\u6771\u4eac\u306f\u6674\u308c\u3067\u3059";  // Tokyo is sunny
  const char* rice = "\u7c73\u3092\u708a\u304f";                       // to cook rice
  CHECK(cosine(tokyo, is_fine) > cosine(tokyo, rice) + 0.1);
  for (const char* text :
       {"\u041c\u043e\u0441\u043a\u0432\u0430", "\u0391\u03b8\u03ae\u03bd\u03b1",
        "\u05e9\u05dc\u05d5\u05dd", "\u0643\u062a\u0627\u0628",
        "\u0939\u093f\u0928\u094d\u0926\u0940", "\uc11c\uc6b8",
        "\u1019\u103c\u1014\u103a\u1019\u102c", "\u10e5\u10d0\u10e0\u10d7\u10e3\u10da\u10d8",
        "\U0001F6A2", "\u0f56\u0f7c\u0f51"}) {
    CAPTURE(text);
    CHECK(is_unit(embed(text)));
  }
}

TEST_CASE("default compares words as they are spelt where it knows only letters of their script",
          "[model][default]") {
  CHECK(cosine("\u0627\u0644\u0645\u062f\u064a\u0631", "\u0627\u0644\u0645\u0631\u064a\u062f") <
        0.5);                                              // the manager, the wanter
  CHECK(std::abs(cosine("\u03bd\u03cc\u03bc\u03bf\u03c2",  // law, and a letter of its own: -os
                        "\u03bc\u03cc\u03bd\u03bf\u03c2")) < 0.3);  // alone
  const char* sea =
      "\u03b7 \u03b8\u03ac\u03bb\u03b1\u03c3\u03c3\u03b1 \u03b5\u03af\u03bd\u03b1\u03b9 "
      "\u03b2\u03b1\u03b8\u03b9\u03ac";
  const char* seas = "\u03bf\u03b9 \u03b8\u03ac\u03bb\u03b1\u03c3\u03c3\u03b5\u03c2";
  const char* bread =
      "\u03c4\u03bf \u03c8\u03c9\u03bc\u03af \u03ba\u03b1\u03b9 \u03c4\u03bf "
      "\u03b1\u03bb\u03ac\u03c4\u03b9";
  CHECK(cosine(sea, seas) > 0.15);
  CHECK(std::abs(cosine(sea, bread)) < 0.15);
}

TEST_CASE("default reads letters of formulas, and Latin ones, as pieces of words",
          "[model][default]") {
  const auto ids = [](const char* text) {
    size_t listed = 0;
    for (const auto& token : model().tokenize(text)) listed += token.id.has_value() ? 1 : 0;
    return listed;
  };
  CHECK(ids("\u03b1") == 1);
  CHECK(ids("\u00b5m") == 2);       // micrometre, which folds to a Greek letter
  CHECK(ids("\u03b12") == 2);       // of a formula
  CHECK(ids("\u00e6\u00e6") == 2);  // Latin
  CHECK(ids("qzx") == 3);
  CHECK(ids("\u03b1\u03b2\u03b3") == 0);
}

TEST_CASE("default embeds ten million bytes in bounded time", "[model][default]") {
  for (const std::string part : {"a", "word ", "\u6771", "\u0301", "a\u0301", "\xff", "\ufdfa",
                                 "\U0001F600", "the quick brown fox jumps over the lazy dog "}) {
    CAPTURE(part);
    std::string text;
    while (text.size() < 10'000'000) text += part;
    const auto start = std::chrono::steady_clock::now();
    const Vector v = embed(text);
    CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(30));
    CHECK((v.empty() || is_unit(v)));
  }
}

TEST_CASE("a text said many times over has the vector of one", "[model][default]") {
  std::string many;
  for (int i = 0; i < 10000; ++i) many += "ships sail on the sea ";
  const Vector once = embed("ships sail on the sea"), often = embed(many);
  for (size_t i = 0; i < once.size(); ++i) REQUIRE(often[i] == Approx(once[i]).margin(1e-6));
}
