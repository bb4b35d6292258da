// What a model promises: the names it has, and vectors of texts.
// SPDX-License-Identifier: Apache-2.0
#include "model/embedder.h"
#include "model/unicode.h"

#include <bit>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/catch.h"
#include "tests/support/embeddings.h"

namespace {

using kindred::model::Embedder;
using kindred::model::Identity;
using kindred::test::dot;
using kindred::test::is_unit;
using Vector = std::vector<float>;

const Embedder& hash() {
  return *Embedder::find("hash");
}

Vector embed(std::string_view text, size_t dim = 512) {
  return kindred::test::embedded(hash(), text, dim);
}

double cosine(std::string_view a, std::string_view b) {
  return dot(embed(a), embed(b));
}

std::string repeated(std::string_view part, size_t bytes) {
  std::string out;
  out.reserve(bytes + part.size());
  while (out.size() < bytes) out += part;
  return out;
}

}  // namespace

TEST_CASE("find knows default and hash", "[model][embedder]") {
  REQUIRE(Embedder::find("hash") != nullptr);
  REQUIRE(Embedder::find("default") != nullptr);
  CHECK(Embedder::find("default")->identity().name == "default");
  CHECK(Embedder::find("nothing") == nullptr);
  CHECK(Embedder::find("") == nullptr);
  CHECK(Embedder::names() == std::vector<std::string>{"default", "hash"});
}

TEST_CASE("an identity describes itself in one line", "[model][embedder]") {
  CHECK(hash().identity().name == "hash");
  CHECK(hash().identity().dim == 512);
  const Identity identity{"m", 3, "words", "sum", 0xABC};
  CHECK(identity.describe() == "m dim=3 tokenizer=words pooling=sum checksum=0000000000000abc");
}

TEST_CASE("an identity names the version of Unicode that words are folded by",
          "[model][embedder]") {
  const std::string version = kindred::model::unicode_version();
  CHECK(version.find_first_not_of("0123456789.") == std::string::npos);
  CHECK(version.size() >= 3);
  CHECK(hash().description() == hash().identity().describe());
  CHECK(hash().description().find(" tokenizer=words+chargrams/unicode-" + version + " ") !=
        std::string::npos);
}

TEST_CASE("a vector has length 1 whatever part of it is asked for", "[model][embedder]") {
  for (const size_t dim : {1, 2, 3, 64, 100, 256, 511, 512})
    for (const char* text : {"a", "the", "zyzzyva", "Ships sail on the sea.", "\u6771\u4eac"}) {
      CAPTURE(dim, text);
      CHECK(is_unit(embed(text, dim)));
    }
}

TEST_CASE("a part of a vector is its beginning brought to length 1", "[model][embedder]") {
  const Vector whole = embed("the committee met in the autumn");
  for (const size_t dim : {64, 256, 300}) {
    const Vector part = embed("the committee met in the autumn", dim);
    Vector beginning(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(dim));
    const double length = std::sqrt(dot(beginning, beginning));
    for (size_t i = 0; i < dim; ++i) CHECK(part[i] == Approx(beginning[i] / length).margin(1e-6));
  }
}

TEST_CASE("a text without content is told apart and leaves the output alone", "[model][embedder]") {
  for (const char* text : {"", " \n\t", "...", "?!", "\xff\xfe", "\u2014"}) {
    Vector out(512, 7.0f);
    CHECK_FALSE(hash().embed(text, out));
    CHECK(out == Vector(512, 7.0f));
  }
}

TEST_CASE("case, accents, punctuation and spaces do not change a vector", "[model][embedder]") {
  const Vector plain = embed("the cafe on the corner");
  CHECK(embed("The CAFE, on the corner!") == plain);
  CHECK(embed("the caf\u00e9 on the corner") == plain);
  CHECK(embed("  the\tcafe\r\non -- the corner  ") == plain);
  CHECK(embed("the\xff"
              "cafe on \xc0\xaf the corner") == plain);
}

TEST_CASE("the order of words does not change a vector", "[model][embedder]") {
  CHECK(embed("corner the on cafe the") == embed("the cafe on the corner"));
}

