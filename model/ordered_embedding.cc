// SPDX-License-Identifier: Apache-2.0
#include "model/ordered_embedding.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "model/positions.h"

namespace kindred::model {
namespace {

// The sinusoidal encodings of positions 0, 1, 2, ...: each is the one before, turned by the angles
// of position 1. That is a hundred times faster than so many sines, and off by 1e-16 a step.
class PositionWalk {
 public:
  explicit PositionWalk(size_t dim) : now_(dim + dim % 2), step_(dim + dim % 2) {
    for (size_t i = 0; i < dim; i += 2) {
      const double angle = sinusoidal_angle(1, i / 2, dim);
      now_[i + 1] = 1;  // cos 0
      step_[i] = std::sin(angle);
      step_[i + 1] = std::cos(angle);
    }
  }
  double operator[](size_t i) const noexcept { return now_[i]; }
  void advance() noexcept {
    for (size_t i = 0; i < now_.size(); i += 2) {
      const double sin = now_[i], cos = now_[i + 1];
      now_[i] = sin * step_[i + 1] + cos * step_[i];
      now_[i + 1] = cos * step_[i + 1] - sin * step_[i];
    }
  }

 private:
  std::vector<double> now_, step_;
};

// How much of a row its position changes at most.
constexpr double kShare = 0.5;

double length(std::span<const double> v) {
  double squares = 0;
  for (const double x : v) squares += x * x;
  return std::sqrt(squares);
}

double length(std::span<const float> v) {
  double squares = 0;
  for (const float x : v) squares += static_cast<double>(x) * static_cast<double>(x);
  return std::sqrt(squares);
}

// Tokens with a row, and those without, of which only the direction is known.
struct Sums {
  explicit Sums(size_t dim) : listed(dim), unlisted(dim) {}

  double mean_length() const { return rows > 0 ? lengths / static_cast<double>(rows) : 1; }

  std::vector<double> listed, unlisted;
  double lengths = 0;  // of the rows of `listed`
  size_t rows = 0;
  bool has_content = false;
};

void add(std::vector<double>& sum, const std::vector<float>& row, const PositionWalk& position) {
  for (size_t i = 0; i < sum.size(); ++i)
    sum[i] += static_cast<double>(row[i]) * (1 + kShare * position[i]);
}

Sums sums_of(const Embedder& model, std::string_view text, size_t dim) {
  const EmbeddingTable& table = *model.table();
  Sums sums(dim);
  PositionWalk position(dim);
  std::vector<float> row(table.dim());
  for (const TextToken& token : model.tokenize(text)) {
    if (token.id) {
      table.row(*token.id, row);
      add(sums.listed, row, position);
      sums.lengths += length(row);
      ++sums.rows;
      sums.has_content = true;
    } else if (model.embed(token.text, row)) {
      add(sums.unlisted, row, position);
      sums.has_content = true;
    }
    position.advance();
  }
  return sums;
}

}  // namespace

bool embed_in_order(const Embedder& model, std::string_view text, std::span<float> out) {
  const Sums sums = sums_of(model, text, out.size());
  if (!sums.has_content) return false;
  std::vector<double> sum(out.size());
  for (size_t i = 0; i < sum.size(); ++i)
    sum[i] = sums.listed[i] + sums.mean_length() * sums.unlisted[i];
  const double norm = length(sum);
  std::fill(out.begin(), out.end(), 0.0F);
  if (norm == 0) out.front() = 1;  // all of it cancelled out: as embed() does
  for (size_t i = 0; i < sum.size() && norm > 0; ++i) out[i] = static_cast<float>(sum[i] / norm);
  return true;
}

}  // namespace kindred::model
