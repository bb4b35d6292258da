// Training on a user's own rows: that it learns, from any start and any number of columns, gives
// the same bytes each time, and says what it cannot do.
//
// SPDX-License-Identifier: Apache-2.0
#include "model/train/own_rows.h"

#include <array>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

#include "model/static_embedding.h"
#include "model/train/random.h"
#include "tests/support/catch.h"
#include "tests/support/topic_words.h"

using namespace kindred::model;
using namespace kindred::test;
using Start = OwnRowsOptions::Start;

namespace {

constexpr size_t kRows = 600;

// Titles have words of the first half of a topic's, bodies those of the second.
struct Row {
  std::string title, body;
};

std::vector<Row> rows(size_t count) {
  Random random(11);
  std::vector<Row> rows;
  for (size_t i = 0; i < count; ++i)
    rows.push_back({words(random, i % kTopics, 0, 3), words(random, i % kTopics, 1, 5) + "."});
  return rows;
}

OwnRowsOptions options(Start start) {
  OwnRowsOptions options;
  options.start = start;
  options.dimensions = 64;
  options.steps = 150;
  options.threads = 1;
  return options;
}

std::vector<uint8_t> trained(const OwnRowsOptions& options, size_t columns) {
  OwnRows own(options);
  for (const Row& row : rows(kRows)) {
    const std::string both = row.title + ". " + row.body;
    const std::array<std::string_view, 2> two = {row.title, row.body};
    const std::array<std::string_view, 1> one = {both};
    own.add(columns == 1 ? std::span<const std::string_view>(one)
                         : std::span<const std::string_view>(two));
  }
  return own.train([](size_t, size_t) {});
}

// How many topics' words of titles find a body's word of the same topic first.
double share_found(const Embedder& model) {
  const auto vector = [&](const std::string& text) {
    std::vector<float> out(64);
    CHECK(model.embed(text, out));
    return out;
  };
  size_t found = 0;
  for (size_t topic = 0; topic < kTopics; ++topic) {
    const std::vector<float> query = vector(word(topic, 0) + " " + word(topic, 1));
    size_t nearest = 0;
    float best = -2;
    for (size_t other = 0; other < kTopics; ++other) {
      const std::vector<float> body =
          vector(word(other, kWords / 2) + " " + word(other, kWords - 1));
      const float cosine = std::inner_product(query.begin(), query.end(), body.begin(), 0.0F);
      if (cosine > best) {
        best = cosine;
        nearest = other;
      }
    }
    found += nearest == topic;
  }
  return static_cast<double>(found) / kTopics;
}

void add(OwnRows& rows, std::initializer_list<std::string_view> columns) {
  rows.add({columns.begin(), columns.size()});
}

}  // namespace

TEST_CASE("words that stand in one row come near, those of other rows do not", "[model][train]") {
  CHECK(share_found(*Embedder::find("default")) < 0.3);
  const Start start = GENERATE(Start::kDefault, Start::kNothing);
  const size_t columns = GENERATE(1, 2);
  const std::vector<uint8_t> file = trained(options(start), columns);
  CAPTURE(static_cast<int>(start), columns);
  CHECK(share_found(StaticEmbedding("own", file)) > 0.8);
}

TEST_CASE("what the built-in table knew is kept", "[model][train]") {
  OwnRowsOptions from_default = options(Start::kDefault);
  from_default.dimensions = 256;
  const std::vector<uint8_t> file = trained(from_default, 2);
  const StaticEmbedding own("own", file);
  const Embedder& before = *Embedder::find("default");
  std::vector<float> a(256), b(256);
  for (const char* text : {"a cat sat on the mat", "stock markets fell sharply on Monday"}) {
    REQUIRE(own.embed(text, a));
    REQUIRE(before.embed(text, b));
    CHECK(std::inner_product(a.begin(), a.end(), b.begin(), 0.0F) > 0.8);
  }
}

TEST_CASE("the same rows give the same bytes on any number of threads", "[model][train]") {
  OwnRowsOptions several = options(GENERATE(Start::kDefault, Start::kNothing));
  several.steps = 12;
  const std::vector<uint8_t> one = trained(several, 2);
  for (const size_t threads : {1, 2, 3, 0}) {
    several.threads = threads;
    CHECK(trained(several, 2) == one);
  }
  several.seed = 2;
  CHECK(trained(several, 2) != one);
}