TEST_CASE("a misspelt word is near the right one", "[model][embedder]") {
  CHECK(cosine("recieve the parcel", "receive the parcel") > 0.6);
  CHECK(cosine("recieve the parcel", "receive the parcel") >
        cosine("recieve the parcel", "refuse the parcel"));
}

TEST_CASE("forms of a word are near each other", "[model][embedder]") {
  CHECK(cosine("sailing", "sailed") > 0.3);
  CHECK(cosine("sailing", "sailed") > cosine("sailing", "baking") + 0.2);
}

TEST_CASE("related texts are nearer than unrelated ones", "[model][embedder]") {
  const char* query = "how do I reset my password";
  CHECK(cosine(query, "Resetting a forgotten password") >
        cosine(query, "How do I get a refund for my order") + 0.2);
  CHECK(std::abs(cosine("ships sail at sea", "bread is baked of flour")) < 0.15);
}

TEST_CASE("rare words weigh more than common ones", "[model][embedder]") {
  CHECK(cosine("the zebra", "zebra") > 0.95);
  CHECK(cosine("the zebra", "the") < 0.2);
  CHECK(cosine("people photosynthesis", "photosynthesis") >
        cosine("people photosynthesis", "people"));
}

TEST_CASE("words outside the list weigh as much as the rarest", "[model][embedder]") {
  CHECK(cosine("the frobnicator of the year", "frobnicator") > 0.7);
  CHECK(cosine("frobnicator zebra", "frobnicator") >= cosine("frobnicator zebra", "zebra"));
}

TEST_CASE("a word said ten times does not drown the others", "[model][embedder]") {
  CHECK(cosine("zebra zebra zebra zebra zebra zebra zebra zebra zebra zebra lion", "lion") > 0.15);
}

TEST_CASE("search in scripts without spaces works", "[model][embedder]") {
  const char* tokyo = "\u6771\u4eac\u90fd\u306e\u5929\u6c17";          // weather of Tokyo
  const char* is_fine = "\u6771\u4eac\u306f\u6674\u308c\u3067\u3059";  // Tokyo is sunny
  const char* rice = "\u7c73\u3092\u708a\u304f";                       // to cook rice
  CHECK(cosine(tokyo, is_fine) > cosine(tokyo, rice) + 0.2);
  CHECK(cosine("\u0e20\u0e32\u0e29\u0e32\u0e44\u0e17\u0e22", "\u0e44\u0e17\u0e22") > 0.3);  // Thai
}

TEST_CASE("every script has a vector of length 1", "[model][embedder]") {
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

TEST_CASE("a vector is what it was in the first release of the model", "[model][embedder]") {
  // Stored vectors rely on it: where this fails on purpose, raise the model's version.
  const Vector v = embed("Caf\u00e9 \u6771\u4eac zyzzyva");
  uint64_t h = 0xcbf29ce484222325ULL;
  for (const float x : v) h = (h ^ std::bit_cast<uint32_t>(x)) * 0x100000001b3ULL;
  CHECK(h == 0x3bd0cf390b6edb68ULL);
}

TEST_CASE("ten million bytes are embedded in bounded time", "[model][embedder]") {
  constexpr size_t kBytes = 10'000'000;
  for (const char* part : {"a", "word ", "\u6771", "\u0301", "a\u0301", "\xff", "\ufdfa",
                           "\U0001F600", "the quick brown fox jumps over the lazy dog "}) {
    CAPTURE(part);
    const std::string text = repeated(part, kBytes);
    const auto start = std::chrono::steady_clock::now();
    const Vector v = embed(text);
    CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(30));
    CHECK((v.empty() || is_unit(v)));
  }
}

TEST_CASE("threads that embed at once get the same vectors", "[model][embedder]") {
  const Vector expected = embed("ships sail on the sea");
  std::vector<int> differences(4, 0);
  std::vector<std::thread> threads;
  for (int& count : differences)
    threads.emplace_back([&] {
      for (int i = 0; i < 2000; ++i) count += embed("ships sail on the sea") != expected;
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(differences == std::vector<int>(4, 0));
}
