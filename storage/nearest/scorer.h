// What one query needs to be compared with rows of a tail or a segment: exact distances, and for
// whole blocks lower bounds of them at the speed of a scan of codes.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "math/aligned.h"
#include "math/quantize.h"
#include "storage/codes/code_kernels.h"
#include "storage/codes/row_codes.h"
#include "storage/format.h"
#include "storage/log/row_layer.h"

namespace kindred::storage {

class Scorer {
 public:
  // Copies the query. REQUIRES: `query` has spec.bytes() bytes, of finite elements.
  Scorer(const VectorSpec& spec, const void* query);

  // out[i] <= the exact distance of row i, for the first `count` rows of the block; infinity for
  // rows that have no distance (cosine and a norm of 0). REQUIRES: has_distances().
  void lower_bounds(const RowBlock& block, size_t count, float* out);
  // The same for one row.
  float lower_bound(const RowBlock& block, size_t i);
  // Bounds by the coarse codes of a block that has them: lower ones, for half the reading.
  void rough_bounds(const RowBlock& block, size_t first, size_t count, float* out);

  // Whether it has a distance to any row: not the query of norm 0 under cosine.
  bool has_distances() const noexcept { return has_distances_; }

  // Whether codes order rows as distances do, more or less: not so under dot of a query whose
  // square float32 has no room for.
  bool orders_codes() const noexcept { return orders_codes_; }

  // As it was given, zeros behind it up to the alignment of rows.
  const std::byte* query() const noexcept { return query_; }
  // For graphs of the block's rows. Borrowed from the scorer.
  CodedQuery coded_query(const RowBlock& block);

  // The distance as SQL's vec_distance_*() give it; nullopt where there is none.
  std::optional<double> exact(const RowBlock& block, size_t i) const { return exact(block.row(i)); }
  std::optional<double> exact(const std::byte* row) const;

 private:
  // The query as codes are made of it, less their centre where they have one.
  struct Coded {
    const float* centre = nullptr;
    int8_t* codes = nullptr;   // padded as the rows'
    float* scaled = nullptr;   // what they express
    math::Codes numbers{};     // of the codes
    int32_t sum = 0;           // the same
    bool is_encoded = false;   // so far
    bool is_measured = false;  // the same of what follows
    float norm = 0;            // of `scaled`, of the elements that have codes
    float suffix_norm = 0;     // of the others
    float bias = 0;            // as RowNumbers', of the query
    float centre_product = 0;  // of the centre and the query
    float centre_norm = 0;
    math::AlignedBytes memory;  // where it has some of its own
  };

  void make_room();
  std::optional<float> offset_of(const Coded& query) const;
  std::optional<float> offset_of_vector() const;
  void encode(Coded& coded) const;
  Coded& coded_for(const RowBlock& block);
  const Coded& measured_for(const RowBlock& block);
  void raw_scores(const RowBlock& block, size_t first, size_t count);
  void bound(const RowBlock& block, size_t first, size_t count, float* out);
  void bound_codes(const RowBlock& block, size_t first, size_t count, float* out);
  template <class UpperDot>
  void bound_by(const UpperDot& upper_dot, const Coded& query, const RowBlock& block, size_t first,
                size_t count, float* out) const;
  template <class UpperDot>
  void bound_centred(const UpperDot& upper_dot, const Coded& query, const RowBlock& block,
                     size_t first, size_t count, float* out) const;
  float centre_dot(const Coded& query, const RowBlock& block);
  void bound_int8(const RowBlock& block, size_t first, size_t count, float* out) const;
  void bound_floats(const RowBlock& block, size_t first, size_t count, float* out) const;

  VectorSpec spec_;
  CodeKernels kernels_;
  math::AlignedBytes memory_;
  std::byte* query_ = nullptr;  // these lie in memory_
  Coded coded_;                 // without a centre
  std::vector<std::unique_ptr<Coded>> centred_;
  int32_t query_sum_ = 0;   // of an int8 query
  float norm_squared_ = 0;  // of the query
  bool codable_ = false;    // the query
  bool has_distances_ = true;
  bool orders_codes_ = true;
  const float* centre_ = nullptr;  // of coarse codes, the last one, and its product with the query
  float centre_dot_ = 0;
  std::vector<int32_t> integers_;  // raw scores of the rows at hand: see code_kernels.h
  std::vector<float> floats_;      // the same of float32 vectors without codes
};

}  // namespace kindred::storage