TEST_CASE("a table is of the dimensions that are wanted", "[model][train]") {
  struct Case {
    Start start;
    size_t dim;
  };
  const Case wanted = GENERATE(Case{Start::kDefault, 192}, Case{Start::kNothing, 320});
  OwnRowsOptions of_dim = options(wanted.start);
  of_dim.dimensions = wanted.dim;
  of_dim.steps = 3;
  CHECK(TokenTable(trained(of_dim, 2)).dim() == wanted.dim);
}

TEST_CASE("a training tells its steps and ends with what its caller throws", "[model][train]") {
  OwnRowsOptions short_one = options(Start::kDefault);
  short_one.steps = 5;
  OwnRows own(short_one);
  for (const Row& row : rows(kRows)) add(own, {row.title, row.body});
  size_t before = 0;
  std::vector<size_t> steps;
  CHECK_THROWS_WITH(own.train([&](size_t done, size_t total) {
    if (total == 0) {
      ++before;
      return;
    }
    CHECK(total == 5);
    steps.push_back(done);
    if (done == 3) throw std::runtime_error("interrupted");
  }),
                    "interrupted");
  CHECK(steps == std::vector<size_t>{1, 2, 3});
  CHECK(before == (kRows + OwnRows::kRowsBetween - 1) / OwnRows::kRowsBetween);
}

TEST_CASE("training can be ended while texts are read", "[model][train]") {
  OwnRows own(options(GENERATE(Start::kDefault, Start::kNothing)));
  for (const Row& row : rows(kRows)) add(own, {row.title, row.body});
  size_t calls = 0;
  CHECK_THROWS_WITH(own.train([&](size_t, size_t total) {
    CHECK(total == 0);
    if (++calls == 2) throw std::runtime_error("interrupted");
  }),
                    "interrupted");
}

TEST_CASE("too little text to train on is refused with what there was", "[model][train]") {
  OwnRows none(options(GENERATE(Start::kDefault, Start::kNothing)));
  CHECK_THROWS_WITH(none.train([](size_t, size_t) {}),
                    "training: text of at least 32 rows is wanted, got 0");
  OwnRows few(options(Start::kDefault));
  for (const Row& row : rows(30)) add(few, {row.title, row.body});
  for (int i = 0; i < 50; ++i) add(few, {"a copy", "teaches nothing"});
  for (int i = 0; i < 50; ++i) add(few, {"", "...", ""});
  CHECK_THROWS_WITH(few.train([](size_t, size_t) {}),
                    "training: text of at least 32 rows is wanted, got 31 of 130: rows that are "
                    "the same count once, and only rows with two texts or parts of a text");
}

TEST_CASE("few rows and texts in a script of many characters are trained on", "[model][train]") {
  OwnRowsOptions small = options(Start::kNothing);
  small.vocabulary = 256;
  small.steps = 3;
  OwnRows own(small);
  for (uint32_t i = 0; i < 200; ++i) {
    std::u32string text;  // early characters are the frequent ones
    for (uint32_t j = 0; j < 12; ++j) {
      const uint32_t place = (7 * i + 31 * j) % 900;
      text += static_cast<char32_t>(0x4E00 + place * place / 900);
    }
    add(own, {to_utf8(text), to_utf8(text.substr(6))});
  }
  const std::vector<uint8_t> file = own.train([](size_t, size_t) {});
  CHECK(TokenTable(file).size() <= 256);
}

TEST_CASE("options of a training that make no sense are refused", "[model][train]") {
  const auto refused = [](auto change) {
    OwnRowsOptions changed;
    change(changed);
    CHECK_THROWS_AS(OwnRows(changed), std::invalid_argument);
  };
  refused([](OwnRowsOptions& o) { o.dimensions = 0; });
  refused([](OwnRowsOptions& o) { o.dimensions = 100; });
  refused([](OwnRowsOptions& o) { o.dimensions = 320; });  // the built-in table has 256
  refused([](OwnRowsOptions& o) { o.vocabulary = 10; });
  refused([](OwnRowsOptions& o) { o.batch = 1; });
  refused([](OwnRowsOptions& o) { o.rate = -1; });
  refused([](OwnRowsOptions& o) { o.keep = 1.5F; });
  OwnRowsOptions wide;
  wide.start = Start::kNothing;
  wide.dimensions = 1088;
  CHECK_THROWS_WITH(OwnRows(wide),
                    "training: a multiple of 64 up to 1024 as dimensions is wanted, got 1088");
}
