// Nearest tokens of a table, against plain double arithmetic, and what counts as a word.
// SPDX-License-Identifier: Apache-2.0
#include "model/most_similar.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "tests/support/catch.h"

namespace {

using namespace kindred::model;
using Doubles = std::vector<double>;

// Rows of any magnitude, some of them zero or twice there.
class RandomTable final : public EmbeddingTable {
 public:
  RandomTable(size_t size, size_t dim) : dim_(dim), rows_(size * dim) {
    std::mt19937 random(7);
    std::normal_distribution<float> normal;
    for (float& x : rows_) x = normal(random);
    for (size_t i = 0; i < dim; ++i) {
      rows_[3 * dim + i] = 0;
      rows_[9 * dim + i] = rows_[8 * dim + i];
      rows_[5 * dim + i] *= 1e25F;
      rows_[6 * dim + i] *= 1e-25F;
    }
  }
  size_t size() const noexcept override { return rows_.size() / dim_; }
  size_t dim() const noexcept override { return dim_; }
  std::string token(TokenId id) const override { return "t" + std::to_string(id); }
  std::optional<TokenId> find(std::string_view) const override { return std::nullopt; }
  void row(TokenId id, std::span<float> out) const override {
    std::copy_n(rows_.begin() + static_cast<std::ptrdiff_t>(id * dim_), dim_, out.begin());
  }

 private:
  size_t dim_;
  std::vector<float> rows_;
};

Doubles unit(const EmbeddingTable& table, TokenId id) {
  std::vector<float> row(table.dim());
  table.row(id, row);
  Doubles v(row.begin(), row.end());
  double squares = 0;
  for (const double x : v) squares += x * x;
  for (double& x : v) x /= std::sqrt(squares);
  return v;
}

double dot(const Doubles& a, const Doubles& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

// All tokens that have a direction and are not excluded, best first.
std::vector<SimilarToken> by_plain_arithmetic(const EmbeddingTable& table, const Doubles& direction,
                                              const std::vector<TokenId>& excluded) {
  std::vector<SimilarToken> all;
  for (TokenId id = 0; id < table.size(); ++id) {
    const double score = dot(unit(table, id), direction);
    if (!std::isnan(score) && std::count(excluded.begin(), excluded.end(), id) == 0)
      all.push_back({id, score});
  }
  std::stable_sort(all.begin(), all.end(),
                   [](const auto& a, const auto& b) { return a.score > b.score; });
  return all;
}

const Embedder& model() {
  return *Embedder::find("default");
}

TokenId id_of(std::string_view token) {
  return model().table()->find(token).value();
}

}  // namespace

TEST_CASE("most_similar agrees with plain double arithmetic in order and scores",
          "[model][most_similar]") {
  for (const size_t dim : {3, 100, 257}) {
    const RandomTable table(2000, dim);
    for (const TokenId query : {0, 5, 6, 77}) {
      const std::vector<TokenId> excluded = {query, 12};
      const Doubles direction = unit(table, query);
      const auto wanted = by_plain_arithmetic(table, direction, excluded);
      for (const size_t k : {1, 10, 1997, 5000}) {
        CAPTURE(dim, query, k);
        const auto found = most_similar(table, direction, k, excluded);
        REQUIRE(found.size() == std::min(k, wanted.size()));
        for (size_t i = 0; i < found.size(); ++i) {
          CHECK(found[i].score == Approx(wanted[i].score).margin(1e-6));
          if (std::abs(wanted[i].score - found[i].score) > 1e-13)
            CHECK(found[i].id == wanted[i].id);
        }
      }
    }
  }
}

TEST_CASE("most_similar of no tokens or of none wanted is none", "[model][most_similar]") {
  const RandomTable table(100, 8);
  CHECK(most_similar(table, unit(table, 0), 0, {}).empty());
  std::vector<TokenId> all;
  for (TokenId id = 0; id < 100; ++id) all.push_back(id);
  CHECK(most_similar(table, unit(table, 0), 5, all).empty());
}

TEST_CASE("a combination is the mean of words at length 1 and of vectors as they are",
          "[model][most_similar]") {
  const auto& table = *model().table();
  Combination combination(model());
  CHECK(combination.empty());
  REQUIRE(combination.add_word("king", 1));
  REQUIRE(combination.add_word("man", -1));
  std::vector<float> row(table.dim());
  table.row(id_of("woman"), row);
  combination.add_vector(row, 1);
  const Doubles king = unit(table, id_of("king")), man = unit(table, id_of("man"));
  Doubles sum(row.begin(), row.end());
  for (size_t i = 0; i < sum.size(); ++i) sum[i] += king[i] - man[i];
  const Doubles direction = combination.direction();
  CHECK(dot(direction, direction) == Approx(1));
  CHECK(dot(direction, sum) == Approx(std::sqrt(dot(sum, sum))));
  CHECK(combination.excluded() == std::vector<TokenId>{id_of("king"), id_of("man")});
}

TEST_CASE("a combination that cancels out has no direction", "[model][most_similar]") {
  Combination combination(model());
  REQUIRE(combination.add_word("king", 1));
  REQUIRE(combination.add_word("king", -1));
  CHECK_FALSE(combination.empty());
  CHECK(combination.direction().empty());
}

TEST_CASE("a word is a token, what it folds to, or the sum of its pieces",
          "[model][most_similar]") {
  const auto excluded = [](std::string_view word) {
    Combination combination(model());
    return combination.add_word(word, 1) ? combination.excluded() : std::vector<TokenId>{};
  };
  CHECK(excluded("king") == std::vector<TokenId>{id_of("king")});
  CHECK(excluded("King") == std::vector<TokenId>{id_of("king")});
  CHECK(excluded("##able") == std::vector<TokenId>{id_of("##able")});
  CHECK(excluded("kitten").size() > 1);
}

TEST_CASE("letters, unknown words, phrases and other scripts are no words",
          "[model][most_similar]") {
  for (const char* word : {"xyzzy", "qqqq", "blorptastic", "", " ", "...", "king queen",
                           "\u6771\u4eac", "\xff", "nosuchword"}) {
    CAPTURE(word);
    Combination combination(model());
    CHECK_FALSE(combination.add_word(word, 1));
    CHECK(combination.empty());
  }
}
