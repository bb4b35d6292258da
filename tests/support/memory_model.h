// A packed model in memory: what an importer writes, and what open_packed() reads again.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "model/packed_model.h"

namespace kindred::test {

class MemoryRows final : public model::PackedRows {
 public:
  MemoryRows(std::vector<float> values, size_t dim) : values_(std::move(values)), dim_(dim) {}
  size_t size() const noexcept override { return dim_ == 0 ? 0 : values_.size() / dim_; }
  size_t dim() const noexcept override { return dim_; }
  const float* row(model::TokenId id) const override { return &values_[id * dim_]; }

 private:
  std::vector<float> values_;
  size_t dim_;
};

struct MemoryModel final : model::PackWriter {
  std::vector<uint8_t> pack;
  std::vector<float> rows;
  size_t dim = 0;

  void add_row(std::span<const float> row) override {
    if (!pack.empty()) throw std::logic_error("a row after the pack has begun");
    if (dim != 0 && dim != row.size()) throw std::logic_error("rows of several dims");
    dim = row.size();
    rows.insert(rows.end(), row.begin(), row.end());
  }
  void append(std::span<const uint8_t> bytes) override {
    pack.insert(pack.end(), bytes.begin(), bytes.end());
  }
  // Borrows the pack.
  std::shared_ptr<const model::Embedder> open(std::string name = "m") const {
    return model::open_packed(std::move(name), pack, std::make_shared<MemoryRows>(rows, dim));
  }
};

}  // namespace kindred::test
