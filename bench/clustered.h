// Data with the shape of embeddings, made here with a fixed seed: unit vectors from a mixture of
// 1,000 clusters of unequal size in a latent space of 64 dimensions with a decaying spectrum,
// projected at random to `dim` dimensions, with 15 % noise in all of these.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace kindred::bench {

// Two standard normal numbers a step (Box & Muller 1958) from splitmix64: the same on every machine
// and library, which std::normal_distribution is not.
class Normal {
 public:
  explicit Normal(uint64_t seed) : state_(seed) {}
  float next() {
    if (has_spare_) {
      has_spare_ = false;
      return spare_;
    }
    const float radius = std::sqrt(-2.0F * std::log(uniform()));
    const float angle = 6.2831853F * uniform();
    spare_ = radius * std::sin(angle);
    has_spare_ = true;
    return radius * std::cos(angle);
  }
  // In (0, 1].
  float uniform() { return (static_cast<float>(bits() >> 40) + 1.0F) * 0x1p-24F; }
  uint64_t bits() {
    uint64_t z = state_ += 0x9e3779b97f4a7c15U;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
  }

 private:
  uint64_t state_;
  float spare_ = 0;
  bool has_spare_ = false;
};

class Clustered {
 public:
  Clustered(size_t dim, uint64_t seed) : dim_(dim), random_(seed) {
    for (size_t j = 0; j < kLatent; ++j) spectrum_[j] = std::pow(static_cast<float>(j + 1), -0.4F);
    projection_.resize(kLatent * dim);
    const float scale = 1.0F / std::sqrt(static_cast<float>(dim));
    for (float& x : projection_) x = random_.next() * scale;
    centres_.resize(kClusters * kLatent);
    for (size_t i = 0; i < centres_.size(); ++i)
      centres_[i] = spectrum_[i % kLatent] * (random_.next() + kOffset * offset_sign(i % kLatent));
    float sum = 0;
    for (float& share : shares_) share = sum += 0.1F + random_.uniform() * random_.uniform();
  }

  // (n, dim), row-major.
  std::vector<float> rows(size_t n) {
    std::vector<float> all(n * dim_);
    for (size_t i = 0; i < n; ++i) fill({all.data() + i * dim_, dim_});
    return all;
  }

 private:
  static constexpr size_t kLatent = 64;
  static constexpr size_t kClusters = 1000;
  static constexpr float kSpread = 0.9F;  // within a cluster, of the spread between them
  static constexpr float kOffset = 1.1F;  // common to all: embeddings fill a cone
  static constexpr float kNoise = 0.15F;  // of the length

  static float offset_sign(size_t j) { return j % 2 == 0 ? 1.0F : -1.0F; }

  void fill(std::span<float> out) {
    const float pick = random_.uniform() * shares_[kClusters - 1];
    size_t cluster = 0;
    while (shares_[cluster] < pick) ++cluster;
    for (float& x : out) x = 0;
    for (size_t j = 0; j < kLatent; ++j) {
      const float latent =
          centres_[cluster * kLatent + j] + kSpread * spectrum_[j] * random_.next();
      const float* axis = projection_.data() + j * dim_;
      for (size_t d = 0; d < dim_; ++d) out[d] += latent * axis[d];
    }
    const float noise = kNoise * length(out) / std::sqrt(static_cast<float>(dim_));
    for (float& x : out) x += noise * random_.next();
    const float inverse = 1.0F / length(out);
    for (float& x : out) x *= inverse;
  }

  static float length(std::span<const float> v) {
    double sum = 0;
    for (const float x : v) sum += static_cast<double>(x) * x;
    return static_cast<float>(std::sqrt(sum));
  }

  size_t dim_;
  Normal random_;
  float spectrum_[kLatent];
  float shares_[kClusters];  // cumulative
  std::vector<float> projection_;
  std::vector<float> centres_;
};

// Makes pixels of clustered vectors: 0 to 255, most of them dark, lengths that differ by a factor
// of ten.
inline void make_pixels(std::span<float> rows, size_t dim, Normal& random) {
  for (size_t i = 0; i < rows.size(); i += dim) {
    const float brightness = 300.0F * (0.2F + random.uniform() * random.uniform());
    for (float& x : rows.subspan(i, dim))
      x = std::min(255.0F, std::max(0.0F, x * 20.0F * brightness / 10.0F));
  }
}

}  // namespace kindred::bench
