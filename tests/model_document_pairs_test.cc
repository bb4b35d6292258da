// Pairs of texts out of documents.
// SPDX-License-Identifier: Apache-2.0
#include "model/train/document_pairs.h"

#include <algorithm>
#include <set>
#include <vector>

#include "tests/support/catch.h"

using namespace kindred::model;
using Tokens = std::vector<TokenId>;

namespace {

Tokens sorted(const TokenPair& pair) {
  Tokens all(pair.first.begin(), pair.first.end());
  all.insert(all.end(), pair.second.begin(), pair.second.end());
  std::sort(all.begin(), all.end());
  return all;
}

}  // namespace

TEST_CASE("a pair is a head with its body, or a part with the rest of its document",
          "[model][train]") {
  DocumentPairs pairs({});
  CHECK(pairs.add({1}, {{2, 3}, {4, 5}, {}}));
  CHECK(pairs.pairs() == 3);
  std::set<Tokens> firsts;
  std::vector<TokenPair> batch(4);
  for (int i = 0; i < 60; ++i) {
    REQUIRE(pairs.next(batch) == 1);
    CHECK(sorted(batch[0]) == Tokens{1, 2, 3, 4, 5});
    firsts.emplace(batch[0].first.begin(), batch[0].first.end());
  }
  CHECK(firsts == std::set<Tokens>{{1}, {2, 3}, {4, 5}});
}

TEST_CASE("what makes no pair is left out", "[model][train]") {
  DocumentPairs pairs({});
  CHECK_FALSE(pairs.add({}, {}));
  CHECK_FALSE(pairs.add({1}, {{}}));
  CHECK_FALSE(pairs.add({}, {{1, 2, 3}}));
  CHECK(pairs.size() == 0);
  std::vector<TokenPair> batch(4);
  CHECK(pairs.next(batch) == 0);
}

TEST_CASE("a batch has a document once, and a head once", "[model][train]") {
  DocumentPairs pairs({});
  for (TokenId i = 0; i < 50; ++i) pairs.add({100 + i % 5}, {{i}});
  std::vector<TokenPair> batch(50);
  for (int i = 0; i < 10; ++i) {
    REQUIRE(pairs.next(batch) == 5);
    std::set<TokenId> heads, bodies;
    for (size_t j = 0; j < 5; ++j) {
      heads.insert(batch[j].first[0]);
      bodies.insert(batch[j].second[0]);
      CHECK(batch[j].second[0] % 5 + 100 == batch[j].first[0]);
    }
    CHECK(heads.size() == 5);
    CHECK(bodies.size() == 5);
  }
}

TEST_CASE("all documents come once before one comes again", "[model][train]") {
  DocumentPairs pairs({});
  for (TokenId i = 0; i < 40; ++i) pairs.add({2 * i}, {{2 * i + 1}});
  std::vector<TokenPair> batch(10);
  for (int round = 0; round < 3; ++round) {
    std::set<TokenId> heads;
    for (int i = 0; i < 4; ++i) {
      REQUIRE(pairs.next(batch) == 10);
      for (const TokenPair& pair : batch) heads.insert(pair.first[0]);
    }
    CHECK(heads.size() == 40);
  }
}

TEST_CASE("of a long text a stretch is read, each time another", "[model][train]") {
  DocumentPairs pairs({.most_tokens = 8});
  Tokens body(100);
  for (TokenId i = 0; i < body.size(); ++i) body[i] = i;
  pairs.add({500}, {body});
  std::set<TokenId> begins;
  std::vector<TokenPair> batch(1);
  for (int i = 0; i < 200; ++i) {
    REQUIRE(pairs.next(batch) == 1);
    REQUIRE(batch[0].second.size() == 8);
    CHECK(batch[0].second[7] == batch[0].second[0] + 7);
    begins.insert(batch[0].second[0]);
  }
  CHECK(begins.size() > 50);
  CHECK(*begins.begin() < 8);
  CHECK(*begins.rbegin() > 84);
}
